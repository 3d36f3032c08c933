"""A look at a table before training: each column's kind, range and missing cells, what to beware of, what could be declared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rivals.media.table import read_table
from rivals.tasks.tables.data import dates
from rivals.tasks.tables.data.constraints import quoted
from rivals.tasks.tables.data.find import decided, find_constraints
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import parse
from rivals.tasks.tables.data.schema import Column, Schema

TOP, SAMPLES, WIDE, SHOWN = 5, 3, 40, 200


@dataclass(frozen=True)
class Looked:
    """One column. missing: share of the rows. range: smallest and largest as the file writes them. top: levels -> rows, the most
    frequent ones. samples: cells of the first rows.
    """

    name: str
    kind: str
    missing: float
    distinct: int
    range: tuple[str, str] | None
    top: dict[str, int]
    samples: list[str]


@dataclass(frozen=True)
class Survey:
    """notes: what a run would warn of. constraints: declarations that hold in every row, which `auto` takes. suggestions: more
    that hold, to be declared by hand.
    """

    path: str
    rows: int
    columns: list[Looked]
    notes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        return asdict(self)

    def text(self) -> str:
        """For a person: at most 200 columns."""
        lines = [f"{self.path}: {self.rows:,} rows, {len(self.columns):,} columns"]
        width = min(max(len(each.name) for each in self.columns), WIDE)
        lines.append(f"  {'column':<{width}}  {'kind':<9} {'missing':>8} {'distinct':>9}  values")
        for each in self.columns[:SHOWN]:
            missing = f"{each.missing:.1%}" if each.missing else "-"
            lines.append(f"  {each.name[:WIDE]:<{width}}  {each.kind:<9} {missing:>8} {each.distinct:>9,}  {_values(each)}")
        if len(self.columns) > SHOWN:
            lines.append(f"  ... and {len(self.columns) - SHOWN:,} more")
        lines += [f"  note: {note}" for note in self.notes[:SHOWN]]
        lines += [f"  holds in every row, and is kept: {each}" for each in self.constraints]
        return "\n".join([*lines, *(f"  holds too, and is kept if you declare it: {each}" for each in self.suggestions)])


def survey(path: Path, overrides: Mapping[str, str] | None = None) -> Survey:
    """Reads the table and says what is there; changes nothing. overrides: as for `infer`. Raises UserError."""
    text = read_table(path)
    schema = infer(text, overrides)
    frame = parse(text, schema)
    suggestions = [f"fixed {quoted(a)} {quoted(b)}" for a, b in _nearest(decided(frame, schema))]
    return surveyed(path, text, schema, find_constraints(frame, schema), suggestions)


def surveyed(
    path: Path, text: pd.DataFrame, schema: Schema, constraints: Sequence[str] = (), suggestions: Sequence[str] = ()
) -> Survey:
    """What is in a table that was read; constraints, suggestions: what holds in it."""
    columns = [_looked(text[column.name], column) for column in schema.columns]
    return Survey(str(path), len(text), columns, _notes(schema), list(constraints), list(suggestions))


def _looked(cells: pd.Series, column: Column) -> Looked:
    counts = cells.value_counts()
    few = column.kind in ("category", "ordered", "boolean", "constant")
    order = column.levels if column.kind == "ordered" else counts.index
    top = {_short(level): int(counts.get(level, 0)) for level in order[:TOP]} if few else {}
    samples = [_short(each) for each in cells.dropna().iloc[:SAMPLES]]
    return Looked(column.name, column.kind, column.missing, column.distinct, _range(column), top, samples)


def _range(column: Column) -> tuple[str, str] | None:
    if column.low is None or column.high is None:
        return None
    if column.cells == "datetime":
        ends = [np.datetime64(round(each * 1e6), "us") for each in (column.low, column.high)]
        low, high = dates.write(column.format, np.array(ends))
        return low, high
    return f"{column.low:.{15}g}" if isinstance(column.low, float) else str(column.low), (
        f"{column.high:.{15}g}" if isinstance(column.high, float) else str(column.high)
    )


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= WIDE else f"{line[: WIDE - 3]}..."


def _values(each: Looked) -> str:
    if each.top:
        rest = f", {each.distinct - len(each.top):,} more" if each.distinct > len(each.top) else ""
        return ", ".join(f"{name} ({count:,})" for name, count in each.top.items()) + rest
    if each.range and each.kind != "id":
        return f"{each.range[0]} to {each.range[1]}"
    return ", ".join(each.samples) + (", ..." if each.samples else "")


def _notes(schema: Schema) -> list[str]:
    alike: dict[str, list[str]] = {}
    for column in schema.columns:
        if column.note:
            alike.setdefault(column.note, []).append(column.name)
    notes = [f"{_listed(names)}: {note}" for note, names in alike.items()]
    missing = [column.name for column in schema.columns if column.missing > 0.5 and column.kind != "empty"]
    if missing:
        notes.append(f"more than half of the cells are missing in {_listed(missing)}")
    if all(column.kind in ("id", "constant", "empty") for column in schema.columns):
        notes.append("nothing to learn: every column is an id, constant or empty")
    if schema.rows < 500:
        notes.append(f"{schema.rows:,} rows are few: expect little more than the columns' own distributions")
    return notes


def _listed(names: list[str]) -> str:
    return ", ".join(names[:TOP]) + (f" and {len(names) - TOP:,} more" if len(names) > TOP else "")


def _nearest(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each decided column once, by the column that comes first in the table."""
    once = {b: a for a, b in reversed(pairs)}
    return [(a, b) for b, a in once.items()]
