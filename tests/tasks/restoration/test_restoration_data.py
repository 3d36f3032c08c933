"""Good pictures: the split, windows as a function of their number, held-out pictures in full."""

from pathlib import Path

import numpy as np
import pytest
import torch
from good_files import folder, good
from PIL import Image

from rivals.core.errors import UserError
from rivals.tasks.restoration.damage import Damage
from rivals.tasks.restoration.data import load

TWICE = Damage("super-resolution", 2)


def test_a_tenth_is_held_out_or_what_is_given(tmp_path: Path) -> None:
    own = load(folder(tmp_path / "a", 30))
    assert 1 <= len(own.held_out) <= 9 and len(own.train) + len(own.held_out) == 30
    assert not set(own.train.names) & set(own.held_out.names)
    given = load(tmp_path / "a", folder(tmp_path / "b", 3))
    assert len(given.train) == 30 and given.held_out.names == ["00.png", "01.png", "02.png"]
    assert own.digest != given.digest


def test_the_digest_follows_the_pixels(tmp_path: Path) -> None:
    before = load(folder(tmp_path / "a", 6)).digest
    assert load(tmp_path / "a").digest == before
    Image.fromarray(good(99)).save(tmp_path / "a" / "00.png")
    assert load(tmp_path / "a").digest != before


def test_windows_are_a_function_of_their_number(tmp_path: Path) -> None:
    pictures = load(folder(tmp_path / "a", 8))
    noise = Damage("denoise", 1, 25.0)
    stream = pictures.stream(noise, 16, seed=3)
    first = [next(stream(start, 4, 4)) for start in (0, 4)]
    whole = next(pictures.stream(noise, 16, seed=3)(0, 8, 8))
    assert torch.equal(torch.cat([each.source for each in first]), whole.source)
    assert not torch.equal(next(pictures.stream(noise, 16, seed=4)(0, 8, 8)).target, whole.target)
    assert whole.target.shape == (8, 3, 16, 16)


def test_held_out_pictures_are_whole_and_cut_to_the_scale(tmp_path: Path) -> None:
    folder(tmp_path / "a", 4)
    pictures = load(tmp_path / "a", folder(tmp_path / "b", 3, height=21, width=33))
    pair = pictures.whole(TWICE, [0, 2])
    assert pair.target.shape == (2, 3, 20, 32) and pair.source.shape == (2, 3, 10, 16)
    assert torch.equal(pictures.whole(TWICE, [0, 2]).source, pair.source)
    assert pictures.groups(2) == [[0, 1]], "small ones of one size go together"
    crops = pictures.crops(TWICE, [0, 1, 2], 12)
    assert crops.target.shape == (3, 3, 12, 12)
    middle = pictures.held_out.pixels[0][(21 - 12) // 2 :][:12, (33 - 12) // 2 :][:, :12]
    assert np.array_equal(((crops.target[0] + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8), middle)


def test_grey_pictures_and_sizes(tmp_path: Path) -> None:
    folder(tmp_path / "a", 6, channels=1)
    assert load(tmp_path / "a", channels=1).train.pixels[0].shape == (28, 36, 1)
    assert load(tmp_path / "a", size="16x20").train.pixels[0].shape == (16, 20, 3)
    with pytest.raises(UserError, match="channels is 2"):
        load(tmp_path / "a", channels=2)
