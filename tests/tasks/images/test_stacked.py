"""Stacked pictures: functions of their numbers, all modes alike, and a recipe for each game."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rivals import tasks
from rivals.tasks.images.stack import triples


def test_triples_are_functions_of_the_number_and_spread_evenly() -> None:
    items = torch.arange(30_000)
    drawn = triples(items, 10, seed=0)
    assert (drawn[7:9] == triples(torch.tensor([7, 8]), 10, seed=0)).all()
    assert (drawn != triples(items, 10, seed=1)).mean() > 0.8
    modes = np.bincount(drawn @ np.array([100, 10, 1]), minlength=1000)
    expected = 30.0
    assert modes.min() > 0 and ((modes - expected) ** 2 / expected).sum() < 1200, "chi-squared of 999 degrees of freedom"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", x_train=noise[:30], y_train=np.arange(30) % 10, x_test=noise[20:], y_test=np.arange(20) % 10)
    return tmp_path / "set.npz"


@pytest.mark.parametrize(
    ("play", "moves", "penalties"), [("r3gan", 1, {"r1", "r2"}), ("gan-r1", 1, {"r1"}), ("wgan-gp", 5, {"gp"})]
)
def test_each_game_plays(digits: Path, tmp_path: Path, play: str, moves: int, penalties: set[str]) -> None:
    trainer = tasks.find("images.stacked")[1](
        data=digits, play=play, width=4, widest=4, samples=12, batch=2, out=tmp_path / "run"
    )
    trainer.play()
    assert trainer.seen == 2 * (moves + 1 + (moves == 1))
    assert trainer.game.penalties.keys() == penalties and trainer.facts["stack"] == 3
    assert trainer.facts["channels"] == 3 and trainer.facts["classes"] == 0
