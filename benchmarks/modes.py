"""Ring of 8 and grid of 25 Gaussians: modes covered and share of good samples, by objective and penalty, over seeds.

python benchmarks/modes.py [--seeds 5] [--samples 2500000] [--data NAME] [--game NAME]   (a Markdown table, failures included)

A mode is covered when it gets at least a tenth of its fair share of the good samples; a sample is good within 3
standard deviations of a mode (rivals.metrics.mode_coverage). 10,000 samples of the averaged generator are judged.
"""

import argparse
import math
import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from rivals import GAN, Sample, Trainer
from rivals.core.objectives import hinge, non_saturating, relativistic, wasserstein
from rivals.core.penalties import gradient_penalty, r1, r2
from rivals.core.schedules import cosine
from rivals.core.stream import mix
from rivals.core.trainer import NotFinite
from rivals.metrics import mode_coverage

DEVIATION = {"ring of 8": 0.02, "grid of 25": 0.05}


def centres(name: str) -> Tensor:
    """(8, 2) on the unit circle, or (25, 2) on the square [-2, 2]^2."""
    if name == "ring of 8":
        angle = torch.arange(8) * math.pi / 4
        return torch.stack([angle.cos(), angle.sin()], 1)
    line = torch.arange(-2.0, 3.0)
    return torch.cartesian_prod(line, line)


def mixture(name: str, seed: int) -> Any:
    """The endless stream of real points."""
    points = centres(name)

    def data(seen: int, size: int, stride: int) -> Iterator[Sample]:
        while True:
            noise = torch.Generator().manual_seed(mix(seed, seen))
            rows = torch.randint(len(points), (size,), generator=noise)
            yield Sample(points[rows] + DEVIATION[name] * torch.randn(size, 2, generator=noise))
            seen += stride

    return data


class Dense(nn.Module):
    """Three hidden layers; the condition is not used. scale: of the input, so that the modes are some units apart."""

    def __init__(self, inputs: int, outputs: int, *, width: int = 128, scale: float = 1.0) -> None:
        super().__init__()
        sizes = [inputs, width, width, width]
        hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        self.scale, self.layers = scale, nn.Sequential(*hidden, nn.Linear(width, outputs))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x * self.scale)


GAMES: dict[str, dict[str, Any]] = {
    "relativistic + r1 + r2": {"objective": relativistic, "penalties": {"r1": r1(0.1), "r2": r2(0.1)}},
    "non-saturating + r1": {"objective": non_saturating, "penalties": {"r1": r1(0.1)}},
    "WGAN-GP, 5 moves": {"objective": wasserstein, "penalties": {"gp": gradient_penalty(0.1)}, "discriminator_moves": 5},
    "hinge": {"objective": hinge},
}


def play(data: str, settings: dict[str, Any], *, seed: int, samples: int) -> tuple[int, float, float]:
    """One run: modes covered, share of good samples, seconds. A game that stops at NaN covers nothing."""
    torch.manual_seed(seed)
    gan = GAN(
        Dense(2, 2),
        Dense(2, 1, scale=4.0),
        latent=2,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3, betas=(0.0, 0.99), fused=True),
        **settings,
    )
    trainer = Trainer(gan, mixture(data, seed), samples=samples, batch=64, seed=seed, schedules={"lr": cosine(1e-3, 1e-5)})
    start = time.perf_counter()
    try:
        trainer.fit(progress=False)
    except NotFinite:
        return 0, 0.0, time.perf_counter() - start
    seconds = time.perf_counter() - start
    with trainer.averaged() as game:
        points = game.sample(10_000, noise=torch.Generator().manual_seed(seed))
    found = mode_coverage(points, centres(data), DEVIATION[data])
    return found.covered, found.share, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2_500_000)
    parser.add_argument("--data", choices=[*DEVIATION, "both"], default="both")
    parser.add_argument("--game", choices=[*GAMES, "all"], default="all")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| data | game | modes covered, each seed | good samples, each seed | median seconds |\n|---|---|---|---|---|")
    for data in DEVIATION if options.data == "both" else [options.data]:
        for name, settings in GAMES.items() if options.game == "all" else [(options.game, GAMES[options.game])]:
            rows = [play(data, settings, seed=seed, samples=options.samples) for seed in range(options.seeds)]
            modes, good, seconds = zip(*rows, strict=True)
            shares = " ".join(f"{share:.1%}" for share in good)
            told = f"{' '.join(map(str, modes))} of {len(centres(data))} | {shares} | {median(seconds):.0f}"
            print(f"| {data} | {name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
