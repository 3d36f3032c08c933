"""Grids, animations and picture files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.media import pictures


def test_values_map_to_pixels_and_back(tmp_path: Path) -> None:
    values = torch.tensor([[[-1.0, 0.0], [1.0, 2.0]]])
    image = pictures.picture(values)
    assert np.asarray(image).tolist() == [[0, 128], [255, 255]] and image.mode == "L"
    image.save(tmp_path / "a.png")
    back = pictures.read(tmp_path / "a.png", channels=1, height=2, width=2)
    assert torch.allclose(back, values.clamp(-1, 1), atol=1 / 127)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_channels(channels: int, mode: str) -> None:
    assert pictures.picture(torch.zeros(channels, 3, 5)).mode == mode
    assert pictures.picture(torch.zeros(channels, 3, 5)).size == (5, 3)


def test_a_grid_shows_what_is_transparent_over_white() -> None:
    red = torch.tensor([1.0, -1.0, -1.0, -1.0])[:, None, None].expand(4, 2, 2)
    clear, solid = red, torch.cat([red[:3], torch.ones(1, 2, 2)])
    sheet = np.asarray(pictures.grid(torch.stack([clear, solid]), 2, gap=1))
    assert (sheet[1:3, 1:3] == 255).all() and (sheet[1:3, 4:6] == (255, 0, 0)).all()


def test_a_grid_keeps_its_tiles_apart() -> None:
    sheet = np.asarray(pictures.grid(torch.ones(5, 1, 2, 3), 3, scale=2, gap=1))
    assert sheet.shape == (2 * (4 + 1) + 1, 3 * (6 + 1) + 1, 3)
    white = (sheet == 255).all(2)
    assert white.sum() == 5 * 4 * 6, "five tiles of 4x6 pixels, nothing between them is white"
    assert not white[0].any() and not white[:, 0].any() and not white[5].any()


def test_an_animation_has_all_its_frames(tmp_path: Path) -> None:
    frames = []
    for i in range(4):
        frames.append(tmp_path / f"{i}.png")
        pictures.picture(torch.full((1, 4, 4), i / 2 - 1)).save(frames[-1])
    pictures.animate(frames, tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as animation:
        assert animation.n_frames == 4


def test_write_names_files_by_number_and_label(tmp_path: Path) -> None:
    made = pictures.write(torch.zeros(2, 1, 4, 4), torch.tensor([3, 5]), tmp_path / "out")
    assert [path.name for path in made] == ["samples.npz", "grid.png", "000000-3.png", "000001-5.png"]
    assert np.load(made[0])["label"].tolist() == [3, 5]


def test_unreadable_pictures_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8)).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:-40])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "other.gif").write_bytes(b"GIF89a")
    for name in ("cut.jpg", "empty.png", "other.gif", "gone.png"):
        with pytest.raises(UserError, match=name):
            pictures.read(tmp_path / name, channels=1, height=8, width=8)
    with pytest.raises(UserError, match="8x8 pixels; this model takes 4x8"):
        pictures.read(whole, channels=1, height=8, width=4)


def test_other_numbers_of_channels_are_shown_but_not_written(tmp_path: Path) -> None:
    assert pictures.picture(torch.zeros(2, 3, 5)).mode == "L" and pictures.picture(torch.zeros(7, 3, 5)).mode == "RGB"
    made = pictures.write(torch.zeros(2, 5, 4, 4), torch.tensor([[0.5], [1.0]]), tmp_path / "out")
    assert [path.name for path in made] == ["samples.npz", "grid.png"]
    assert np.load(made[0])["samples"].shape == (2, 5, 4, 4) and np.load(made[0])["label"].tolist() == [[0.5], [1.0]]
    vector = pictures.write(torch.zeros(1, 1, 4, 4), torch.tensor([[0.5, 1.0]]), tmp_path / "vector")
    assert vector[-1].name == "000000.png"
    with pytest.raises(UserError, match="5 channels, which no picture file holds"):
        pictures.read(made[1], channels=5, height=4, width=4)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_keep_their_value(tmp_path: Path, suffix: str) -> None:
    deep = np.array([[0, 257, 40_000], [65_535, 300, 1]], np.uint16)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(deep).save(path)
    grey = pictures.read(path, channels=1, height=2, width=3)
    assert torch.allclose(grey[0], torch.from_numpy(deep / 32767.5 - 1).float(), atol=1e-6)
    colour = pictures.read(path, channels=4, height=2, width=3)
    assert torch.equal(colour[:3], grey.expand(3, -1, -1)) and (colour[3] == 1).all()
    Image.fromarray(deep.astype(np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(UserError, match="more than 16 bits"):
        pictures.read(tmp_path / "float.tiff", channels=1, height=2, width=3)
