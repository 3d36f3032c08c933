"""What tables cost and keep: memory of a wide column, a million rows sampled, constraints in 100,000 rows, conditions.

python benchmarks/tables_load.py wide [--rounds 3000] [--peer VENV/bin/python]   5,000 categories: peak memory
python benchmarks/tables_load.py sample RUN [--rows 100000 1000000]              rows a second, peak memory of each process
python benchmarks/tables_load.py constraints RUN [--rows 100000]                 rows of the CSV that break a constraint
python benchmarks/tables_load.py where RUN 'income=>50K' [--draws 20]            a condition, and other columns given it

RUN is a finished run of `rivals train tables`, whose data file must still be there. Peak memory: ru_maxrss of the process.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np
import pandas as pd
from tables import called

from rivals import Model
from rivals.tasks import tables
from rivals.tasks.tables.data import Form, parse, read_table
from rivals.tasks.tables.data.constraints import broken
from rivals.tasks.tables.data.find import decided
from rivals.tasks.tables.judging.cells import choices, judged, numbers
from rivals.tasks.tables.sampling import Draws, rows
from rivals.tasks.tables.training import of_run
from rivals.tasks.tables.where import conditions

LEVELS, BINS = 5000, 10


def wide_table(file: Path) -> None:
    """50,000 rows: a column of 5,000 categories (about 1 / rank, a tenth of its cells missing), and three that depend on it."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(10, LEVELS + 10)
    made = np.concatenate([np.arange(LEVELS), random.choice(LEVELS, 50_000 - LEVELS, p=shares / shares.sum())])
    missing = (np.arange(len(made)) >= LEVELS) & (random.random(len(made)) < 0.11)
    order = random.permutation(len(made))
    made, missing = made[order], missing[order]
    price = np.exp(made % 7 + random.standard_normal(len(made)) / 3).round(2)
    product = pd.Series([f"product {each}" for each in made]).mask(missing)
    shop = [f"shop {each}" for each in made % 12]
    pd.DataFrame({"product": product, "price": price, "count": random.poisson(1 + made % 5), "shop": shop}).to_csv(
        file, index=False
    )


def wide(options: argparse.Namespace) -> None:
    """Trains, samples 100,000 rows; prints the process's peak."""
    with tempfile.TemporaryDirectory() as folder:
        file, peaks, start = Path(folder) / "wide.csv", [_peak()], time.process_time()
        wide_table(file)
        trainer = tables.recipe(file, samples=128 * options.rounds, out=Path(folder) / "run").fit(progress=False)
        spent = time.process_time() - start
        peaks.append(_peak())
        found, gone = {"product": set[str](), "shop": set[str]()}, 0
        with trainer.averaged() as game:
            for part in Draws(game, Form.from_dict(trainer.facts["form"]), 100_000, 0):
                gone += int(part["product"].isna().sum())
                for name, levels in found.items():
                    levels |= set(part[name].dropna())
        peaks.append(_peak())
        kept = ", ".join(f"{len(levels):,} of {name}" for name, levels in found.items())
        memory = " / ".join(f"{each:.0f} MB" for each in peaks)
        print(f"tables, {options.rounds:,} rounds: {spent:.0f} s; peak before / with training / with 100,000 rows: {memory}")
        print(f"levels drawn: {kept}; missing products {gone / 100_000:.3f}", flush=True)
        if options.peer:  # a missing cell is the category "" to it
            for told in called(options.peer, file, Path(folder) / "peer", "--discrete", "product", "shop", "--epochs", 1):
                print(f"ctgan {told['ctgan']}, 1 epoch: {told['cpu']:.0f} s, peak {told['peak_mb']:.0f} MB", flush=True)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def sample(options: argparse.Namespace) -> None:
    """rivals sample RUN -n ROWS -o rows.csv, for each number of rows."""
    for count in options.rows or [100_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "rows.csv"
            command = [sys.executable, "-m", "rivals", "sample", str(options.run), "-n", str(count), "-o", str(out)]
            start = time.perf_counter()
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
                told = (running.stdout.read() if running.stdout else "").strip()
                _, status, used = os.wait4(running.pid, 0)
                running.returncode = os.waitstatus_to_exitcode(status)
            if running.returncode:
                raise SystemExit(f"failed: {told}")
            wall, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
            size = out.stat().st_size / 2**20
            lines = sum(1 for _ in out.open("rb")) - 1
        print(f"{lines:,} rows, {size:.0f} MB: {wall:.0f} s wall, {cpu:.0f} s CPU, {count / cpu:,.0f} rows per CPU second, "
              f"peak {used.ru_maxrss / 1024:.0f} MB", flush=True)  # fmt: skip


def constraints(options: argparse.Namespace) -> None:
    """Rows of a sampled CSV, read again, that break a constraint; and columns that decide others in the training rows."""
    model = Model(options.run)
    form, table = Form.from_dict(model.record["facts"]["form"]), of_run(model.record)
    count = (options.rows or [100_000])[0]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.csv"
        subprocess.run([sys.executable, "-m", "rivals", "sample", str(options.run), "-n", str(count), "-o", str(out)], check=True)
        made = parse(read_table(out), form.schema)
    for each in form.kept.constraints:
        if each.word == "fixed":
            names = list(each.names)
            known = set(map(tuple, table.train[names].astype(object).where(table.train[names].notna(), None).to_numpy()))
            bad = sum(tuple(row) not in known for row in made[names].astype(object).where(made[names].notna(), None).to_numpy())
        else:
            bad = int(broken(each, made, form.schema).sum())
        print(f"{each}: {bad} of {len(made):,} rows break it", flush=True)
    print("columns that decide one another in the training rows:", decided(table.train, table.schema), flush=True)


def cut(real: pd.Series, tables: list[pd.DataFrame], name: str, discrete: bool) -> list[np.ndarray]:
    """The column of each table as codes from 0, missing cells the last: levels, or tenths of the real column."""
    parts = [table[name] for table in tables]
    if discrete:
        levels = {level: place for place, level in enumerate(pd.unique(pd.concat([real, *parts]).dropna()))}
        return [part.map(levels).fillna(len(levels)).astype(int).to_numpy() for part in parts]
    edges = np.unique(np.nanquantile(numbers(real), np.arange(1, BINS) / BINS))
    values = [numbers(part) for part in parts]
    return [np.where(np.isnan(each), len(edges) + 1, np.searchsorted(edges, each, "right")) for each in values]


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Jensen-Shannon divergence of two columns of codes, in nats."""
    width = max(one.max(), other.max()) + 1
    p, q = (np.bincount(each, minlength=width) / len(each) for each in (one, other))
    middle = (p + q) / 2
    return float(sum(np.sum(each[each > 0] * np.log(each[each > 0] / middle[each > 0])) for each in (p, q)) / 2)


def where(options: argparse.Namespace) -> None:
    """Other columns of synthetic rows that meet a condition beside those of real ones: divergences over that of two real halves.

    "asked": rows(where=...). "kept": of free rows those that meet it. "trained": the training rows, which a perfect memory gives.
    Real rows are all of the file's that meet it. Each draw takes half of them, the other half, and as many rows of each kind.
    """
    model = Model(options.run)
    form, table = Form.from_dict(model.record["facts"]["form"]), of_run(model.record)
    (wanted,) = conditions([options.condition], form.schema)
    free = rows(model.game, form, options.free, seed=1)
    parts = {"real": pd.concat([table.train, table.held], ignore_index=True), "kept": free, "trained": table.train}
    parts = {name: part[wanted.holds(part)] for name, part in parts.items()}
    parts["asked"] = rows(model.game, form, max(len(parts["kept"]), 1), seed=0, where=[options.condition])
    shares = len(parts["kept"]) / len(free), len(parts["trained"]) / len(table.train)
    print(f"{options.condition}: holds in {wanted.holds(parts['asked']).mean():.2%} of {len(parts['asked']):,} rows asked for, "
          f"in {shares[0]:.2%} of free rows, in {shares[1]:.2%} of training rows")  # fmt: skip
    half, random = min(len(parts["real"]) // 2, len(parts["kept"])), np.random.default_rng(0)
    ratios: dict[str, list[float]] = {"asked": [], "kept": [], "trained": []}
    print(f"| column | noise of two real parts of {half:,} | " + " | ".join(f"{name}, times noise" for name in ratios) + " |")
    print("|---" * (2 + len(ratios)) + "|")
    for name in judged(form.schema):
        coded = cut(parts["real"][name], list(parts.values()), name, name in choices(form.schema))
        codes = dict(zip(parts, coded, strict=True))
        halves = [random.permutation(codes["real"])[: 2 * half].reshape(2, half) for _ in range(options.draws)]
        noise = mean(divergence(*each) for each in halves)
        if not noise:
            continue
        for kind, found in ratios.items():
            found.append(mean(divergence(each[0], random.choice(codes[kind], half)) for each in halves) / noise)
        print(f"| {name} | {noise:.5f} | " + " | ".join(f"{found[-1]:.2f}" for found in ratios.values()) + " |", flush=True)
    for kind, found in ratios.items():
        print(f"{kind}: {sum(each <= 1.5 for each in found)} of {len(found)} columns within 1.5, median {median(found):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for play in (wide, sample, constraints, where):
        command = commands.add_parser(play.__name__)
        command.set_defaults(play=play)
        if play is wide:
            command.add_argument("--rounds", type=int, default=3000)
            command.add_argument("--peer", type=Path)
            continue
        command.add_argument("run", type=Path)
        if play is where:
            command.add_argument("condition")
            command.add_argument("--draws", type=int, default=20)
            command.add_argument("--free", type=int, default=50_000, help="Rows drawn without the condition.")
        else:
            command.add_argument("--rows", type=int, nargs="*")
    options = parser.parse_args()
    options.play(options)


if __name__ == "__main__":
    main()
