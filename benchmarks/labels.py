"""Few labels on MNIST: the error of the game after 12 epochs of 20,000 pictures, beside baselines and two controls.

python benchmarks/labels.py mnist.npz [--seeds 0 1 2] [--labelled 100] [--unlabelled 20000] [--epochs 12] [--only NAME]

Rows: the game; the labelled pictures alone (same network); label spreading; the game with an unlabelled weight of 0 and with the
pixels of each unlabelled picture shuffled (controls: no better than the labelled pictures alone); the complement variant.
"""

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from rivals.core.stream import mix
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media.collection import Pictures
from rivals.tasks.labels import BATCH, HALF_LIFE, begun, facts_of, falling
from rivals.tasks.labels.data import Few, opened
from rivals.tasks.labels.judging import error, spreading, supervised

GAMES: dict[str, dict[str, Any]] = {
    "game": {},
    "weight 0": {"weight": 0.0},
    "shuffled": {},
    "complement": {"variant": "complement"},
    "minibatch features": {"minibatch": 50},
}


def shuffled(pictures: Pictures, items: Tensor) -> Sample:
    """Pictures by number with their pixels in an order of each one's own."""
    data = pictures.fetch(items).data
    orders = [torch.randperm(data[0].numel(), generator=torch.Generator().manual_seed(mix(1, int(item)))) for item in items]
    return Sample(data.flatten(1).gather(1, torch.stack(orders)).view_as(data))


def play(name: str, found: Few, seed: int, epochs: list[int], pool: int) -> list[float]:
    """The averaged classifier's error on the held-out pictures after so many epochs each."""
    torch.manual_seed(seed)
    facts = facts_of(found) | {"minibatch": 0, "variant": "feature-matching", "weight": 1.0} | GAMES[name]
    game = begun(facts, found)
    ends = [pool * each for each in epochs]
    trainer = Trainer(
        game,
        found.stream(seed, 0),
        samples=ends[-1],
        batch=BATCH,
        seed=seed,
        half_life=HALF_LIFE * BATCH,
        device="cpu",
        schedules=falling(game.rates),
    )
    errors: list[float] = []
    for report in trainer:
        if report.before < ends[min(len(errors), len(ends) - 1)] <= report.seen:
            with trainer.averaged() as average:
                errors.append(error(average.discriminator, found.pictures.held_out))  # type: ignore[arg-type]
    return errors


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--labelled", type=int, default=100)
    parser.add_argument("--unlabelled", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, nargs="+", default=[12])
    parser.add_argument("--only", choices=list(GAMES), nargs="+", default=list(GAMES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| seed | what | {' | '.join(f'error after {each} epochs' for each in options.epochs)} | seconds |", flush=True)
    print("|---" * (3 + len(options.epochs)) + "|", flush=True)
    for seed in options.seeds:
        told = {"data": options.data, "labelled": options.labelled, "unlabelled": options.unlabelled, "seed": seed}
        found = opened(told)
        spread = spreading(found)
        print(f"| {seed} | labelled pictures alone | {error(supervised(found, seed), found.pictures.held_out):.2%} |", flush=True)
        print(f"| {seed} | label spreading | {'not installed' if spread is None else f'{spread:.2%}'} |", flush=True)
        for name in options.only:
            mixed = replace(found.others, fetch=partial(shuffled, found.pictures))
            start = time.monotonic()
            errors = play(
                name, replace(found, others=mixed) if name == "shuffled" else found, seed, options.epochs, options.unlabelled
            )
            told_errors = " | ".join(f"{each:.2%}" for each in errors)
            print(f"| {seed} | {name} | {told_errors} | {time.monotonic() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
