"""The run that the reliability tests stop: points on a ring, 20 rounds in a fraction of a second, with every setting that
a resume must carry over. Also a recipe's own file for the command line: rivals train tests/reliability/tiny_gan.py
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import rivals
from rivals.core.penalties import r1, r2
from rivals.core.schedules import cosine, linear
from rivals.core.store import numbered
from rivals.core.stream import Stream
from rivals.core.trainer import Precision


class Points(nn.Module):
    """A small network; norm: with running statistics, which are buffers."""

    def __init__(self, inputs: int, outputs: int, norm: bool) -> None:
        super().__init__()
        middle: list[nn.Module] = [nn.BatchNorm1d(16)] if norm else []
        self.layers = nn.Sequential(nn.Linear(inputs, 16), *middle, nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(16, outputs))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x)


def game(facts: Mapping[str, Any], **settings: Any) -> rivals.GAN:
    return rivals.GAN(
        Points(2, 2, facts["norm"]),
        Points(2, 1, False),
        latent=2,
        penalties={"r1": r1(linear(0.2, 0.05)), "r2": r2(0.05)},
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3, betas=(0.5, 0.9)),
        **settings,
    )


def recipe(
    *,
    moves: int = 1,
    lazy: int = 1,
    norm: bool = False,
    micro: int | None = None,
    half_life: float | None = None,
    save_every: int = 640,
    measured: bool = False,
    samples: int = 2560,
    batch: int = 64,
    seed: int = 0,
    device: str = "cpu",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "tiny",
) -> rivals.Trainer[rivals.Sample]:
    """Points on a ring: 500 of them, so that the run stops in the middle of an epoch."""
    angle = torch.arange(500) * 0.04 * torch.pi
    real = rivals.Sample(torch.stack([angle.cos(), angle.sin()], 1))
    facts = {"points": 500, "norm": norm}
    return rivals.Trainer(
        game(facts, discriminator_moves=moves, penalty_every=lazy),
        Stream.over(real, seed=seed, workers=workers),
        samples=samples,
        batch=batch,
        micro=micro,
        seed=seed,
        half_life=half_life,
        device=device,
        precision=precision,
        schedules={"lr": cosine(1e-3, 1e-4), "discriminator.weight_decay": linear(0.0, 0.01)},
        save_every=save_every,
        log_every=1,
        facts=facts,
        store=rivals.Store(out or numbered("runs", name)),
        measure=radius if measured else None,
    )


def radius(game: Any) -> float:
    """How far generated points lie from the ring, on average: lower is better."""
    return float((game.sample(64, noise=torch.Generator().manual_seed(0)).norm(dim=1) - 1).abs().mean())
