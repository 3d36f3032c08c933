"""Stacked-MNIST: three random digits as the three channels of a picture, 1,000 modes that can be counted (Metz et al. 2017,
arXiv:1611.02163, after Srivastava et al. 2017, arXiv:1705.07761)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rivals.core.device import Precision
from rivals.core.objectives import OBJECTIVES
from rivals.core.penalties import gradient_penalty, r1
from rivals.core.recipe import trainable
from rivals.core.schedules import cosine
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Tensor
from rivals.games.gan import GAN, Sample
from rivals.tasks.images import r3gan
from rivals.tasks.images.data import Pictures, load
from rivals.tasks.images.judging import evaluate, held_out, illustrate, read, write
from rivals.tasks.images.r3gan import Plan, Shape
from rivals.tasks.images.training import OPTIONS, Settings

__all__ = ["OPTIONS", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "stacked", "write"]

LENGTH = 1_000_000  # stacked pictures in an epoch, of count^3 that there could be
GameName = Literal["r3gan", "gan-r1", "wgan-gp"]


def triples(items: Tensor, count: int, seed: int) -> np.ndarray:
    """(n, 3) numbers from 0 to count - 1, a function of the item numbers and the seed (splitmix64, Steele et al. 2014)."""
    state = (items.numpy().astype(np.uint64)[:, None] * np.uint64(3) + np.arange(3, dtype=np.uint64)) + np.uint64(seed << 40)
    with np.errstate(over="ignore"):
        state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((state ^ (state >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def stacked(fetch: Callable[[Tensor], Sample], count: int, seed: int, items: Tensor) -> Sample:
    """The stacked pictures (n, 3, h, w) of some item numbers; `fetch` gives grey ones by their numbers."""
    rows = torch.from_numpy(triples(items, count, seed))
    grey: Float[Tensor, "m 1 h w"] = fetch(rows.flatten()).data
    return Sample(grey.reshape(len(items), 3, *grey.shape[2:]))


def stack(pictures: Pictures, seed: int, workers: int) -> Pictures:
    """The same set, its grey pictures stacked at random; held-out ones of held-out pictures."""
    fetch = partial(stacked, pictures.fetch, pictures.count, seed)
    aside = partial(stacked, lambda rows: Sample(pictures.held_out.data[rows]), len(pictures.held_out), seed)
    return replace(
        pictures,
        form=pictures.form._replace(channels=3, classes=0),
        names=[],
        train=Stream(fetch, LENGTH, seed=seed, workers=workers),
        held_out=aside(torch.arange(2000)),
        count=LENGTH,
        fetch=fetch,
    )


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained."""
    gan = r3gan.game(facts)
    gan.objective = OBJECTIVES[facts["objective"]]
    return gan


@trainable
def recipe(
    *,
    data: Path,
    play: GameName = "r3gan",
    width: int = 32,
    widest: int = 128,
    stem: int = 2,
    expand: int = 1,
    group: int = 0,
    latent: int = 64,
    gamma: float = 2.8,
    penalty_every: int = 2,
    rate: float = 1.5e-3,
    samples: int = 600_000,
    batch: int = 16,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "stacked",
) -> Trainer[Sample]:
    """Stacked-MNIST: does a game find all 1,000 modes? Judge it with rivals evaluate RUN --metric stacked-mnist.

    Parameters
    ----------
    data
        MNIST as an .npz, or any labelled set of grey pictures.
    play
        r3gan: relativistic with r1 and r2; gan-r1: non-saturating with r1; wgan-gp: with 5 discriminator moves a round.
    width
        Channels at the trunk's full size; each stage down has twice as many.
    widest
        At most so many channels.
    stem
        2 for networks at half the resolution, 1 for full.
    expand
        How many times wider the inside of a block is.
    group
        Channels in a group of the 3x3 convolutions; 0 for all in one.
    latent
        Length of the noise vector z.
    gamma
        Strength of r1 (and r2) at the start; it falls to a tenth. The gradient penalty of wgan-gp weighs 10.
    penalty_every
        Rounds between two moves on the penalties; 1 for penalties in every move, which wgan-gp always has.
    rate
        Adam's learning rate at the start; it falls to a quarter.
    """
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = stack(load(data, channels=1, seed=seed), seed, workers)
    plan = Plan(Shape(width, widest, 1, stem, expand, group), latent, gamma, penalty_every, rate)
    objective = {"r3gan": "relativistic", "gan-r1": "non-saturating", "wgan-gp": "wasserstein"}[play]
    trainer = r3gan.played(pictures, plan, settings, {"stack": 3, "objective": objective})
    gan = trainer.game
    assert isinstance(gan, GAN)
    gan.objective = OBJECTIVES[objective]
    if play == "gan-r1":
        gan.penalties = {"r1": r1(cosine(gamma, gamma / 10))}
    if play == "wgan-gp":
        gan.penalties, gan.penalty_every, gan.discriminator_moves = {"gp": gradient_penalty(10.0)}, 1, 5
    return trainer
