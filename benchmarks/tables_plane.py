"""Points on a plane as a table of two columns: a ring of 8, a grid of 25 Gaussians, a banana; the default recipe and ctgan.

python benchmarks/tables_plane.py [--data NAME ...] [--samples 500000] [--set told=0 ...] [--peer VENV/bin/python] [--seed 0]

A mode is covered with a tenth of its fair share of good points; a point is good within 3 standard deviations of a mode (real
ones: 98.9 %). Banana, y = x^2 + 0.2 normal, x standard normal: the spread of y - x^2, its Kolmogorov-Smirnov distance to that of
fresh real points, and the correlation of |y - x^2| with |x|, really 0. With --peer, ctgan trains for as long. CPU seconds.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tables import called

from rivals.metrics import mode_coverage
from rivals.tasks import tables
from rivals.tasks.tables.judging.shapes import smirnov

ROWS, NOISE = 10_000, 0.2
DEVIATION = {"ring": 0.05, "grid": 0.05}
NAMES = ("ring", "grid", "banana")


def centres(name: str) -> np.ndarray:
    """(8, 2) on a circle of radius 2, or (25, 2) two apart."""
    if name == "ring":
        angle = np.arange(8) * math.pi / 4
        return 2 * np.stack([np.cos(angle), np.sin(angle)], 1)
    line = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)


def points(name: str, seed: int) -> pd.DataFrame:
    """10,000 real points."""
    random = np.random.default_rng(seed)
    if name == "banana":
        x = random.standard_normal(ROWS)
        made = np.stack([x, x**2 + NOISE * random.standard_normal(ROWS)], 1)
    else:
        middle = centres(name)[random.integers(len(centres(name)), size=ROWS)]
        made = middle + DEVIATION[name] * random.standard_normal((ROWS, 2))
    return pd.DataFrame(made, columns=["x", "y"])


def judged(name: str, made: pd.DataFrame, seed: int) -> dict[str, float]:
    """Figures of synthetic points."""
    if name != "banana":
        found = mode_coverage(torch.tensor(made.to_numpy()), torch.tensor(centres(name)), DEVIATION[name])
        return {"modes": found.covered, "of": len(centres(name)), "good": round(found.share, 4)}
    fresh = points(name, seed + 1000)
    rest, real = (frame["y"].to_numpy() - frame["x"].to_numpy() ** 2 for frame in (made, fresh))
    return {
        "spread": round(float(rest.std()), 4),
        "real spread": round(float(real.std()), 4),
        "KS of residual": round(1 - smirnov(real, rest), 4),
        "within 3 sd": round(float((np.abs(rest) < 3 * NOISE).mean()), 4),
        "|rest| with |x|": round(float(np.corrcoef(np.abs(rest), np.abs(made["x"]))[0, 1]), 3),
        "KS of x": round(1 - smirnov(fresh["x"].to_numpy(), made["x"].to_numpy()), 4),
    }


def ours(file: Path, folder: Path, seed: int, settings: dict[str, float]) -> tuple[pd.DataFrame, float]:
    """10,000 points of the default recipe, and its CPU seconds."""
    start = time.process_time()
    trainer = tables.recipe(file, seed=seed, out=folder, **settings).fit(progress=False)  # type: ignore[arg-type]
    took = time.process_time() - start
    return trainer.sample(ROWS, seed=seed), took


def peer(python: Path, file: Path, folder: Path, seconds: float, seed: int) -> tuple[pd.DataFrame, float, int]:
    """10,000 points of ctgan after about as long; its CPU seconds and epochs."""
    (told,) = called(python, file, folder, "--seconds", f"{seconds:.0f}", "--seed", seed, "--most", 3600)
    return pd.read_csv(told["file"]), told["cpu"], told["epochs"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--samples", type=int, default=500_000)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    changed = dict(each.split("=", 1) for each in options.set)
    settings = {"samples": options.samples} | {name: json.loads(value) for name, value in changed.items()}
    for name in options.data:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{name}.csv"
            points(name, options.seed).round(5).to_csv(file, index=False)
            made, took = ours(file, Path(folder) / "run", options.seed, settings)
            told = json.dumps(judged(name, made, options.seed))
            print(f"{name}: tables {settings} seed {options.seed}, {took:.0f} s: {told}", flush=True)
            if options.peer:
                made, spent, epochs = peer(options.peer, file, Path(folder) / "peer", took, options.seed)
                print(f"{name}: ctgan {epochs} epochs, {spent:.0f} s: {json.dumps(judged(name, made, options.seed))}", flush=True)


if __name__ == "__main__":
    main()
