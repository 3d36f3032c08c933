"""A GAN of one's own in one file: points on a spiral.  rivals train examples/new_gan.py --turns 3 --samples 200000

A file needs `recipe`, the command line's options are its arguments; `game` lets the trained run be loaded again.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import rivals
from rivals.core.device import Precision
from rivals.core.penalties import r1, r2
from rivals.core.stream import mix


class Points(nn.Module):
    """A small network; the condition is not used."""

    def __init__(self, inputs: int, outputs: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, outputs)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x)


def game(facts: Mapping[str, Any]) -> rivals.GAN:
    return rivals.GAN(
        Points(2, 2),
        Points(2, 1),
        latent=2,
        penalties={"r1": r1(0.05), "r2": r2(0.05)},
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3, betas=(0.0, 0.9)),
    )


def spiral(seed: int, turns: float) -> Any:
    """An endless stream of real points; the batch that starts at sample k is a function of (seed, k)."""

    def data(seen: int, size: int, stride: int) -> Iterator[rivals.Sample]:
        while True:
            noise = torch.Generator().manual_seed(mix(seed, seen))
            t = torch.rand(size, generator=noise).sqrt()
            angle = 2 * math.pi * turns * t
            points = torch.stack([t * angle.cos(), t * angle.sin()], 1)
            yield rivals.Sample(points + 0.02 * torch.randn(size, 2, generator=noise))
            seen += stride

    return data


def recipe(
    *,
    turns: float = 2.0,
    samples: int = 400_000,
    batch: int = 128,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "spiral",
) -> rivals.Trainer[rivals.Sample]:
    """Points on a spiral of `turns` turns."""
    facts = {"turns": turns}
    return rivals.Trainer(
        game(facts),
        spiral(seed, turns),
        samples=samples,
        batch=batch,
        seed=seed,
        device=device,
        precision=precision,
        facts=facts,
        store=rivals.Store(out, name=name),
    )
