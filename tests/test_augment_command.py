"""rivals augment: a table of accuracies with and without a GAN's samples, and its mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from rivals import cli
from rivals.augment import _shifted, _told


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels, labels = load_digits(n_class=4, return_X_y=True)
    pixels = np.minimum(pixels * 16, 255).astype(np.uint8).reshape(-1, 8, 8)
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(file, x_train=pixels[:500], y_train=labels[:500], x_test=pixels[500:], y_test=labels[500:])
    return file


OPTIONS = ["--per-class", "3,20", "--seeds", "2", "--samples", "1024", "--steps", "60", "--made", "20"]


def called(digits: Path, out: Path, options: list[str]) -> int | str | None:
    with pytest.raises(SystemExit) as done:
        cli.main(["augment", str(digits), *options, "-o", str(out)])
    return done.value.code


def test_the_table(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert not called(digits, out, OPTIONS)
    table = (out / "augment.md").read_text()
    assert table in capsys.readouterr().out + "\n"
    assert table.count("±") == 12
    assert (out / "20-per-class-seed-1" / "run" / "run.json").exists()
    cells = json.loads((out / "augment.json").read_text())["accuracy"]
    assert len(cells) == 4
    assert all(0 < accuracy <= 1 for found in cells.values() for accuracy in found.values())
    few, more = cells["3-per-class-seed-0"], cells["20-per-class-seed-0"]
    assert more["real"] > few["real"] - 0.05  # more labels, a better classifier
    assert len(set(more.values())) > 2  # the ways differ


def test_a_broken_off_call_goes_on(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", "rivals.augment._compared"
    done: list[str] = []

    def compared(pictures: object, real: object, seed: int, plan: object, folder: Path) -> dict[str, float]:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(folder.name)
        return {way: 0.5 + len(done) / 100 for way in ("real", "shifted", "GAN", "both")}

    monkeypatch.setattr(real, compared)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        cli.main(["augment", str(digits), *OPTIONS, "-o", str(out)])
    assert not (out / "augment.md").exists()
    done[:] = done[:0]
    assert called(digits, out, [*OPTIONS[:-1], "30"]) == 2
    assert "was begun with made 20" in capsys.readouterr().err
    assert not called(digits, out, OPTIONS)
    assert done == ["20-per-class-seed-1"]
    assert (out / "augment.md").exists()


def test_shifts_move_and_keep() -> None:
    pictures = torch.arange(18.0).view(2, 1, 3, 3)
    assert _shifted(pictures, 0, torch.Generator()).equal(pictures)
    moved = _shifted(pictures.expand(2, 1, 3, 3).repeat(20, 1, 1, 1), 1, torch.Generator().manual_seed(0))
    assert len({tuple(each.flatten().tolist()) for each in moved[::2]}) > 4


def test_an_interval_is_students() -> None:
    assert _told([0.1, 0.2, 0.3], "{:.3f}") == f"0.200 ± {4.30 * 0.1 / 3**0.5:.3f}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--per-class", "ten"], "whole numbers"),
        (["--per-class", "1"], "2 or more"),
        (["--per-class", "9999"], "fewer than 9999"),
        (["--seeds", "0"], "at least 1"),
        (["--labels", "none"], "have no classes"),
    ],
)
def test_mistakes_are_told(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert called(digits, tmp_path / "out", options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
