"""Real handwritten digits, 8x8 pixels: the whole library in a minute on a laptop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rivals.core.device import Precision
from rivals.core.errors import positive
from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.penalties import r1, r2
from rivals.core.recipe import trainable
from rivals.core.schedules import cosine
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.core.watch import every
from rivals.games.gan import GAN, Sample
from rivals.media import pictures
from rivals.media.drawing import draw
from rivals.media.previews import previews
from rivals.metrics import Doctor
from rivals.tasks.digits import data
from rivals.tasks.digits.metrics import evaluate, illustrate
from rivals.tasks.digits.networks import Discriminator, Generator

__all__ = ["draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]


@trainable
def recipe(
    *,
    objective: ObjectiveName = "relativistic",
    gamma: float = 0.3,
    latent: int = 32,
    width: int = 256,
    rate: float = 1e-3,
    samples: int = 900_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "digits",
) -> Trainer[Sample]:
    """Handwritten digits (8x8, ten classes, ships with scikit-learn): a class-conditional GAN in a minute on a CPU.

    Parameters
    ----------
    objective
        The two losses of the game.
    gamma
        Strength of the r1 and r2 penalties, (score / pixel value)^2.
    latent
        Length of the noise vector z.
    width
        Units in each hidden layer.
    rate
        Adam's learning rate at the start; it falls to a tenth along half a cosine.
    micro
        Digits in each backward pass, to save memory; all of the batch by default.
    """
    positive(latent=latent, width=width, rate=rate, gamma=gamma)
    digits = data.load()
    facts = {"data": digits.digest, "latent": latent, "width": width, "classes": 10, "objective": objective}
    gan = game(facts)
    gan.penalties = {"r1": r1(gamma), "r2": r2(gamma)}
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True)
    return Trainer(
        gan,
        Stream.over(digits.train, seed=seed, workers=workers),
        samples=samples,
        batch=batch,
        micro=micro,
        seed=seed,
        device=device,
        precision=precision,
        schedules={"lr": cosine(rate, rate / 10)},
        watchers=[
            every(max(samples // 60, 1), previews(10, scale=6)),
            Doctor(digits.test, lambda rows: digits.train.map(lambda t: t[rows]), len(digits.train)),
        ],
        facts=facts,
        store=Store(out, name=name),
    )


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained: what sampling and scoring need."""
    latent, width, classes = facts["latent"], facts["width"], facts["classes"]
    players = Generator(latent, width, classes), Discriminator(width, classes)
    return GAN(*players, latent=latent, classes=classes, objective=OBJECTIVES[facts["objective"]])


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """8x8 picture files as one batch without labels."""
    return Sample(torch.stack([pictures.read(file, channels=1, height=8, width=8) for file in files]))


def write(samples: Tensor, condition: Tensor | None, folder: Path) -> list[Path]:
    """The digits as PNG files, one grid, and samples.npz."""
    return pictures.write(samples, condition, folder, scale=6)


def held_out(record: Mapping[str, Any]) -> Sample:
    """The real digits that no run trains on."""
    return data.load().test
