"""CTGAN (Xu et al. 2019, arXiv:1907.00503): numbers by the modes of a Gaussian mixture, a level of one column that both players
are told, drawn by the logarithm of its frequency, and a critic of ten rows at a time by the Wasserstein distance with a gradient
penalty.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import one_hot

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.objectives import OBJECTIVES
from rivals.core.penalties import gradient_penalty
from rivals.core.recipe import trainable
from rivals.core.stream import Stream
from rivals.core.types import Float, Int, Tensor
from rivals.games.gan import Sample
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.game import TableGAN, of_packs
from rivals.tasks.tables.judged import evaluate, held_out, illustrate, read
from rivals.tasks.tables.layout import Layout
from rivals.tasks.tables.networks import gumbel
from rivals.tasks.tables.sampling import draw
from rivals.tasks.tables.training import NEXT, OPTIONS, Settings, TableTrainer, check_target, facts_of, formed, load, tell, train

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

TEMPERATURE = 0.2
DRAWS = 10  # conditions drawn for each row of the table


class Generator(nn.Module):
    """(n, noises), conditions -> wide rows: two layers that keep their input beside them, softened levels, tanh for numbers."""

    def __init__(self, layout: Layout, *, latent: int = 128, width: int = 256) -> None:
        super().__init__()
        self.layout, self.latent = layout, latent
        self.noises = latent + layout.width
        inputs = latent + layout.levels
        self.first, self.second = _layer(inputs, width), _layer(inputs + width, width)
        self.last = nn.Linear(inputs + 2 * width, layout.width)

    def logits(self, z: Float[Tensor, "n noises"], condition: Float[Tensor, "n 2"]) -> Float[Tensor, "n width"]:
        x = torch.cat([z[:, : self.latent], told(self.layout, condition)], 1)
        x = torch.cat([self.first(x), x], 1)
        made: Tensor = self.last(torch.cat([self.second(x), x], 1))
        return made

    def forward(self, z: Float[Tensor, "n noises"], condition: Float[Tensor, "n 2"]) -> Float[Tensor, "n width"]:
        logits, noise = self.logits(z, condition), z[:, self.latent :]
        parts = zip(self.layout.blocks, logits.split(self.layout.widths, 1), noise.split(self.layout.widths, 1), strict=True)
        return torch.cat([_soft(part, each) if block.kind == "choice" else part.tanh() for block, part, each in parts], 1)


def _soft(logits: Float[Tensor, "n k"], noise: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    return ((logits + gumbel(noise)) / TEMPERATURE).softmax(1)


def _layer(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU())


def told(layout: Layout, condition: Float[Tensor, "n 2"]) -> Float[Tensor, "n levels"]:
    """The level as one-hot among those of all choice blocks; zeros for none."""
    return one_hot(layout.level(condition), layout.levels + 1)[:, 1:].float()


class Critic(nn.Module):
    """Wide rows and conditions -> scores (n / pack,)."""

    def __init__(self, layout: Layout, *, width: int = 256, pack: int = 10) -> None:
        super().__init__()
        self.layout, self.pack = layout, pack
        inputs = (layout.width + layout.levels) * pack
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Dropout(0.5),
                                    nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(width, 1))  # fmt: skip

    def forward(self, rows: Float[Tensor, "n width"], condition: Float[Tensor, "n 2"]) -> Float[Tensor, "packs"]:
        beside = torch.cat([rows, told(self.layout, condition)], 1)
        scores: Tensor = self.layers(beside.reshape(len(rows) // self.pack, -1))
        return scores.squeeze(1)


class Drawn:
    """Rows and the levels they are told, drawn before: a column at random, a level by log(1 + its rows), a row that has it."""

    def __init__(self, rows: Float[Tensor, "m blocks"], layout: Layout, seed: int) -> None:
        random, count = np.random.default_rng(seed), len(rows) * DRAWS
        choices = [at for at, block in enumerate(layout.blocks) if block.kind == "choice"]
        self.rows, self.row = rows, torch.from_numpy(random.integers(len(rows), size=count))
        self.condition = torch.full((count, 2), -1.0)
        column = random.integers(len(choices), size=count) if choices else np.zeros(0)
        for number, at in enumerate(choices):
            levels = rows[:, at].long().numpy()
            order, held = np.argsort(levels, kind="stable"), np.bincount(levels, minlength=layout.blocks[at].width)
            weights = np.log1p(held)
            here = np.flatnonzero(column == number)
            level = random.choice(len(held), size=len(here), p=weights / weights.sum())
            first = np.concatenate([[0], np.cumsum(held)[:-1]])
            self.row[here] = torch.from_numpy(order[first[level] + (random.random(len(here)) * held[level]).astype(np.int64)])
            self.condition[here] = torch.from_numpy(np.stack([np.full(len(here), at), level], 1)).float()

    def __len__(self) -> int:
        return len(self.row)

    def fetch(self, items: Int[Tensor, "n"]) -> Sample:
        return Sample(self.rows[self.row[items]], self.condition[items])


def frequencies(rows: Float[Tensor, "m blocks"], layout: Layout) -> list[int]:
    """How many rows have each level of each choice block."""
    found = [
        rows[:, at].long().bincount(minlength=block.width) for at, block in enumerate(layout.blocks) if block.kind == "choice"
    ]
    return torch.cat(found).tolist() if found else []


def game(facts: Mapping[str, Any]) -> TableGAN:
    """The game of a run, untrained: what sampling and scoring need."""
    layout = Layout(Form.from_dict(facts["form"]).blocks, bins=0)
    often = torch.tensor(facts["frequencies"], dtype=torch.float64) if facts["frequencies"] else None
    players = Generator(layout, width=facts["width"]), Critic(layout, width=facts["width"], pack=facts["pack"])
    return TableGAN(*players, objective=OBJECTIVES["wasserstein"], told=0.0, frequencies=often, named=bool(often is not None))


@trainable
def recipe(
    data: Path,
    *,
    target: str | None = None,
    types: list[str] | None = None,
    constraint: list[str] = ["auto"],  # noqa: B006  (never changed: the signature is the command line)
    rows: int | None = None,
    width: int = 256,
    pack: int = 10,
    penalty: float = 10.0,
    rate: float = 2e-4,
    samples: int = 6_000_000,
    batch: int = 500,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "tables-ctgan",
) -> TableTrainer:
    """Your own table by CTGAN, as published: Gaussian modes, conditions, WGAN-GP on packs of ten rows.

    Parameters
    ----------
    width
        Units in each hidden layer.
    pack
        Rows that the critic judges as one.
    penalty
        Weight of the gradient penalty.
    rate
        Adam's learning rate.
    """
    positive(width=width, pack=pack, penalty=penalty, rate=rate)
    if batch % pack:
        raise UserError(f"a batch of {batch} does not divide into packs of {pack}: change --batch or --pack")
    table = load(data, types, rows, seed)
    check_target(table, target)
    form = formed(table, constraint, modes=True, seed=seed)
    tell(table, form, device, out)
    encoded, layout = form.encode(table.train), Layout(form.blocks, bins=0)
    facts = facts_of(table, form, target) | {"width": width, "pack": pack, "frequencies": frequencies(encoded, layout)}
    gan = game(facts)
    gan.penalties = {"gradient": of_packs(gradient_penalty(penalty), pack)}
    gan.optimizer = partial(torch.optim.Adam, lr=rate, betas=(0.5, 0.9), weight_decay=1e-6, fused=True)
    drawn = Drawn(encoded, layout, seed)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    return train(gan, Stream(drawn.fetch, len(drawn), seed=seed, workers=workers), facts, settings)
