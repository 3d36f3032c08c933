"""Tables: from a CSV to rows that behave like its own and are none of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.penalties import r1, r2
from rivals.core.recipe import trainable
from rivals.core.schedules import cosine
from rivals.core.stream import Stream
from rivals.games.gan import Sample
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.game import TableGAN
from rivals.tasks.tables.judged import evaluate, held_out, illustrate, read
from rivals.tasks.tables.layout import Layout
from rivals.tasks.tables.networks import Discriminator, Generator
from rivals.tasks.tables.private import Privacy, PrivateGAN, secret, train_privately
from rivals.tasks.tables.private import game as private_game
from rivals.tasks.tables.sampling import draw
from rivals.tasks.tables.training import NEXT, OPTIONS, Settings, TableTrainer, check_target, facts_of, formed, load, tell, train

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


def game(facts: Mapping[str, Any]) -> TableGAN | PrivateGAN:
    """The game of a run, untrained: what sampling and scoring need."""
    if "private" in facts:
        return private_game(facts)
    layout = Layout(Form.from_dict(facts["form"]).blocks, facts["bins"])
    generator = Generator(layout, latent=facts["latent"], width=facts["width"])
    return TableGAN(generator, Discriminator(layout, width=facts["width"]), told=facts["told"])


@trainable
def recipe(
    data: Path,
    *,
    target: str | None = None,
    types: list[str] | None = None,
    constraint: list[str] = ["auto"],  # noqa: B006  (never changed: the signature is the command line)
    rows: int | None = None,
    bins: int = 32,
    latent: int = 64,
    width: int = 128,
    told: float = 0.2,
    gamma: float = 1.0,
    penalty_every: int = 2,
    rate: float = 1e-3,
    epsilon: float | None = None,
    delta: float | None = None,
    clip: float = 1.0,
    samples: int = 800_000,
    batch: int = 128,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "tables",
) -> TableTrainer:
    """Your own table: synthetic rows by a GAN that makes a row column by column. Start here.

    Parameters
    ----------
    bins
        Of equal shares of each column of numbers: how finely it is told apart before the place in a bin.
    latent
        Length of the noise vector z, beside the noise of each column.
    width
        Units in each hidden layer.
    told
        Share of the rows in training that are told one of their levels, so that it can be asked for later.
    gamma
        Strength of r1 and r2 at the start; it falls to a tenth.
    penalty_every
        Rounds between two moves on the penalties.
    rate
        Adam's learning rate at the start; it falls to a quarter.
    epsilon
        What a private run may spend (docs/tables-privacy.md): no gamma then, and batches of a tenth of the rows.
    delta
        The chance that epsilon does not hold; by default the number of rows to the power of -1.5.
    clip
        Length to which each row's gradient is clipped in a private run.
    """
    positive(bins=bins, latent=latent, width=width, gamma=gamma, penalty_every=penalty_every, rate=rate, clip=clip)
    if delta is not None and epsilon is None:
        raise UserError("delta is of a private run: give --epsilon too, or this run would not be private")
    if not 0 <= told <= 1:
        raise UserError(f"told is {told}: give a share from 0 to 1")
    seed = seed if epsilon is None else secret(seed)
    table = load(data, types, rows, seed)
    check_target(table, target)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    if epsilon is not None:
        sizes = {"target": target, "bins": bins, "latent": latent, "width": width, "told": told}
        return train_privately(table, constraint, sizes, settings, Privacy(epsilon, delta, clip), rate)
    form = formed(table, constraint, seed=seed)
    tell(table, form, device, out)
    facts = facts_of(table, form, target) | {"bins": bins, "latent": latent, "width": width, "told": told}
    gan, fading = game(facts), cosine(gamma, gamma / 10)
    gan.penalties, gan.penalty_every = {"r1": r1(fading), "r2": r2(fading)}, penalty_every
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True)
    stream = Stream.over(Sample(form.encode(table.train)), seed=seed, workers=workers)
    return train(gan, stream, facts, settings, half_life=samples / 20, schedules={"lr": cosine(rate, rate / 4)})
