"""The trainer's overhead over a plain loop of the same pix2pix: the same networks, terms, rates and windows of pictures.

python benchmarks/overhead_translation.py [--pairs 7] [--rounds 12]

Pairs of noise, 64x64, batches of 8. The plain loop has no weight averages and no check that gradients are finite; the figure is
the median of the pairs' ratios, with its quartiles.
"""

import argparse
import time
from statistics import quantiles

import torch
from torch.nn.functional import l1_loss, relu

from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.translation import Pair
from rivals.tasks.translation import pix2pix
from rivals.tasks.translation.training import Plan, rivalry

SHAPE = {"width": 24, "downs": 5, "dropout": 0.0, "scales": 1, "layers": 2, "discriminator_width": 32}
FACTS = {"shape": SHAPE, "source_channels": 3, "target_channels": 3, "objective": "hinge"}
DATA = Pair(torch.rand(64, 3, 64, 64) * 2 - 1, torch.rand(64, 3, 64, 64) * 2 - 1)
BATCH = 8


def by_trainer(count: int) -> float:
    """Seconds of processor time that the trainer takes for `count` rounds: all that fit does, without a run folder or a bar."""
    game = rivalry(pix2pix.game(FACTS), Plan(10.0, 10.0, 4e-4, 4e-4)).to(memory_format=torch.channels_last)
    trainer = Trainer(game, Stream.over(DATA), samples=count * BATCH, batch=BATCH, log_every=10**6)
    start = time.process_time()
    trainer.fit(progress=False)
    return time.process_time() - start


def by_hand(count: int) -> float:
    """Seconds that the plain loop takes for as many."""
    game = pix2pix.game(FACTS).to(memory_format=torch.channels_last)
    g, d = game.generator.train(), game.discriminator.train()
    adam = [torch.optim.Adam(each.parameters(), lr=4e-4, betas=(0.5, 0.999), fused=True) for each in (g, d)]
    order = torch.randperm(len(DATA))
    start = time.process_time()
    for step in range(count):
        rows = order[step * BATCH % len(DATA) :][:BATCH]
        source, target = DATA.source[rows], DATA.target[rows]
        with torch.no_grad():
            made = g(source)
        (real,), (fake,) = d(target, source), d(made, source)
        adam[1].zero_grad()
        (relu(1 - real.score).mean() + relu(1 + fake.score).mean()).backward()
        adam[1].step()
        made = g(source)
        d.requires_grad_(False)
        (fake,) = d(made, source)
        with torch.no_grad():
            (real,) = d(target, source)
        matching = torch.stack([l1_loss(f, r) for r, f in zip(real.features, fake.features, strict=True)]).mean()
        adam[0].zero_grad()
        (10 * l1_loss(made, target) - fake.score.mean() + 10 * matching).backward()
        adam[0].step()
        d.requires_grad_(True)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    by_hand(3), by_trainer(3)
    ratios = []
    for pair in range(options.pairs):
        if pair % 2:
            ours, plain = by_trainer(options.rounds), by_hand(options.rounds)
        else:
            plain, ours = by_hand(options.rounds), by_trainer(options.rounds)
        ratios.append(ours / plain)
        print(f"pair {pair}: by hand {1e3 * plain / options.rounds:.0f} ms, trainer {1e3 * ours / options.rounds:.0f} ms a round")
    low, middle, high = quantiles(ratios, n=4)
    print(f"overhead: median {middle - 1:+.1%} (quartiles {low - 1:+.1%}, {high - 1:+.1%}) of {options.pairs} pairs")


if __name__ == "__main__":
    main()
