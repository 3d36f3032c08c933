"""Adult by the default recipe, and by the package ctgan: quality by time spent, on the same 10,000 rows, one thread.

python benchmarks/tables.py DATA [--samples 50000 100000 ...] [--seeds 0 1 2]
                            [--peer VENV/bin/python --seconds 100 200 --epochs 300]

DATA is the Adult table (docs/tables.md). A Markdown table: CPU seconds of training (wall beside), shapes, pair trends (all; those
that are trends in real rows), balanced accuracy over six targets, AUC of income, detection. Real rows are the held-out ones.
ctgan gets missing cells as the category "?"; its rows are judged as they come, and again with education-num set by their
education, as the recipe's constraint sets it.
"""

import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from rivals.metrics.detection import detection
from rivals.tasks import tables
from rivals.tasks.tables.data import Schema, format_table, infer, parse, read_table
from rivals.tasks.tables.judging.baselines import per_class_copula
from rivals.tasks.tables.judging.features import features
from rivals.tasks.tables.judging.pairs import pairs
from rivals.tasks.tables.judging.shapes import shapes
from rivals.tasks.tables.judging.utility import balanced, utility
from rivals.tasks.tables.training import Table, parted

ROWS, TARGET = 10_000, "income"
TARGETS = ("marital-status", "relationship", "sex", "occupation", "education", "income")
HEAD = "| rows of | seconds (wall) | shapes | pairs | pair trends | balanced accuracy | AUC of income | detection |"


def adult(data: Path, seed: int) -> Table:
    """The rows that the recipe trains on by this seed, and those that it leaves out."""
    text = read_table(data)
    schema = infer(text)
    return parted(parse(text, schema), schema, ROWS, seed)


def line(name: str, took: tuple[float, float] | None, made: pd.DataFrame, table: Table, *, used: bool = True) -> str:
    """A row of the table; used: with models that learn from the rows, which take longest."""
    held, schema = table.held[:ROWS], table.schema
    trends, found = pairs(held, made, schema), features([held, made], schema)
    known = balanced(table.train, held, made, schema, only=TARGETS).mean if used else math.nan
    area = utility(table.train, held, made, schema, TARGET, seeds=1).value if used else math.nan
    told = detection(*found.tables, seed=0, categorical=found.categorical).auc
    figures = [shapes(held, made, schema).mean, trends.mean, trends.trends, known, area, told]
    spent = f"{took[0]:.0f} ({took[1]:.0f})" if took else ""
    return f"| {name} | {spent} | " + " | ".join("" if math.isnan(each) else f"{each:.3f}" for each in figures) + " |"


def ours(data: Path, samples: int | None, seed: int, folder: Path) -> tuple[pd.DataFrame, tuple[float, float], int]:
    """Synthetic rows of the default recipe, its CPU and wall seconds from the file on, and its samples."""
    given = {} if samples is None else {"samples": samples}
    cpu, wall = time.process_time(), time.perf_counter()
    trainer = tables.recipe(data, target=TARGET, rows=ROWS, seed=seed, out=folder, **given).fit(progress=False)
    took = time.process_time() - cpu, time.perf_counter() - wall
    return trainer.sample(ROWS, seed=seed), took, trainer.samples


def typed(file: Path, schema: Schema) -> pd.DataFrame:
    """A peer's rows, read as the real ones are."""
    return parse(read_table(file), schema)


def tied(made: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """With the education-num that goes with their education."""
    number = train.drop_duplicates("education").set_index("education")["education-num"]
    return made.assign(**{"education-num": made["education"].map(number).astype(made["education-num"].dtype)})


def called(python: Path, *arguments: object) -> Iterator[dict[str, Any]]:
    """What tables_peer.py tells of each of its runs, as soon as it does."""
    command = [str(each) for each in (python, Path(__file__).with_name("tables_peer.py"), *arguments)]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"LOKY_MAX_CPU_COUNT": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as running:
        yield from map(json.loads, running.stdout or ())


def peer(options: argparse.Namespace, table: Table, seed: int, folder: Path) -> None:
    """Prints ctgan's lines."""
    file = folder / "rows.csv"
    format_table(table.train, table.schema).fillna("?").to_csv(file, index=False)
    discrete = [column.name for column in table.schema.columns if column.kind in ("category", "ordered", "boolean")]
    lengths = ["--seconds", *options.seconds, "--epochs", *options.epochs]
    for told in called(options.peer, file, folder / "peer", "--seed", seed, *lengths, "--discrete", *discrete):
        made, took = typed(Path(told["file"]), table.schema), (told["cpu"], told["wall"])
        name = f"ctgan {told['ctgan']}, {told['epochs']} epochs, seed {seed}"
        print(line(name, took, made, table), flush=True)
        print(line(f"{name}, education-num set", took, tied(made, table.train), table, used=False), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--samples", type=int, nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--seconds", type=float, nargs="*", default=[100.0, 200.0])
    parser.add_argument("--epochs", type=int, nargs="*", default=[300])
    parser.add_argument("--only-peer", action="store_true")
    parser.add_argument("--runs", type=Path, help="A folder to keep the runs in.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(HEAD + "\n|---|---|---|---|---|---|---|---|")
    for seed in options.seeds:
        table = adult(options.data, seed)
        if not options.only_peer:
            print(line(f"real, trained on, seed {seed}", None, table.train, table), flush=True)
            copula = per_class_copula(table.train, table.schema, ROWS, TARGET, seed)
            print(line(f"per-class copula, seed {seed}", None, copula, table), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for samples in [] if options.only_peer else options.samples or [None]:
                made, took, drawn = ours(options.data, samples, seed, (options.runs or Path(folder)) / f"run-{seed}-{samples}")
                print(line(f"tables, {drawn:,} samples, seed {seed}", took, made, table), flush=True)
            if options.peer:
                peer(options, table, seed, Path(folder))


if __name__ == "__main__":
    main()
