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


def test_the_table(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    options = ["--per-class", "3,20", "--seeds", "2", "--samples", "1024", "--steps", "60", "--made", "20", "-o", str(out)]
    with pytest.raises(SystemExit) as done:
        cli.main(["augment", str(digits), *options])
    assert not done.value.code
    figures = json.loads((out / "augment.json").read_text())
    assert set(figures) == {"3", "20"}
    assert all(
        len(values) == 2 and 0 < min(values) <= max(values) <= 1 for found in figures.values() for values in found.values()
    )
    assert figures["20"]["real"][0] > figures["3"]["real"][0] - 0.05  # more labels, a better classifier
    assert len({*figures["20"]["real"], *figures["20"]["GAN"], *figures["20"]["shifted"]}) > 2  # the ways differ
    table = (out / "augment.md").read_text()
    assert table in capsys.readouterr().out + "\n"
    assert table.count("±") == 12
    assert (out / "20-per-class-seed-1" / "run" / "run.json").exists()


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
    with pytest.raises(SystemExit) as done:
        cli.main(["augment", str(digits), "-o", str(tmp_path / "out"), *options])
    assert done.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
