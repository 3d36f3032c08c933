"""Constraints that a table keeps in all its rows, and that no sampler would learn by itself: found to be declared."""

import itertools

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.constraints import quoted
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.data.views import scaled, step

LEAST, MOST, EACH, ROWS = 3, 200, 10, 20  # combinations; rows for each of them; rows for an order or a sum
ADDED, TERMS, SAMPLE, LARGE = 40, 4, 64, 2**53


def find_constraints(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Declarations that hold in every row of a typed table.

    fixed: columns that decide each other one to one, by 3 to 200 combinations of 10 rows each on average. a < b or a <= b: dates
    always in this order. a = b, a + b = c: numbers that are exact sums of up to four others, where none of them is missing
    without the sum. Of fewer than 20 rows nothing is said.
    """
    if len(frame) < ROWS:
        return []
    return [*_fixed(frame, schema), *_orders(frame, schema), *_sums(frame, schema)]


def decided(frame: pd.DataFrame, schema: Schema) -> list[tuple[str, str]]:
    """(a, b): of 3 to 200 levels of a, each has one level of b, which has fewer: `fixed a b` would keep it."""
    codes = {column.name: pd.factorize(frame[column.name], use_na_sentinel=False)[0] for column in _levelled(frame, schema)}
    width = {name: int(each.max()) + 1 for name, each in codes.items()}
    found = []
    for a, b in itertools.permutations(codes, 2):
        if width[b] < width[a] and len(np.unique(codes[a] * width[b] + codes[b])) == width[a]:
            found.append((a, b))
    return found


def _levelled(frame: pd.DataFrame, schema: Schema) -> list[Column]:
    most = min(MOST, len(frame) // EACH)
    several = [column for column in schema.columns if column.kind in ("category", "ordered", "boolean", "integer", "number")]
    return [column for column in several if 2 <= frame[column.name].nunique() <= most]


def _fixed(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Columns whose levels come in the same rows have the same numbers of first appearance."""
    groups: dict[bytes, list[str]] = {}
    for column in _levelled(frame, schema):
        codes, levels = pd.factorize(frame[column.name])
        if len(levels) >= LEAST:
            groups.setdefault(codes.astype(np.int32).tobytes(), []).append(column.name)
    return [f"fixed {' '.join(map(quoted, names))}" for names in groups.values() if len(names) > 1]


def _orders(frame: pd.DataFrame, schema: Schema) -> list[str]:
    dated = [column for column in schema.columns if column.kind == "datetime"]
    means = {column.name: frame[column.name].astype("datetime64[us]").mean() for column in dated}
    dated = sorted((column for column in dated if not pd.isna(means[column.name])), key=lambda column: means[column.name])
    found = []
    for first, second in itertools.pairwise(dated):
        both = frame[[first.name, second.name]].dropna()
        unit = min(step(first), step(second))
        rest = scaled(both[second.name], second, unit) - scaled(both[first.name], first, unit)
        if len(rest) >= ROWS and rest.min() >= 0 and rest.max() > 0:
            found.append(f"{quoted(first.name)} {'<' if rest.min() > 0 else '<='} {quoted(second.name)}")
    return found


def _sums(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Sums of 1 to 4 columns are looked up among the columns by their values in 64 rows, and then checked in all."""
    added = [column for column in schema.columns if column.kind in ("number", "integer") and column.decimals is not None]
    added = [column for column in added if frame[column.name].nunique() > LEAST][:ADDED]
    if not added:
        return []
    unit = min(map(step, added))
    added = [column for column in added if max(abs(column.low or 0), abs(column.high or 0)) / unit * (TERMS + 1) < LARGE]
    whole = {column.name: scaled(frame[column.name], column, unit) for column in added}
    there = {column.name: frame[column.name].notna().to_numpy(bool) for column in added}
    rows = np.random.default_rng(0).permutation(np.flatnonzero(np.all([*there.values()], 0) if there else []))[:SAMPLE]
    if len(rows) < ROWS:
        return []
    sample = {name: each[rows] for name, each in whole.items()}
    names = [column.name for column in added]
    totals = {each.tobytes(): name for name, each in reversed(sample.items())}  # of equal columns the first
    found: list[str] = []
    done: set[str] = set()
    for count in range(1, TERMS + 1):
        for terms in itertools.combinations(names, count):
            total = totals.get(np.sum([sample[name] for name in terms], 0).tobytes())
            if total is None or total in terms or total in done or done & set(terms):
                continue
            needed = np.all([there[name] for name in terms], 0)
            exact = np.sum([whole[name] for name in terms], 0) == whole[total]
            if np.all(needed | ~there[total]) and np.all(exact | ~needed | ~there[total]):
                target = total if count > 1 else terms[0]  # a copy comes after what it copies
                sides = terms if count > 1 else (total,)
                found.append(f"{' + '.join(map(quoted, sides))} = {quoted(target)}")
                done.add(target)
    return found
