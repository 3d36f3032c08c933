"""What privacy costs on Adult (10,000 rows): utility of synthetic rows against epsilon, in docs/tables-privacy.md.

python benchmarks/tables_private.py adult.csv.gz --epsilon 1 3 8 inf --seed 1
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd
import torch

from rivals.tasks import tables
from rivals.tasks.tables.judging.baselines import independent, per_class
from rivals.tasks.tables.judging.pairs import pairs
from rivals.tasks.tables.judging.shapes import shapes
from rivals.tasks.tables.judging.utility import balanced, utility
from rivals.tasks.tables.training import Table, load

ROWS = 10_000


def figures(name: str, table: Table, made: pd.DataFrame, target: str, seconds: float) -> None:
    held = table.held.sample(ROWS, random_state=0)
    trends, use = pairs(held, made, table.schema).trends, utility(table.train, held, made, table.schema, target)
    found = balanced(table.train, held, made, table.schema)
    print(f"| {name} | {shapes(held, made, table.schema).mean:.3f} | {trends:.3f} | {found.mean:.3f} | {use.value:.3f} "
          f"({use.low:.3f} to {use.high:.3f}) | {seconds:.0f} |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epsilon", type=float, nargs="*", default=[1.0, 3.0, 8.0, float("inf")])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", default="income")
    parser.add_argument("--samples", type=int, default=400_000)
    parser.add_argument("--baselines", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    table = load(options.data, None, ROWS, options.seed)
    for sampler in (independent, per_class) if options.baselines else ():
        made = sampler(table.train, table.schema, ROWS, options.target, 0)
        figures(f"{sampler.__name__}, no privacy", table, made, options.target, 0)
    for epsilon in options.epsilon:
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            trainer = tables.recipe(options.data, target=options.target, rows=ROWS, epsilon=epsilon, samples=options.samples,
                                    seed=options.seed, out=Path(folder) / "run").fit(progress=False)  # fmt: skip
            seconds = time.process_time() - start
            told = trainer.facts["private"]
            name = f"epsilon {told['epsilon']:.3g} (noise {told['noise']:.2f})"
            figures(name, table, trainer.sample(ROWS, seed=1), options.target, seconds)


if __name__ == "__main__":
    main()
