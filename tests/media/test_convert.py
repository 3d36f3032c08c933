"""Files and folders through a change of their pixels: names, alpha, bits and orientation kept; mistakes in one line."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.types import Tensor
from rivals.media.convert import convert
from rivals.media.deep import read_deep, write_deep


def same(x: Tensor) -> Tensor:
    return x


def double(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))  # a file left open is a warning, which is an error


def test_a_folder_keeps_names_sub_folders_and_pixels(tmp_path: Path) -> None:
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    one, two = noise(5, 7, 3), noise(4, 4, 3, seed=1)
    Image.fromarray(one).save(tmp_path / "in" / "one.png")
    Image.fromarray(two).save(tmp_path / "in" / "deeper" / "two.webp", lossless=True)
    Image.fromarray(noise(16, 16, 3)).save(tmp_path / "in" / "three.JPG", "JPEG")
    (tmp_path / "in" / "notes.txt").write_text("beside")
    written = convert([tmp_path / "in"], tmp_path / "out", same, channels=3)
    names = {path.relative_to(tmp_path / "out").as_posix() for path in written}
    assert names == {"one.png", "deeper/two.png", "three.JPG"}
    assert np.array_equal(np.asarray(opened(tmp_path / "out" / "one.png")), one)
    assert np.array_equal(np.asarray(opened(tmp_path / "out" / "deeper" / "two.png")), two)
    assert opened(tmp_path / "out" / "three.JPG").format == "JPEG"


def test_alpha_is_kept_and_resized(tmp_path: Path) -> None:
    pixels = noise(6, 8, 4)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    convert([tmp_path / "a.png"], tmp_path / "same", same, channels=3)
    assert np.array_equal(np.asarray(opened(tmp_path / "same" / "a.png")), pixels)
    convert([tmp_path / "a.png"], tmp_path / "double", double, channels=3)
    larger = opened(tmp_path / "double" / "a.png")
    assert larger.mode == "RGBA" and larger.size == (16, 12)
    assert np.array_equal(np.asarray(larger)[::2, ::2, :3], pixels[..., :3])
    assert larger.getchannel("A").getextrema()[0] < larger.getchannel("A").getextrema()[1]


def test_sixteen_bits_stay_sixteen(tmp_path: Path) -> None:
    grey = (np.arange(48, dtype=np.uint16) * 1237 + 3).reshape(6, 8)
    colour = np.random.default_rng(0).integers(0, 65536, (6, 8, 3)).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    (tmp_path / "colour.png").write_bytes(write_deep(colour))
    convert([tmp_path / "grey.png"], tmp_path / "one", same, channels=1)
    assert np.array_equal(np.asarray(opened(tmp_path / "one" / "grey.png")), grey)
    convert([tmp_path / "colour.png", tmp_path / "grey.png"], tmp_path / "three", same, channels=3)
    assert np.array_equal(read_deep((tmp_path / "three" / "colour.png").read_bytes()), colour)
    assert np.array_equal(read_deep((tmp_path / "three" / "grey.png").read_bytes())[..., 0], grey)


def test_pictures_come_out_upright(tmp_path: Path) -> None:
    image, exif = Image.fromarray(noise(4, 9, 3)), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    convert([tmp_path / "turned.png"], tmp_path / "out", same, channels=3)
    result = opened(tmp_path / "out" / "turned.png")
    assert result.size == (4, 9) and 0x0112 not in result.getexif()


def test_channels_follow_what_is_needed_and_the_profile_stays(tmp_path: Path) -> None:
    Image.fromarray(noise(4, 4)).save(tmp_path / "grey.png")
    Image.fromarray(noise(4, 4, 3)).save(tmp_path / "colour.png", icc_profile=b"a profile")
    seen: list[torch.Size] = []

    def watch(x: Tensor) -> Tensor:
        seen.append(x.shape)
        return x

    convert([tmp_path / "grey.png", tmp_path / "colour.png"], tmp_path / "out", watch, channels=3)
    assert seen == [(1, 3, 4, 4)] * 2
    assert opened(tmp_path / "out" / "colour.png").info["icc_profile"] == b"a profile"
    convert([tmp_path / "colour.png"], tmp_path / "grey", same, channels=1)
    assert opened(tmp_path / "grey" / "colour.png").mode == "L"
    assert "icc_profile" not in opened(tmp_path / "grey" / "colour.png").info


def test_sheets_show_source_result_and_target(tmp_path: Path) -> None:
    for place in ("in", "wanted"):
        (tmp_path / place).mkdir()
        Image.fromarray(noise(4, 4, 3, seed=len(place))).save(tmp_path / place / "a.png")
    convert([tmp_path / "in"], tmp_path / "two", double, channels=3, sheets=True)
    assert opened(tmp_path / "two" / "compare" / "a.png").size == (2 * 14 + 6, 8 + 12)
    convert([tmp_path / "in"], tmp_path / "three", double, channels=3, compare=tmp_path / "wanted")
    assert opened(tmp_path / "three" / "compare" / "a.png").size == (3 * 14 + 6, 8 + 12)
    with pytest.raises(UserError, match="no target for"):
        Image.fromarray(noise(4, 4, 3)).save(tmp_path / "in" / "b.png")
        convert([tmp_path / "in"], tmp_path / "four", same, channels=3, compare=tmp_path / "wanted")
    assert not (tmp_path / "four").exists()


def png(array: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


def test_files_that_are_no_pictures_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(noise(4, 4, 3)))
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(UserError, match=r"1 of 2 files.*bad.png: .*no JPEG"):
        convert([tmp_path], tmp_path / "out", same, channels=3)
    assert not (tmp_path / "out").exists()
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match="is a pipe"):
        convert([tmp_path / "pipe.png"], tmp_path / "out", same, channels=3)
    with pytest.raises(UserError, match="does not exist"):
        convert([tmp_path / "missing.png"], tmp_path / "out", same, channels=3)


def test_a_file_broken_further_on_leaves_the_others(tmp_path: Path) -> None:
    whole = png(noise(64, 64, 3), "JPEG")
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jpg").write_bytes(whole)
    with pytest.raises(UserError, match=r"a.jpg: a damaged JPEG.*the 1 others are in"):
        convert([tmp_path / "a.jpg", tmp_path / "b.jpg"], tmp_path / "out", same, channels=3)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.jpg"]


def test_other_mistakes_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(noise(4, 4, 3)))
    (tmp_path / "a.webp").write_bytes(png(noise(4, 4, 3)))
    with pytest.raises(UserError, match=r"both become a.png"):
        convert([tmp_path / "a.png", tmp_path / "a.webp"], tmp_path / "out", same, channels=3)
    with pytest.raises(UserError, match="not empty"):
        convert([tmp_path / "a.png"], tmp_path, same, channels=3)

    def hungry(x: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    with pytest.raises(UserError, match=r"a.png: 4x4 pixels .*--tile"):
        convert([tmp_path / "a.png"], tmp_path / "out", hungry, channels=3)
