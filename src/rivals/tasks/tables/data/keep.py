"""Constraints held by construction: what they decide is taken out of a table before it is learnt, and computed after.

`a + b <= d` leaves the rest d - a - b >= 0 in the place of d; `fixed a b` leaves one column of combinations. What no such change
can hold (two constraints on one column, cells missing where it needs them, `unique`) is held by leaving rows out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.tables.data.constraints import Constraint, broken, common, read_constraint
from rivals.tasks.tables.data.parse import format_table, framed
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.data.views import from_plain, plain, scaled, unscaled


@dataclass(frozen=True)
class Rest:
    """target = the sum of factor * column over `terms` + sign * rest: the rest stands in the target's place.

    unit: in which all of them are whole numbers; None of floats that no unit fits. exact: the rest is always 0.
    """

    target: str
    terms: tuple[tuple[str, int], ...]
    sign: int
    unit: float | None
    exact: bool

    @property
    def name(self) -> str:
        return f"{self.target} (rest)"

    def forward(self, frame: pd.DataFrame, schema: Schema) -> np.ndarray:
        """(n,) the rest as floats, of numbers in their own unit; NaN where the target or a term is missing."""
        total = scaled(frame[self.target], schema.column(self.target), self.unit)
        rest = self.sign * (total - self._sum(frame, schema))
        missing = frame[[self.target, *(name for name, _ in self.terms)]].isna().any(axis=1).to_numpy(bool)
        if self.unit is None and self.exact:
            rest = np.zeros(len(frame))
        if self.unit is not None and schema.column(self.target).cells != "datetime":
            rest = rest / round(1 / self.unit)
        return np.where(missing, np.nan, rest)

    def backward(self, frame: pd.DataFrame, rest: np.ndarray, schema: Schema) -> Any:
        """The target's cells, from those of the terms and the rest."""
        column = schema.column(self.target)
        missing = frame[[name for name, _ in self.terms]].isna().any(axis=1).to_numpy(bool) | np.isnan(rest)
        rest = np.where(missing, 0, rest)
        if self.unit is not None:
            rest = np.rint(rest * (1 if column.cells == "datetime" else round(1 / self.unit))).astype(np.int64)
        whole = self._sum(frame, schema) + self.sign * rest
        return unscaled(whole, missing, column, self.unit, towards=0 if self.exact else self.sign)

    def _sum(self, frame: pd.DataFrame, schema: Schema) -> np.ndarray:
        parts = [factor * scaled(frame[name], schema.column(name), self.unit) for name, factor in self.terms]
        return np.asarray(np.sum(parts, 0))

    def column(self, schema: Schema) -> Column:
        """What the rest is learnt as."""
        decimals = None if self.unit is None else 0 if self.unit >= 1 else len(str(round(1 / self.unit))) - 1
        old = schema.column(self.target)
        return Column(self.name, "number", "number", missing=old.missing, decimals=decimals, format="shortest")


@dataclass(frozen=True)
class Combined:
    """combinations: each one's cells, as `plain` gives them, most frequent first. merged: the number of the combination stands in
    the place of the first column; else rows of other combinations are left out.
    """

    columns: tuple[str, ...]
    combinations: tuple[tuple[Any, ...], ...]
    merged: bool

    @property
    def name(self) -> str:
        return " + ".join(self.columns)

    @classmethod
    def fit(cls, columns: tuple[str, ...], frame: pd.DataFrame, schema: Schema, *, merged: bool) -> "Combined":
        codes, seen = _classes(columns, frame, schema)
        counts = np.bincount(codes, minlength=len(seen))
        return cls(columns, tuple(seen[at] for at in np.argsort(-counts, kind="stable")), merged)

    def numbers(self, frame: pd.DataFrame, schema: Schema) -> np.ndarray:
        """(n,) which combination each row has; -1 one that is not there."""
        codes, seen = _classes(self.columns, frame, schema)
        known = {each: number for number, each in enumerate(self.combinations)}
        return np.array([known.get(each, -1) for each in seen], np.int64)[codes]

    def cells(self, numbers: np.ndarray, column: str, schema: Schema) -> Any:
        """(n,) combinations -> a column's cells."""
        at = self.columns.index(column)
        members = np.array([*(each[at] for each in self.combinations), None], object)[:-1]
        return from_plain(members[numbers], schema.column(column))

    def column(self) -> Column:
        """What the combinations are learnt as."""
        return Column(self.name, "category", "integer", distinct=len(self.combinations))


def _classes(columns: tuple[str, ...], frame: pd.DataFrame, schema: Schema) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """(n,) numbers of the different rows of these columns, and those rows."""
    codes = np.zeros(len(frame), np.int64)
    cells = {name: plain(frame[name], schema.column(name)) for name in columns}
    for each in cells.values():
        found, members = pd.factorize(each)
        codes = np.unique(codes * (len(members) + 1) + found + 1, return_inverse=True)[1].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    return codes, list(zip(*(each[first].tolist() for each in cells.values()), strict=True))


@dataclass(frozen=True)
class Kept:
    """The constraints of one table, and how each is held."""

    schema: Schema
    constraints: tuple[Constraint, ...]
    rests: tuple[Rest, ...]
    combined: tuple[Combined, ...]

    @classmethod
    def fit(cls, constraints: Sequence[str | Constraint], frame: pd.DataFrame, schema: Schema) -> "Kept":
        """Raises UserError for a declaration that cannot be read or held, or that rows of the table break."""
        read = [read_constraint(each if isinstance(each, str) else each.text, schema) for each in constraints]
        made = list(dict.fromkeys(read))
        for each in made:
            bad = broken(each, frame, schema)
            if bad.any():
                raise UserError(f"constraint {each.text!r}: {int(bad.sum()):,} of {len(frame):,} rows of the table break it, "
                                f"the first is row {int(bad.argmax()) + 1}")  # fmt: skip
        taken: dict[str, set[str]] = {}
        combined, rests = [], []
        for each in made:
            if each.word == "fixed":
                free = not taken.keys() & set(each.columns)
                taken |= {name: set() for name in each.columns} if free else {}
                combined.append(Combined.fit(each.columns, frame, schema, merged=free))
        for each in sorted(made, key=lambda each: each.relation != "="):  # an exact sum has no other way
            if each.relation and (rest := _rest(each, frame, schema, taken)):
                taken[rest.target] = {name for name, _ in rest.terms}
                rests.append(rest)
            elif each.relation == "=":
                raise UserError(f"constraint {each.text!r}: none of its columns can be computed from the others: each is in "
                                "another constraint, or has cells where another's are missing")  # fmt: skip
        return cls(schema, tuple(made), tuple(rests), tuple(combined))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are left to learn, in the table's order."""
        instead = {rest.target: rest.column(self.schema) for rest in self.rests}
        gone = set()
        for each in self.combined:
            if each.merged:
                instead[each.columns[0]] = each.column()
                gone |= set(each.columns[1:])
        return tuple(instead.get(column.name, column) for column in self.schema.columns if column.name not in gone)

    def column(self, name: str) -> Column:
        """One of `columns` by name."""
        return next(column for column in self.columns if column.name == name)

    def forward(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table of the schema's columns -> of `columns`."""
        made: dict[str, Any] = {rest.name: rest.forward(frame, self.schema) for rest in self.rests}
        made |= {each.name: each.numbers(frame, self.schema) for each in self.combined if each.merged}
        return framed(
            {each.name: made[each.name] if each.name in made else frame[each.name].array for each in self.columns}, len(frame)
        )

    def backward(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The other way; rows that break a constraint are left out."""
        made = {name: frame[name].array for name in frame.columns if name in self.schema.names}
        for each in self.combined:
            if each.merged:
                made |= {name: each.cells(frame[each.name].to_numpy(), name, self.schema) for name in each.columns}
        table = framed(made, len(frame))
        waiting = list(self.rests)
        while waiting:
            targets = {rest.target for rest in waiting}
            rest = next(rest for rest in waiting if not targets & {name for name, _ in rest.terms})
            cells = rest.backward(table, frame[rest.name].to_numpy(float), self.schema)
            table = pd.concat([table, framed({rest.target: cells}, len(frame))], axis=1)
            waiting.remove(rest)
        table = table[self.schema.names]
        bad = self.broken(table, [each for each in self.combined if not each.merged])
        table = table[~bad].reset_index(drop=True) if bad.any() else table
        for constraint in self.constraints:
            if constraint.word == "unique":  # of the rows that stay
                table = table[~broken(constraint, table, self.schema)].reset_index(drop=True)
        return table

    def broken(self, table: pd.DataFrame, combined: Sequence[Combined] | None = None) -> np.ndarray:
        """(n,) the rows of a table that break a constraint, `unique` apart. combined: those to judge by, all by default."""
        bad = np.zeros(len(table), bool)
        for each in self.combined if combined is None else combined:
            bad |= each.numbers(table, self.schema) < 0
        for constraint in self.constraints:
            if constraint.word != "unique":
                bad |= broken(constraint, table, self.schema)
        return bad

    def place(self, column: str) -> tuple[str, bool]:
        """Which of `columns` tells a column's cells ("" where a constraint computes them), and whether as a combination."""
        found = next((each for each in self.combined if each.merged and column in each.columns), None)
        if found:
            return found.name, True
        return ("" if any(rest.target == column for rest in self.rests) else column), False

    def parted(self, name: str, numbers: pd.Series, column: str) -> pd.Series:
        """Numbers of combinations of the merged column `name` -> one column's cells."""
        each = next(each for each in self.combined if each.merged and each.name == name)
        return framed({column: each.cells(numbers.to_numpy(), column, self.schema)}, len(numbers))[column]

    def shown(self, name: str) -> list[str]:
        """The combinations of a merged column as texts; empty for other columns."""
        each = next((each for each in self.combined if each.merged and each.name == name), None)
        if each is None:
            return []
        rows = pd.Series(np.arange(len(each.combinations)))
        frame = pd.DataFrame({column: self.parted(name, rows, column) for column in each.columns})
        named = replace(
            self.schema, columns=tuple(replace(self.schema.column(column), token="missing") for column in each.columns)
        )
        return [" | ".join(row) for row in format_table(frame, named).itertuples(index=False, name=None)]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it back."""
        return {
            "constraints": [each.text for each in self.constraints],
            "rests": [asdict(each) for each in self.rests],
            "combined": [asdict(each) for each in self.combined],
        }

    @classmethod
    def from_dict(cls, told: dict[str, Any], schema: Schema) -> "Kept":
        """What `as_dict` wrote, through JSON or not."""
        rests = (Rest(**{**each, "terms": tuple((name, factor) for name, factor in each["terms"])}) for each in told["rests"])
        combined = (
            Combined(tuple(each["columns"]), tuple(map(tuple, each["combinations"])), each["merged"]) for each in told["combined"]
        )
        read = (read_constraint(text, schema) for text in told["constraints"])
        return cls(schema, tuple(read), tuple(rests), tuple(combined))


def _rest(made: Constraint, frame: pd.DataFrame, schema: Schema, taken: dict[str, set[str]]) -> Rest | None:
    """Which column is to be computed: the sum, or with two columns or an exact sum any other, that no constraint computes yet,
    that is not needed for those it would be computed from, and that has no cell where one of them is missing.
    """
    sign = -1 if made.relation in (">", ">=") else 1
    choices = [(made.total, tuple((name, 1) for name in made.columns), sign)]
    if len(made.columns) == 1 or made.relation == "=":
        for name in made.columns:
            others = tuple((other, -1) for other in made.columns if other != name)
            choices.append((name, ((made.total, 1), *others), -sign))
    there = frame[list(made.names)].notna()
    for target, terms, direction in choices:
        needed, more = set(), [name for name, _ in terms]
        while more:
            name = more.pop()
            needed.add(name)
            more += [each for each in taken.get(name, ()) if each not in needed]
        whole = there[[name for name, _ in terms]].all(axis=1)
        if target not in taken and target not in needed and bool((whole | ~there[target]).all()):
            unit = common([schema.column(name) for name in made.names])
            return Rest(target, terms, direction, unit, made.relation == "=")
    return None
