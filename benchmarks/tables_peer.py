"""The package ctgan on a CSV, in an environment of its own, through its public interface alone: one JSON line a run.

python -m venv VENV; VENV/bin/pip install 'ctgan<0.13' pandas     (ctgan has a business licence: not a part of rivals)
VENV/bin/python benchmarks/tables_peer.py rows.csv OUT --discrete sex income --seconds 100 200 --epochs 300 --most 900

Each run is a fit from nothing, since `fit` begins anew. --seconds: as many epochs as take about that long, by two short fits made
before. Time is that of the one thread (CPU seconds), reading left out. Columns that are not discrete must hold no missing cell.
"""

import argparse
import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ctgan import CTGAN


def fitted(frame: pd.DataFrame, discrete: list[str], epochs: int, seed: int) -> tuple[CTGAN, float, float]:
    """The trained model, and its CPU and wall seconds."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    cpu, wall = time.process_time(), time.perf_counter()
    model = CTGAN(epochs=epochs, verbose=False, enable_gpu=False)
    model.fit(frame, discrete)
    return model, time.process_time() - cpu, time.perf_counter() - wall


def pace(frame: pd.DataFrame, discrete: list[str]) -> tuple[float, float]:
    """CPU seconds before the first epoch, and for each epoch. The first fit of a process is slow, so that it is not counted."""
    _, one, more = (fitted(frame, discrete, epochs, 0)[1] for epochs in (1, 1, 5))
    each = max((more - one) / 4, 0.01)
    return max(one - each, 0.0), each


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--discrete", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, nargs="*", default=[])
    parser.add_argument("--epochs", type=int, nargs="*", default=[])
    parser.add_argument("--most", type=float, default=900.0, help="Seconds beyond which a run of --epochs is left out.")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds = dict.fromkeys(options.discrete, str)
    frame = pd.read_csv(options.data, dtype=kinds, keep_default_na=False)
    options.out.mkdir(parents=True, exist_ok=True)
    before, each = pace(frame, options.discrete) if options.seconds or len(options.epochs) > 1 else (0.0, 0.0)
    wanted = [max(round((seconds - before) / each), 1) for seconds in options.seconds]
    for epochs in [*wanted, *options.epochs]:
        if before + epochs * each > options.most:
            print(f"{epochs} epochs would take {before + epochs * each:.0f} s: left out", file=sys.stderr, flush=True)
            continue
        model, cpu, wall = fitted(frame, options.discrete, epochs, options.seed)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.process_time()
        made = model.sample(options.rows)
        file = options.out / f"epochs_{epochs}.csv"
        made.to_csv(file, index=False)
        told = {"epochs": epochs, "cpu": cpu, "wall": wall, "peak_mb": peak, "sampling": time.process_time() - start}
        print(json.dumps({"ctgan": version("ctgan"), **told, "file": str(file)}), flush=True)


if __name__ == "__main__":
    main()
