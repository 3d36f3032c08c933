"""The demo's figures over several seeds: seconds of training, and every measure beside what real digits reach.

python benchmarks/demo.py [--seeds 3]
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from rivals.model import Model
from rivals.tasks import digits


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| seed | seconds | label agreement | Frechet / bound | coverage | precision | recall | copies | exact copies | digits |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            digits.recipe(seed=seed, out=Path(folder) / "run").fit(progress=False)
            seconds = time.perf_counter() - start
            cards = Model(Path(folder) / "run").evaluate()
        shown = {name: f"{card.value:.3f}" for name, card in cards.items()}
        ratio, copies = cards["frechet"].extra["ratio"], cards["copies"].extra
        print(
            f"| {seed} | {seconds:.0f} | {shown['labels']} | {ratio:.2f} | {shown['coverage']} | {shown['precision']} | "
            f"{shown['recall']} | {shown['copies']} (fresh data {copies['expected']:.3f}) | {copies['exact']} | "
            f"{cards['labels'].extra['classes_seen']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
