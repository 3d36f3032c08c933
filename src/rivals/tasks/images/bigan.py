"""BiGAN: a GAN whose encoder learns to invert the generator (Donahue et al. 2017, arXiv:1605.09782)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rivals.core.device import Precision
from rivals.core.errors import positive
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.bidirectional import BiGAN
from rivals.games.gan import Sample
from rivals.media.collection import load
from rivals.tasks.images.coding import NEXT, Encoder, PairJudge, anomaly, encode, evaluate, illustrate, unconditional
from rivals.tasks.images.dcgan import Generator
from rivals.tasks.images.judging import draw, held_out, read, write
from rivals.tasks.images.training import OPTIONS, Settings, format_of, train

__all__ = [
    "NEXT", "OPTIONS", "anomaly", "draw", "encode", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write",
]  # fmt: skip


def game(facts: Mapping[str, Any]) -> BiGAN:
    """The game of a run, untrained: what sampling, encoding and scoring need."""
    form, network = format_of(facts), facts["network"]
    size, latent = {name: network[name] for name in ("width", "widest")}, network["latent"]
    players = Encoder(form, latent, **size), Generator(form, latent=latent, **size), PairJudge(form, latent=latent, **size)
    return BiGAN(*players, latent=latent)


@trainable
def recipe(
    *,
    data: Path,
    size: str | None = None,
    labels: Path | None = None,
    channels: int | None = None,
    mirror: bool = False,
    allow_bad: bool = False,
    latent: int = 50,
    width: int = 32,
    widest: int = 256,
    rate: float = 2e-4,
    samples: int = 600_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-bigan",
) -> Trainer[Sample]:
    """Pictures by a BiGAN: a generator and an encoder that learns from the game alone. Choose it for features without labels.

    Parameters
    ----------
    latent
        Length of the code.
    width
        Channels at half the full size; each stage down has twice as many.
    widest
        At most so many channels.
    rate
        Adam's learning rate; its betas are (0.5, 0.999).
    """
    positive(latent=latent, width=width, widest=widest, rate=rate)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    facts = unconditional(pictures) | {"network": {"latent": latent, "width": width, "widest": widest}}
    coding = game(facts)
    coding.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True)
    return train(coding, pictures, facts, settings)
