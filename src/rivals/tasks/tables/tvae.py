"""TVAE (Xu et al. 2019, arXiv:1907.00503): a variational autoencoder of rows, the baseline without an adversary.

-ELBO = -E_q log p(x | z) + KL(q(z | x) || N(0, I)) (Kingma and Welling 2014, arXiv:1312.6114); numbers are Gaussian about
tanh(mean) with a spread of their own, levels are categorical.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from rivals.core.device import Precision
from rivals.core.errors import positive
from rivals.core.game import Game, Losses, Play
from rivals.core.recipe import trainable
from rivals.core.stream import Stream
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.tables.data import Block, Form
from rivals.tasks.tables.judged import evaluate, held_out, illustrate, read
from rivals.tasks.tables.layout import Layout
from rivals.tasks.tables.networks import gumbel
from rivals.tasks.tables.sampling import draw
from rivals.tasks.tables.training import NEXT, OPTIONS, Settings, TableTrainer, check_target, facts_of, formed, load, tell, train

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


class Autoencoder(nn.Module):
    """encode: wide rows -> mean and log variance of z; decode: z -> logits of levels and means of numbers, (n, width)."""

    def __init__(self, layout: Layout, *, latent: int, width: int) -> None:
        super().__init__()
        self.layout, self.latent = layout, latent
        self.encoder, self.decoder = _layers(layout.width, width, 2 * latent), _layers(latent, width, layout.width)
        self.spread = nn.Parameter(torch.full((len(layout.blocks),), math.log(0.1)))  # log standard deviation, of numbers alone

    def encode(self, wide: Float[Tensor, "n width"]) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(wide).chunk(2, 1)
        return mean, log_variance.clamp(-14, 14)

    def _parts(self, z: Tensor) -> list[tuple[Block, Tensor]]:
        return list(zip(self.layout.blocks, self.decoder(z).split(self.layout.widths, 1), strict=True))

    def fidelity(self, rows: Float[Tensor, "n blocks"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n"]:
        """-log p(x | z) of each row, without the constant of the Gaussian."""
        total = rows.new_zeros(len(rows))
        for at, (block, part) in enumerate(self._parts(z)):
            if block.kind == "choice":
                total = total + cross_entropy(part, rows[:, at].long(), reduction="none")
            else:
                spread = self.spread[at].clamp(-4.6, 0)
                total = total + (rows[:, at] - part[:, 0].tanh()).square() / (2 * (2 * spread).exp()) + spread
        return total

    def drawn(self, noise: Float[Tensor, "n noises"]) -> Float[Tensor, "n blocks"]:
        """Compact rows from p(x | z), z and what x needs taken from normal noise (n, latent + width)."""
        z, *rest = noise.split([self.latent, *self.layout.widths], 1)
        made = []
        for at, ((block, part), each) in enumerate(zip(self._parts(z), rest, strict=True)):
            if block.kind == "choice":
                made.append((part + gumbel(each)).argmax(1).to(part.dtype))
            else:
                made.append((part.tanh() + self.spread[at].clamp(-4.6, 0).exp() * each)[:, 0].clamp(-1, 1))
        return torch.stack(made, 1)


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs))


class TVAE(Game[Sample]):
    """Player: the autoencoder. fidelity: weight of -log p(x | z); rate: Adam's."""

    averaged: ClassVar[tuple[str, ...]] = ("autoencoder",)

    def __init__(self, autoencoder: Autoencoder, *, fidelity: float = 2.0, rate: float = 1e-3) -> None:
        super().__init__()
        self.autoencoder, self.fidelity, self.rate = autoencoder, fidelity, rate

    def round(self, play: Play[Sample]) -> None:
        play.move(self.autoencoder, self.loss)

    def loss(self, batch: Sample) -> Losses:
        mean, log_variance = self.autoencoder.encode(self.autoencoder.layout.wide(batch.data))
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return {
            "fidelity": self.fidelity * self.autoencoder.fidelity(batch.data, z).mean(),
            "divergence": _divergence(mean, log_variance).mean(),
        }

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Float[Tensor, "n blocks"]:
        """Compact rows; a condition is not heard."""
        device = self.autoencoder.spread.device
        size = n, self.autoencoder.latent + self.autoencoder.layout.width
        return self.autoencoder.drawn(torch.randn(size, generator=noise, device=noise.device if noise else device).to(device))

    def score(self, batch: Sample) -> Scores:
        """The evidence lower bound of log p(x), with z at its posterior mean: a game without a discriminator has no D(x)."""
        mean, log_variance = self.autoencoder.encode(self.autoencoder.layout.wide(batch.data))
        return -self.autoencoder.fidelity(batch.data, mean) - _divergence(mean, log_variance)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"autoencoder": torch.optim.Adam(self.autoencoder.parameters(), lr=self.rate, weight_decay=1e-5, fused=True)}


def _divergence(mean: Tensor, log_variance: Tensor) -> Float[Tensor, "n"]:
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2


def game(facts: Mapping[str, Any]) -> TVAE:
    """The game of a run, untrained: what sampling needs."""
    layout = Layout(Form.from_dict(facts["form"]).blocks, bins=0)
    return TVAE(Autoencoder(layout, latent=facts["latent"], width=facts["width"]))


@trainable
def recipe(
    data: Path,
    *,
    target: str | None = None,
    types: list[str] | None = None,
    constraint: list[str] = ["auto"],  # noqa: B006  (never changed: the signature is the command line)
    rows: int | None = None,
    latent: int = 128,
    width: int = 128,
    fidelity: float = 2.0,
    rate: float = 1e-3,
    samples: int = 3_000_000,
    batch: int = 500,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "tables-tvae",
) -> TableTrainer:
    """Your own table by TVAE, a variational autoencoder as published: a baseline for the GANs.

    Parameters
    ----------
    latent
        Length of z.
    width
        Units in each hidden layer.
    fidelity
        Weight of the reconstruction beside the divergence.
    rate
        Adam's learning rate.
    """
    positive(latent=latent, width=width, fidelity=fidelity, rate=rate)
    table = load(data, types, rows, seed)
    check_target(table, target)
    form = formed(table, constraint, modes=True, seed=seed)
    tell(table, form, device, out)
    facts = facts_of(table, form, target) | {"latent": latent, "width": width}
    vae = game(facts)
    vae.fidelity, vae.rate = fidelity, rate
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    return train(vae, Stream.over(Sample(form.encode(table.train)), seed=seed, workers=workers), facts, settings)
