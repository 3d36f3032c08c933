"""Simple ways to restore: each does what its name says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from good_files import folder
from PIL import Image

import rivals.tasks.restoration.baselines as simple
from rivals.games.translation import Pair
from rivals.metrics.fidelity import psnr
from rivals.tasks.restoration.baselines import baselines, bicubic, filled, harmonic
from rivals.tasks.restoration.damage import Damage, covered
from rivals.tasks.restoration.data import Good, load


@pytest.fixture(autouse=True)
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple, "WINDOWS", 64)


def pictures(path: Path) -> Good:
    return load(folder(path, 20))


def test_a_linear_filter_beats_the_input(tmp_path: Path) -> None:
    good, noise = pictures(tmp_path / "a"), Damage("denoise", 1, 25.0)
    ways = baselines(good, noise)
    pair = good.whole(noise, [0])
    fitted, raw = (psnr(ways[name](pair), pair.target).item() for name in ("linear filter", "input"))
    assert fitted > raw + 3


def test_a_linear_filter_undoes_what_is_linear(tmp_path: Path) -> None:
    good, twice = pictures(tmp_path / "a"), Damage("super-resolution", 2)
    ways, pair = baselines(good, twice), good.whole(twice, [0])
    assert psnr(ways["linear filter"](pair), pair.target).item() > psnr(ways["bicubic"](pair), pair.target).item()
    assert ways["linear filter"](pair).shape == pair.target.shape


def test_bicubic_is_pillows() -> None:
    small = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    wanted = np.asarray(Image.fromarray(small).resize((24, 20), Image.Resampling.BICUBIC))
    made = bicubic(torch.from_numpy(small).permute(2, 0, 1)[None] / 127.5 - 1, 4)
    assert np.array_equal(((made[0] + 1) * 127.5).round().permute(1, 2, 0).numpy(), wanted)


def test_a_harmonic_fill_continues_a_slope() -> None:
    rows, columns = torch.meshgrid(torch.linspace(-0.8, 0.2, 16), torch.linspace(-0.2, 0.6, 16), indexing="ij")
    plane, hole = (rows + columns)[None, None].repeat(1, 3, 1, 1), torch.zeros(1, 1, 16, 16)
    hole[:, :, 4:11, 5:12] = 1
    pair = Pair(plane, covered(plane, hole))
    assert (harmonic(pair) - plane).abs().max() < 1e-3, "a plane is harmonic"
    flat = filled(pair, torch.zeros(3))
    missing = hole.expand_as(flat) > 0
    assert (flat[missing] == 0).all() and torch.equal(flat[~missing], plane[~missing])


def test_grey_and_the_mean_colour(tmp_path: Path) -> None:
    good, colour = pictures(tmp_path / "a"), Damage("colour")
    ways, pair = baselines(good, colour), good.whole(colour, [0])
    assert (ways["grey"](pair)[:, 1:] == 0).all() and torch.equal(ways["mean colour"](pair)[:, :1], pair.source)
    assert ways["mean colour"](pair)[0, 1:].flatten(1).std(1).max() < 1e-5
