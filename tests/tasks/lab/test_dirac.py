"""The Dirac-GAN against its closed form: the trainer's own steps circle without a penalty and converge with r1."""

import math
from pathlib import Path

import pytest
import torch

from rivals.core.stream import Stream
from rivals.games.gan import Sample
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks.lab import dirac
from rivals.tasks.lab.orbit import eigenvalues, field, flow, total
from rivals.testing import check_game


def played(objective: str, penalty: str, tmp_path: Path, *, rate: float = 0.1, rounds: int = 300) -> list[float]:
    """The distance from the equilibrium after each round."""
    trainer = dirac.recipe(objective=objective, penalty=penalty, rate=rate, samples=2 * rounds, moments=2, out=tmp_path / "run")
    radii = []
    for _ in trainer:
        radii.append(math.hypot(trainer.game.generator.theta.item(), trainer.game.discriminator.psi.item()))
    return radii


def test_the_closed_form_of_minimax_is_a_circle_and_wassersteins_too() -> None:
    for objective in ("minimax", "wasserstein"):
        orbit = flow(field(objective, 0.0), 40.0)
        assert all(math.hypot(*point) == pytest.approx(math.sqrt(2), abs=1e-6) for point in orbit)
    x, y = flow(field("wasserstein", 0.0), math.pi / 2)[-1]
    assert (x, y) == (pytest.approx(1.0), pytest.approx(-1.0)), "a quarter turn from (1, 1)"


def test_the_flow_near_the_equilibrium_falls_at_the_eigenvalues_rate() -> None:
    for objective, gamma in (("minimax", 0.3), ("relativistic", 0.3), ("wasserstein", 0.5), ("minimax", 1.6)):
        rate = eigenvalues(objective, gamma)[0].real
        orbit = flow(field(objective, gamma), 40.0, start=(1e-3, 0.0))
        fallen = math.log(math.hypot(*orbit[-1]) / math.hypot(*orbit[1000])) / 20.0
        assert fallen == pytest.approx(rate, abs=0.03)
    assert eigenvalues("minimax", 0.0)[0] == 0.5j, "no real part: it neither comes nearer nor goes away"


def test_a_field_far_out_is_finite() -> None:
    assert all(map(math.isfinite, field("minimax", 0.0)(1e30, -1.0)))


def test_the_trainer_circles_without_a_penalty(tmp_path: Path) -> None:
    radii = played("minimax", "none", tmp_path)
    assert max(radii) < 1.08 * math.sqrt(2) and min(radii) > 0.92 * math.sqrt(2)


@pytest.mark.parametrize(("objective", "penalty"), [("minimax", "r1"), ("non-saturating", "r1"), ("relativistic", "r1+r2")])
def test_the_trainer_converges_with_r1_as_the_closed_form_says(objective: str, penalty: str, tmp_path: Path) -> None:
    radii = played(objective, penalty, tmp_path)
    closed = flow(field(objective, total(penalty, 0.3)), 30.0)
    for part in (75, 150, 225):
        expected = math.hypot(*closed[round(part / 300 * (len(closed) - 1))])
        assert radii[part - 1] == pytest.approx(expected, rel=0.3, abs=0.02)
    assert radii[-1] < 0.05


def test_the_game_keeps_the_contract() -> None:
    made = {"objective": "non-saturating"}
    check_game(lambda: dirac.game(made), Stream.over(Sample(torch.zeros(64, 1))))


def test_the_card_and_the_page(tmp_path: Path) -> None:
    dirac.recipe(penalty="r1", samples=400, moments=4, out=tmp_path / "run").fit(progress=False)
    card = Model(tmp_path / "run").evaluate(Judging(samples=20))["dirac-radius"]
    assert card.value == pytest.approx(card.extra["bound"], rel=0.1) and card.extra["rate"] == pytest.approx(-0.15)
    text = (tmp_path / "run" / "lab.html").read_text()
    assert '"kind":"dirac"' in text and "closed form" in text
