"""Do column shapes and pair trends agree with the package sdmetrics, by its quality report and by its metrics for every pair?

The two packages live in environments of their own, so this is run three times on one folder:

python benchmarks/sdmetrics_agreement.py FOLDER make                 (rivals' environment: two tables as Parquet, rivals' scores)
/path/to/other/python benchmarks/sdmetrics_agreement.py FOLDER peer  (where sdmetrics 0.32 is installed: its scores)
python benchmarks/sdmetrics_agreement.py FOLDER compare              (prints every difference; exit code 1 above 1e-6)

--data FILE.csv.gz judges the two halves of a file of your own, instead of made tables.
"""

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

MOST = 1e-6
SDTYPES = {"number": "numerical", "integer": "numerical", "datetime": "datetime", "boolean": "boolean"}


def made(seed: int, rows: int = 3000) -> pd.DataFrame:
    """Numbers, integers, categories, booleans and dates that hang together, with missing cells."""
    draw = np.random.default_rng(seed)
    x = draw.normal(seed, 1 + seed, rows)
    group = np.where(x > 0.5, "high", np.where(x < -0.5, "low", "middle"))
    table = pd.DataFrame(
        {
            "x": x,
            "y": 0.9 * x + draw.normal(0, 0.4, rows),
            "heavy": draw.lognormal(0, 2, rows),
            "count": draw.poisson(3 + 2 * (x > 0), rows),
            "group": group,
            "letter": draw.choice(list("abcdefgh"), rows, p=np.array([30, 20, 15, 10, 10, 8, 5, 2]) / 100),
            "flag": draw.random(rows) < np.where(group == "high", 0.9, 0.2),
            "day": pd.Timestamp("2021-03-04") + pd.to_timedelta((1e6 * x + 3e6 * draw.random(rows)).astype(int), unit="s"),
            "whole": draw.integers(-5, 6, rows),
        }
    )
    for name in ("x", "heavy", "group", "letter", "day"):
        table.loc[draw.random(rows) < 0.08, name] = None
    return table


def make(folder: Path, data: Path | None) -> None:
    from rivals.tasks.tables.data import infer, parse, read_table
    from rivals.tasks.tables.data.schema import Column, Schema
    from rivals.tasks.tables.judging.pairs import pairs
    from rivals.tasks.tables.judging.shapes import shapes

    if data is None:
        real, fake = made(0), made(1)
        names = "number number number integer category category boolean datetime integer"
        kinds = dict(zip(real.columns, names.split(), strict=True))
        schema = Schema(tuple(Column(name, kind) for name, kind in kinds.items()))
    else:
        text = read_table(data)
        schema = infer(text, {})
        table = parse(text, schema)
        order = np.random.default_rng(0).permutation(len(table))
        half = len(table) // 2
        real, fake = (table.iloc[part].reset_index(drop=True) for part in (order[:half], order[half:]))
        one = np.random.default_rng(1)
        fake = pd.DataFrame({name: fake[name].array.take(one.permutation(len(fake))) for name in fake})  # columns torn apart
        kinds = {column.name: column.kind for column in schema.columns}
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in (("real", real), ("fake", fake)):
        each.to_parquet(folder / f"{name}.parquet", index=False)
    found, every = pairs(real, fake, schema, report=True), pairs(real, fake, schema).pairs
    trends = {f"{each.one} / {each.other}": each.similarity for each in found.pairs if each.trend}
    single = {f"{each.one} / {each.other}": each.similarity for each in every}
    scores = {"shapes": shapes(real, fake, schema).columns, "pair trends": trends, "all pairs": single}
    totals = {"shapes": shapes(real, fake, schema).mean, "pair trends": found.trends}
    (folder / "kinds.json").write_text(json.dumps(kinds))
    (folder / "rivals.json").write_text(json.dumps({"scores": scores, "totals": totals}))


def peer(folder: Path) -> None:
    from sdmetrics.reports.single_table import QualityReport

    kinds = json.loads((folder / "kinds.json").read_text())
    real, fake = (pd.read_parquet(folder / f"{name}.parquet") for name in ("real", "fake"))
    judged = [name for name, kind in kinds.items() if kind not in ("id", "constant", "empty")]
    metadata = {"columns": {name: {"sdtype": SDTYPES.get(kinds[name], "categorical")} for name in judged}}
    report = QualityReport()
    report.generate(real[judged], fake[judged], metadata, verbose=False)
    columns, trends = (report.get_details(name) for name in ("Column Shapes", "Column Pair Trends"))
    kept = trends[trends["Score"].notna()]
    names = [f"{one} / {other}" for one, other in zip(kept["Column 1"], kept["Column 2"], strict=True)]
    scores = {
        "shapes": dict(zip(columns["Column"], columns["Score"], strict=True)),
        "pair trends": dict(zip(names, kept["Score"], strict=True)),
    }
    totals = dict(zip(scores, report.get_properties()["Score"], strict=True))
    scores["all pairs"] = singles(real[judged], fake[judged], kinds)
    (folder / "sdmetrics.json").write_text(json.dumps({"scores": scores, "totals": totals}))


def singles(real: pd.DataFrame, fake: pd.DataFrame, kinds: dict[str, str]) -> dict[str, float]:
    """Every pair by the package's metrics themselves, which cut numbers otherwise than its report does."""
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity

    found, continuous = {}, {name for name in real if kinds[name] in ("number", "integer", "datetime")}
    for one, other in combinations(real.columns, 2):
        parts = [each[[one, other]].copy() for each in (real, fake)]
        cut = [name for name in (one, other) if name in continuous]
        for part in parts:
            for name in cut:
                if kinds[name] == "datetime":  # the metric cuts numbers only
                    part[name] = (part[name] - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        if len(cut) == 2:
            score = CorrelationSimilarity.compute(*parts)
        else:
            score = ContingencySimilarity.compute(*parts, continuous_column_names=cut)
        found[f"{one} / {other}"] = float(score)
    return found


def compare(folder: Path) -> int:
    ours, theirs = (json.loads((folder / f"{name}.json").read_text()) for name in ("rivals", "sdmetrics"))
    worst = 0.0
    for part, scores in ours["scores"].items():
        if scores.keys() != theirs["scores"][part].keys():
            print(f"{part}: other columns count: {scores.keys() ^ theirs['scores'][part].keys()}")
            worst = 1.0
        means = {"(mean)": ours["totals"][part]} if part in ours["totals"] else {}
        for name, score in {**scores, **means}.items():
            other = theirs["totals"][part] if name == "(mean)" else theirs["scores"][part].get(name, float("nan"))
            worst = max(worst, abs(score - other))
            print(f"{part:<12} {name:<32} {score:.9f} {other:.9f} {abs(score - other):.1e}")
    print(f"largest difference {worst:.1e}")
    return int(worst > MOST)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("step", choices=["make", "peer", "compare"])
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    if options.step == "compare":
        sys.exit(compare(options.folder))
    make(options.folder, options.data) if options.step == "make" else peer(options.folder)
