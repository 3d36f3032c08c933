"""The Dirac-GAN, the smallest game there is: why some games circle and others converge (arXiv:1801.04406)."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.game import Game
from rivals.core.objectives import OBJECTIVES
from rivals.core.recipe import trainable
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer, Watcher
from rivals.games.gan import Sample
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Judging, MetricCard
from rivals.tasks.lab.moments import value
from rivals.tasks.lab.orbit import (
    PARTS,
    START,
    VIEW,
    Dirac,
    DiracObjective,
    DiracPenalty,
    Field,
    Place,
    Slope,
    arrows,
    eigenvalues,
    field,
    flow,
    picture,
    total,
)
from rivals.tasks.lab.page import page
from rivals.tasks.lab.reading import table, write_points
from rivals.tasks.lab.recording import recorder
from rivals.tasks.lab.training import OPTIONS, optimizing, penalties

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = (
    ("sample {run} -n 100 -o out/", "the generator's point, a hundred times"),
    ("compare lab.dirac 'lab.dirac --penalty r1' -o out/", "the same game without and with a penalty"),
)
"""What to do with a finished run, and what it is for."""

WORDS = (
    "Each place of the plane is a pair of players: θ, where G puts its one point, and ψ, the slope of D. Real points are all at "
    "0, so the game ends in the middle. Arrows: where each player wants to go. Dashed: the orbit of infinitely small steps. "
    "Green: the steps that this run took."
)
PLOTS = [
    {
        "title": "Distance from the end of the game",
        "lines": [["radius", "this run", "green"], ["closed", "closed form", "blue"]],
        "low": 0,
        "words": "On a circle it stays; where the game converges it falls by the same share in each turn.",
    },
    {
        "title": "θ",
        "lines": [["theta", "the generator's point", "green"]],
        "level": ["real", 0],
        "words": "G's point; real ones are at 0.",
    },
    {
        "title": "ψ",
        "lines": [["psi", "the discriminator's slope", "blue"]],
        "level": ["flat", 0],
        "words": "D's slope. At 0 it says the same of all points: it cannot tell them apart.",
    },
    {
        "title": "V(D, G)",
        "lines": [["V", "V", "blue"]],
        "level": ["−log 4", -math.log(4)],
        "words": "It swings about −log 4 as long as the players circle.",
    },
]


@trainable
def recipe(
    *,
    objective: DiracObjective = "minimax",
    penalty: DiracPenalty = "none",
    gamma: float = 0.3,
    rate: float = 0.05,
    moments: int = 100,
    samples: int = 2000,
    batch: int = 1,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "dirac",
) -> Trainer[Sample]:
    """A game of two numbers whose orbit is known: unpenalised it circles, with r1 it converges. Seconds.

    Parameters
    ----------
    gamma
        Strength of the penalty.
    rate
        Step of gradient descent, which both players take in turn.
    micro
        Samples in each backward pass; all of the batch by default.
    """
    positive(gamma=gamma, rate=rate, moments=moments)
    facts = {
        "data": "",
        "objective": objective,
        "penalty": penalty,
        "gamma": gamma,
        "rate": rate,
        "batch": batch,
        "samples": samples,
    }
    dirac = game(facts)
    dirac.penalties = penalties(penalty, gamma)
    dirac.optimizer = optimizing("sgd", rate)
    return Trainer(
        dirac,
        Stream.over(Sample(torch.zeros(64, 1)), seed=seed, workers=workers),
        samples=samples,
        batch=batch,
        micro=micro,
        seed=seed,
        device=device,
        precision=precision,
        half_life=1e-3,  # the players as they are: an average would hide the circle
        watchers=[_watching(facts, samples, moments)],
        facts=facts,
        store=Store(out, name=name),
    )


def game(facts: Mapping[str, Any]) -> Dirac:
    """The game of a run, before its first step."""
    return Dirac(Place(), Slope(), latent=1, objective=OBJECTIVES[facts["objective"]])


def _steps(facts: Mapping[str, Any]) -> Field:
    return field(facts["objective"], total(facts["penalty"], facts["gamma"]))


def _time(facts: Mapping[str, Any], seen: int) -> float:
    """Continuous time after `seen` samples: a round draws two batches and is one step of each player."""
    return seen / (2 * facts["batch"]) * facts["rate"]


def _watching(facts: Mapping[str, Any], samples: int, moments: int) -> Watcher:
    closed = flow(_steps(facts), _time(facts, samples))
    scene = {
        "kind": "dirac",
        "view": VIEW,
        "start": START,
        "field": arrows(_steps(facts)),
        "closed": [round(v, 3) for point in closed[::4] for v in point],
        "plots": PLOTS,
        "words": WORDS,
    }

    def measure(trainer: Trainer[Any], seen: int) -> dict[str, object]:
        theta, psi = trainer.game.generator.theta.item(), trainer.game.discriminator.psi.item()
        told = {"theta": theta, "psi": psi, "radius": math.hypot(theta, psi), "closed": math.hypot(*closed[_at(seen, samples)])}
        sure = OBJECTIVES[facts["objective"]].probability(torch.zeros(1), torch.tensor([psi * theta]))
        return {name: round(each, 4) for name, each in (told | {"V": value(*sure)}).items()}

    def draw(found: list[dict[str, Any]]) -> Image:
        return picture(scene, [START, *((each["theta"], each["psi"]) for each in found)])

    return recorder(moments, measure, draw, lambda record, found: page(record, scene, found))


def _at(seen: int, samples: int) -> int:
    """The part of the closed form's orbit, of PARTS, that belongs to so many samples."""
    return min(round(seen / samples * PARTS), PARTS)


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """How far from its equilibrium the game ended, as a share of where it began; `bound` is what the closed form says."""
    if judging.metric or judging.backbone != "own":
        raise UserError("the Dirac-GAN is judged by where it is alone: leave out --metric and --backbone")
    assert isinstance(game, Dirac)
    facts, start = record["facts"], math.hypot(*START)
    ended = math.hypot(game.generator.theta.item(), game.discriminator.psi.item()) / start
    closed = math.hypot(*flow(_steps(facts), _time(facts, facts["samples"]))[-1]) / start
    rate = eigenvalues(facts["objective"], total(facts["penalty"], facts["gamma"]))[0]
    extra: dict[str, float | str] = {"bound": closed, "rate": rate.real, "frequency": abs(rate.imag)}
    return {"dirac-radius": MetricCard("dirac-radius", ended, ended, ended, "none", "", "closed form", 1, judging.seed, extra)}


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the generator's one point, as often as it was asked for, as a CSV."""
    wanted.refuse("points", "--label", "--attributes", "--where", "--given", "--safe-csv")
    return write_points(wanted.out, model.labelled(wanted.n, seed=wanted.seed)[0])


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """CSV files of points on the line as one batch."""
    return Sample(torch.cat([table(file, dimensions=1) for file in files]))


def held_out(record: Mapping[str, Any]) -> Sample:
    """Real points, all of them 0."""
    return Sample(torch.zeros(100, 1))


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> dict[str, Image]:
    """Nothing beside the moments."""
    return {}
