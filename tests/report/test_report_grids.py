"""Grids: which ones a page takes, that their pixels stay, and the animation."""

import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rivals.report import animate, write
from rivals.report import grids as pages
from rivals.report.folder import grids
from rivals.report.grids import Frame, frames

RNG = np.random.default_rng(0)


def noise(path: Path, width: int, height: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path, compress_level=1)
    return path


def decoded(frame: Frame) -> Image.Image:
    head, _, data = frame.uri.partition(",")
    assert head in ("data:image/webp;base64", "data:image/png;base64")
    return Image.open(io.BytesIO(b64decode(data))).convert("RGB")


def test_few_grids_are_all_there_with_their_own_pixels(run: Path) -> None:
    paths = grids(run)
    taken = frames(paths)
    assert [frame.seen for frame in taken] == [int(path.stem) for path in paths] and len(taken) == 12
    for frame, path in zip(taken, paths, strict=True):
        assert np.array_equal(np.asarray(decoded(frame)), np.asarray(Image.open(path).convert("RGB")))
        assert len(frame.uri) < path.stat().st_size * 4 / 3 + 40


def test_of_many_grids_forty_are_taken_the_first_and_last_among_them(tmp_path: Path) -> None:
    paths = [noise(tmp_path / f"{i:012d}.png", 32, 24) for i in range(200)]
    taken = frames(paths)
    assert len(taken) == 40 and (taken[0].seen, taken[-1].seen) == (0, 199)
    assert all(np.array_equal(np.asarray(decoded(frame)), np.asarray(Image.open(paths[frame.seen]))) for frame in taken)
    assert [frame.seen for frame in taken] == sorted(frame.seen for frame in taken)


def test_two_hundred_heavy_grids_make_a_page_below_five_megabytes(run: Path) -> None:
    for path in grids(run):
        path.unlink()
    first = noise(run / "samples" / f"{0:012d}.png", 320, 250)  # 240 kB each, and nothing compresses them
    for i in range(1, 200):
        (run / "samples" / f"{i:012d}.png").write_bytes(first.read_bytes())
    assert sum(path.stat().st_size for path in grids(run)) > 40e6
    assert write(run).stat().st_size < 5_000_000
    taken = frames(grids(run))
    assert taken[-1].seen == 199 and len(taken) >= 3


def test_pictures_too_large_for_every_other_plan_are_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "BUDGET", 30_000)
    monkeypatch.setattr(pages, "PLANS", (pages.Plan(40, 0, 16383), pages.Plan(2, 60, 64)))
    taken = frames([noise(tmp_path / f"{i:012d}.png", 128, 96) for i in range(3)])  # 37 kB each
    assert [(frame.seen, frame.width, frame.height) for frame in taken] == [(0, 64, 48), (2, 64, 48)]
    for frame in taken:
        assert decoded(frame).size == (64, 48)


def test_a_broken_picture_is_told_and_left_out(tmp_path: Path) -> None:
    good, bad = noise(tmp_path / "000000000001.png", 8, 8), tmp_path / "000000000002.png"
    bad.write_bytes(good.read_bytes()[:60])
    with pytest.warns(UserWarning, match=r"000000000002\.png is no whole picture"):
        assert [frame.seen for frame in frames([good, bad])] == [1]


def test_the_animation_has_the_grids_in_order(run: Path) -> None:
    paths = grids(run)
    made = animate(run)
    assert made == run / "samples.webp" and made is not None
    with Image.open(made) as film:
        assert film.n_frames == min(len(paths), 60)  # type: ignore[attr-defined]
        film.seek(film.n_frames - 1)  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(film.convert("RGB")), np.asarray(Image.open(paths[-1]).convert("RGB")))
    assert not list(run.glob(".*.tmp"))


def test_an_animation_needs_two_grids(tmp_path: Path) -> None:
    assert animate(tmp_path) is None
    noise(tmp_path / "samples" / "000000000001.png", 8, 8)
    assert animate(tmp_path) is None and not (tmp_path / "samples.webp").exists()
    noise(tmp_path / "samples" / "000000000002.png", 9, 9)  # another size: nothing to go with
    assert animate(tmp_path) is None
    noise(tmp_path / "samples" / "000000000003.png", 9, 9)
    noise(tmp_path / "samples" / "notes.png", 9, 9)  # not a grid of the run
    made = animate(tmp_path)
    assert made is not None
    with Image.open(made) as film:
        assert film.n_frames == 2  # type: ignore[attr-defined]
