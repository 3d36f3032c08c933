"""Series: several numbers that change together with time, of one source or of many, from a user's own file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.objectives import relativistic
from rivals.core.penalties import r1, r2
from rivals.core.recipe import trainable
from rivals.core.schedules import cosine
from rivals.core.trainer import Trainer
from rivals.games.gan import Sample
from rivals.tasks.series.data import Columns, Windows
from rivals.tasks.series.drawing import continue_, draw, read
from rivals.tasks.series.game import SeriesGAN
from rivals.tasks.series.judging import evaluate, held_out, illustrate
from rivals.tasks.series.networks import Discriminator, Generator
from rivals.tasks.series.training import NEXT, OPTIONS, Settings, facts_of, layout_of, opened, train

__all__ = ["NEXT", "OPTIONS", "continue_", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


def game(facts: Mapping[str, Any]) -> SeriesGAN:
    """The game of a run, untrained: what sampling and scoring need."""
    layout, shape = layout_of(facts), facts["shape"]
    generator = Generator(layout, latent=shape["latent"], width=shape["width"], depth=shape["depth"])
    discriminator = Discriminator(layout, width=shape["width"], depth=shape["depth"])
    return SeriesGAN(generator, discriminator, objective=relativistic, continued=shape["continued"])


@trainable
def recipe(
    *,
    data: Path,
    time: str | None = None,
    entity: str | None = None,
    channels: str | None = None,
    attributes: str | None = None,
    wide: bool = False,
    length: int | None = None,
    step: int = 1,
    max_gap: int = 3,
    continued: float = 0.3,
    gamma: float = 0.3,
    latent: int = 32,
    width: int = 128,
    depth: int = 2,
    rate: float = 1e-3,
    samples: int = 500_000,
    batch: int = 128,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "series",
) -> Trainer[Sample]:
    """Your own series from a CSV or Parquet file: a relativistic GAN of whole series, which also goes on from a beginning.

    Parameters
    ----------
    continued
        Share of the training series of which some first steps are known: it learns to go on from a beginning. 0 for none.
    gamma
        Strength of r1 and r2 at the start, (score / deviation)^2; it falls to a tenth.
    latent
        Length of the noise vector beside the noise of each step.
    width
        Units of a layer, in both players.
    depth
        Residual blocks of two layers, in both players.
    rate
        Adam's learning rate at the start; it falls to a tenth.
    """
    positive(gamma=gamma, latent=latent, width=width, depth=depth, rate=rate)
    if not 0 <= continued <= 1:
        raise UserError(f"continued is {continued}: give a share from 0 to 1")
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    columns, windows = Columns.named(time, entity, channels, attributes, wide), Windows(length, step, max_gap)
    found = opened(data, columns, windows, settings)
    shape = {"latent": latent, "width": width, "depth": depth, "continued": continued}
    facts = facts_of(found, data, columns, windows) | {"objective": "relativistic", "shape": shape}
    gan, fading = game(facts), cosine(gamma, gamma / 10)
    gan.generator.view.fit(found.train)
    gan.penalties = {"r1": r1(fading), "r2": r2(fading)}
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True)
    schedules = {"lr": cosine(rate, rate / 10)}
    return train(gan, found, gan.generator.view.encode, facts, settings, schedules=schedules)
