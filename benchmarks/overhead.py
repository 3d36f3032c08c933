"""The trainer's overhead over a hand-written loop of the same game: examples/from_scratch.py, the demo's settings.

python benchmarks/overhead.py [--pairs 15] [--rounds 400]

Each pair runs both, in alternating order; the figure is the median of the pairs' ratios, with its quartiles.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import quantiles

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from from_scratch import players, rounds

from rivals.core.penalties import r1, r2
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.gan import GAN
from rivals.tasks.digits.data import load


def by_trainer(count: int) -> float:
    """Seconds that the trainer takes for `count` rounds: all that fit does, without a run folder or a bar."""
    generator, discriminator = players()
    gan = GAN(
        generator,
        discriminator,
        latent=32,
        classes=10,
        penalties={"r1": r1(0.3), "r2": r2(0.3)},
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3, betas=(0.0, 0.99), fused=True),
    )
    trainer = Trainer(gan, Stream.over(load().train), samples=count * 128, log_every=3000)  # as often as in the demo
    start = time.perf_counter()
    trainer.fit(progress=False)
    return time.perf_counter() - start


def by_hand(count: int) -> float:
    """Seconds that the plain loop takes for as many."""
    train = load().train
    assert train.condition is not None
    pair = players()
    start = time.perf_counter()
    rounds(*pair, train.data, train.condition, count=count)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    by_hand(50), by_trainer(50)
    ratios = []
    for pair in range(options.pairs):
        if pair % 2:
            ours, plain = by_trainer(options.rounds), by_hand(options.rounds)
        else:
            plain, ours = by_hand(options.rounds), by_trainer(options.rounds)
        ratios.append(ours / plain)
        print(f"pair {pair}: by hand {1e3 * plain / options.rounds:.2f} ms, trainer {1e3 * ours / options.rounds:.2f} ms a round")
    low, middle, high = quantiles(ratios, n=4)
    print(f"overhead: median {middle - 1:+.1%} (quartiles {low - 1:+.1%}, {high - 1:+.1%}) of {options.pairs} pairs")


if __name__ == "__main__":
    main()
