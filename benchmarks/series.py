"""The figures of the recipes of series: published data, the cheap samplers beside them, TimeGAN's own scores.

python benchmarks/series.py FOLDER [--data sines stock etth1 customers] [--recipe series] [--seeds 1] [--samples N] [--scores]

FOLDER holds stock_data.csv.gz and ETTh1.csv.gz; sines and customers (made here: 2,000 series of 8 to 30 steps with attributes)
need none. --scores adds the discriminative and the predictive score, minutes each, mean of --repeats networks.
"""

import argparse
import importlib
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks.series.judging import synthetic
from rivals.tasks.series.post_hoc import discriminative_score, predictive_score
from rivals.tasks.series.training import again


def customers(path: Path, count: int = 2000) -> Path:
    """Long: each customer's segment sets the level of a, the age its trend, the segment how long it stays."""
    draw, lines = np.random.default_rng(0), ["id,day,segment,age,a,b"]
    for at in range(count):
        segment, age = int(draw.integers(3)), int(draw.integers(18, 80))
        steps = int(8 + draw.binomial(22, 0.2 + 0.3 * segment))
        a = 10 + 5 * segment + 0.02 * (age - 50) * np.arange(steps) + np.cumsum(draw.normal(size=steps) * 0.3)
        b = np.exp(0.5 * np.sin(np.arange(steps) / 3 + draw.uniform(0, 6)) + 0.1 * draw.normal(size=steps))
        days = np.datetime64("2026-01-01") + int(draw.integers(300)) + np.arange(steps)
        lines += [f"c{at},{day},{'abc'[segment]},{age},{x:.3f},{y:.3f}" for day, x, y in zip(days, a, b, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def source(name: str, folder: Path | None, temporary: Path) -> dict[str, Any]:
    """The recipe's options for one set of data."""
    if name == "sines":
        return {"data": Path("sines")}
    if name == "customers":
        return {"data": customers(temporary / "customers.csv"), "time": "day", "entity": "id", "attributes": "segment,age"}
    assert folder, f"{name} lies in FOLDER"
    if name == "stock":
        return {"data": folder / "stock_data.csv.gz", "length": 24}
    return {"data": folder / "ETTh1.csv.gz", "time": "date", "length": 24}


def measured(name: str, seed: int, options: argparse.Namespace, temporary: Path) -> None:
    recipe = importlib.import_module(f"rivals.tasks.{options.recipe}").recipe
    run = (options.keep or temporary) / f"{options.recipe}-{name}-{seed}"
    more = {"samples": options.samples} if options.samples else {}
    start = time.monotonic()
    used = time.process_time()
    recipe(**source(name, options.folder, temporary), seed=seed, out=run, **more).fit(progress=False)
    print(
        f"\n{options.recipe} on {name}, seed {seed}: {time.monotonic() - start:.0f} s, {time.process_time() - used:.0f} s of CPU"
    )
    model = Model(run)
    cards = model.evaluate(Judging(samples=options.judged, seed=seed))
    names = list(next(iter(cards.values())).beside)
    print(f"| measure | samples | real | {' | '.join(names)} |\n|---|---|---|{'---|' * len(names)}")
    for key, card in cards.items():
        others = [
            f"{each:.4f}" for each in [card.extra.get("bound", math.nan), *(card.beside.get(name, math.nan) for name in names)]
        ]
        print(f"| {key} | {card.value:.4f} [{card.low:.4f}, {card.high:.4f}] | {' | '.join(others)} |")
    if options.scores:
        published(model, options)


def published(model: Model, options: argparse.Namespace) -> None:
    """TimeGAN's scores against the training series, as published: mean and deviation over post-hoc networks."""
    real = again(model.record["facts"]).train.values
    real = real[np.random.default_rng(0).permutation(len(real))[:3000]]
    fake = synthetic(model.game, len(real), 0).values
    for score in (discriminative_score, predictive_score):
        found = [score(real, fake, seed=seed) for seed in range(options.repeats)]
        print(
            f"{score.__name__}: {np.mean(found):.3f} +- {np.std(found):.3f}; real: {score(real, real[::-1].copy()):.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--data", nargs="+", default=["sines", "stock", "etth1", "customers"])
    parser.add_argument("--recipe", choices=["series", "series.timegan"], default="series")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--keep", type=Path, help="Folder for the runs; by default they are thrown away.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.data:
            for seed in range(options.seeds):
                measured(name, seed, options, Path(temporary))


if __name__ == "__main__":
    main()
