"""The game itself, made visible: points on the line and in the plane, with everything about both players recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.objectives import ObjectiveName
from rivals.core.recipe import trainable
from rivals.core.schedules import cosine
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.games.gan import GAN, Sample
from rivals.tasks.lab.judging import draw, evaluate, held_out, illustrate, read
from rivals.tasks.lab.reading import find
from rivals.tasks.lab.recording import watching
from rivals.tasks.lab.training import OPTIONS, OptimizerName, PenaltyName, after, facts_of, optimizing, penalties, points, stream

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = (
    ("sample {run} -n 1000 -o points.csv", "a thousand points"),
    ("evaluate {run} --samples 10000", "judge more of them"),
    ("compare 'lab --objective minimax' lab -o out/", "games side by side"),
)
"""What to do with a finished run, and what it is for."""


@trainable
def recipe(
    *,
    data: Path = Path("ring"),
    objective: ObjectiveName = "non-saturating",
    penalty: PenaltyName = "r1",
    gamma: float = 0.1,
    optimizer: OptimizerName = "adam",
    rate: float = 2e-3,
    final: float = 0.01,
    discriminator_moves: int = 1,
    latent: int | None = None,
    width: int = 128,
    moments: int = 60,
    samples: int = 1_100_000,
    batch: int = 256,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "lab",
) -> Trainer[Sample]:
    """Points on the line or in the plane: what both players do, moment by moment, on one page with a time slider.

    Parameters
    ----------
    data
        On the line gaussian, mixture; in the plane ring, grid, spiral, moons, rings; a .csv of points; or a drawing.
    latent
        Length of the noise vector z; by default 1 on the line and 2 in the plane.
    width
        Units of each of three hidden layers.
    micro
        Points in each backward pass; all of the batch by default.
    """
    found = find(data)
    latent = found.dimensions if latent is None else latent
    positive(gamma=gamma, rate=rate, latent=latent, width=width, moments=moments, discriminator_moves=discriminator_moves)
    if not 0 < final <= 1:
        raise UserError(f"final is {final}: give a share above 0, at most 1")
    facts = facts_of(found, data, objective) | {"latent": latent, "width": width}
    gan = points(facts, penalties(penalty, gamma))
    gan.after, gan.discriminator_moves = after(penalty, gamma), discriminator_moves
    gan.optimizer = optimizing(optimizer, rate)
    return Trainer(
        gan,
        stream(found, seed, workers),
        samples=samples,
        batch=batch,
        micro=micro,
        seed=seed,
        device=device,
        precision=precision,
        schedules={"lr": cosine(rate, rate * final)},
        watchers=[watching(found, objective, moments)],
        facts=facts,
        store=Store(out, name=name),
    )


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained: what sampling and scoring need."""
    return points(facts)
