"""What the recipes of the lab do alike: named penalties and optimisers, and the game of points."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.errors import UserError
from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.penalties import LeCam, Penalty, clip_weights, dragan, gradient_penalty, r1, r2
from rivals.core.stream import Stream, mix
from rivals.games.gan import GAN, Sample
from rivals.tasks.lab.distributions import Distribution
from rivals.tasks.lab.networks import Dense, Judge
from rivals.tasks.lab.reading import find

PenaltyName = Literal["none", "r1", "r2", "r1+r2", "gradient-penalty", "dragan", "lecam", "clip"]
OptimizerName = Literal["adam", "sgd"]
POINTS = 2**17  # real samples of a run: so many that no player remembers one

OPTIONS = {
    "objective": "The two losses of the game.",
    "penalty": "What keeps the discriminator smooth; clip limits its weights instead.",
    "gamma": "Strength of the penalty, or the limit of the weights.",
    "optimizer": "adam with betas 0 and 0.99; sgd without momentum.",
    "rate": "Learning rate of both players.",
    "final": "Share of the rate that is left at the end, along half a cosine; 1 keeps it.",
    "discriminator_moves": "Moves of the discriminator in each round.",
    "moments": "How often the game is recorded.",
}
"""The options that the lab's recipes share, and what the command line's help says of them."""


def penalties(name: PenaltyName, gamma: float) -> dict[str, Penalty]:
    """The named terms of a game; clip is none of them, see `after`."""
    made: dict[PenaltyName, dict[str, Penalty]] = {
        "r1": {"r1": r1(gamma)},
        "r2": {"r2": r2(gamma)},
        "r1+r2": {"r1": r1(gamma), "r2": r2(gamma)},
        "gradient-penalty": {"gradient": gradient_penalty(gamma)},
        "dragan": {"dragan": dragan(gamma)},
        "lecam": {"lecam": LeCam(gamma)} if name == "lecam" else {},
    }
    return made.get(name, {})


def after(name: PenaltyName, gamma: float) -> Callable[[nn.Module], None] | None:
    """What follows each move of the discriminator."""
    return clip_weights(gamma) if name == "clip" else None


def optimizing(name: OptimizerName, rate: float) -> Callable[[list[nn.Parameter]], Optimizer]:
    if name == "sgd":
        return partial(torch.optim.SGD, lr=rate)
    return partial(torch.optim.Adam, lr=rate, betas=(0.0, 0.99), fused=True)


def facts_of(data: Distribution, source: Path, objective: ObjectiveName) -> dict[str, Any]:
    """What run.json keeps of the data. source: its name or the user's file, which `again` finds from anywhere."""
    where = str(source.resolve() if data.digest else source)
    return {"data": data.digest, "source": where, "dimensions": data.dimensions, "objective": objective}


def again(facts: Mapping[str, Any]) -> Distribution:
    """The distribution of a run; raises UserError where a user's file has gone or changed."""
    data = find(Path(facts["source"]))
    if data.digest != facts["data"]:
        raise UserError(f"{facts['source']} is not what the run was trained on: restore it")
    return data


def points(facts: Mapping[str, Any], terms: Mapping[str, Penalty] | None = None) -> GAN:
    """The game of a run on points, untrained. terms: its penalties, by name."""
    d, width, latent = facts["dimensions"], facts["width"], facts["latent"]
    players = Dense(latent, d, width=width), Judge(d, width=width)
    return GAN(*players, latent=latent, objective=OBJECTIVES[facts["objective"]], penalties=terms)


def stream(data: Distribution, seed: int, workers: int = 0) -> Stream[Sample]:
    """Real samples: POINTS of them, in ever new orders."""
    return Stream.over(Sample(data.draw(POINTS, torch.Generator().manual_seed(mix(seed)))), seed=seed, workers=workers)
