"""Conditions on rows, as text: col=value, col=a|b, col=low..high, col>=x, col>x, col<=x, col<x, and col= for a missing cell.

A condition is a union of spans over a column's positions: of a number the number, of a date-time the moment (2024-03 is a month
long, 2024-03-05 a day), of a level its place among the levels.
"""

import math
import re
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.tables.data import Column, Schema

SIGN = re.compile(r"\s*(>=|<=|>|<|=)\s*")
NUMBERS, LEVELS = ("number", "integer"), ("category", "ordered", "boolean", "constant")


class Span(NamedTuple):
    """From low to high; None: without an end; both ends are in it unless they are open."""

    low: Any = None
    high: Any = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, positions: pd.Series) -> np.ndarray:
        """Which positions lie in it; a missing one does not."""
        found = np.array(positions.notna(), dtype=bool)
        if self.low is not None:
            found &= _plain(positions > self.low if self.low_open else positions >= self.low)
        if self.high is not None:
            found &= _plain(positions < self.high if self.high_open else positions <= self.high)
        return found

    def meets(self, low: Any, high: Any) -> bool:
        """Whether it has anything in common with low..high."""
        above = self.low is None or (self.low < high if self.low_open else self.low <= high)
        return bool(above and (self.high is None or (self.high > low if self.high_open else self.high >= low)))


class Condition(NamedTuple):
    """text: as it was declared. spans: of the column's positions, one of which must hold; none: the cell is missing."""

    text: str
    column: Column
    spans: tuple[Span, ...]

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows of a typed table meet it: (n,) of bool."""
        cells = frame[self.column.name]
        if not self.spans:
            return np.array(cells.isna(), dtype=bool)
        positions = _positions(cells, self.column)
        return np.array(np.any([span.holds(positions) for span in self.spans], axis=0))


def conditions(texts: Sequence[str], schema: Schema) -> list[Condition]:
    """Each text as a condition on the table of `schema`.

    Raises UserError for an unknown column, for a value that the column cannot have, and for a sign that its kind has not.
    """
    return [_condition(text, schema) for text in texts]


def holding(frame: pd.DataFrame, wanted: Sequence[Condition]) -> np.ndarray:
    """Which rows of a typed table meet all conditions: (n,) of bool."""
    found = np.ones(len(frame), dtype=bool)
    for condition in wanted:
        found &= condition.holds(frame)
    return found


def level(condition: Condition, decided: tuple[int, list[Any]] | None) -> tuple[int, int] | None:
    """The block and the one level of it that a condition asks for; None where it asks for anything else.

    decided: what the form's `values` says of the column: the choice block that decides it, and the cell of each level.
    Raises UserError where no level meets it.
    """
    if decided is None:
        return None
    block, cells = decided
    levels = condition.holds(pd.DataFrame({condition.column.name: cells})).nonzero()[0]
    if not len(levels):
        told = ", ".join(map(str, cells[:8])) + (", ..." if len(cells) > 8 else "")
        raise UserError(f"--where {condition.text!r}: no row can meet it: {condition.column.name!r} is one of {told}")
    return (block, int(levels[0])) if len(levels) == 1 else None


def _condition(text: str, schema: Schema) -> Condition:
    name, sign, value = _split(text, schema.names)
    column = schema.column(name)
    if sign == "=" and value in ("", column.token):
        if not column.missing:
            raise UserError(f"--where {text!r}: no cell of {name!r} is missing; give a value after =")
        return Condition(text, column, ())
    if column.kind not in (*NUMBERS, *LEVELS, "datetime"):
        why = "is an id, made anew for each row" if column.kind == "id" else "has no values"
        raise UserError(f"--where {text!r}: {name!r} {why}: leave it out")
    if not value:
        raise UserError(f"--where {text!r}: give a value after {sign}")
    if sign != "=" and column.kind in LEVELS and column.kind != "ordered":
        hint = f"; {name}={sign}{value} asks for the value {sign + value!r}" if sign + value in column.levels else ""
        raise UserError(f"--where {text!r}: {name!r} is a {column.kind}, which takes = alone{hint}")
    spans = _equal(text, column, value) if sign == "=" else (_beyond(sign, *_place(text, column, value)),)
    _possible(text, column, spans)
    return Condition(text, column, spans)


def _split(text: str, names: Sequence[str]) -> tuple[str, str, str]:
    """Column, sign, value. A name may hold a sign itself: the longest name that fits is meant."""
    for name in sorted(names, key=len, reverse=True):
        rest = text.strip().removeprefix(name)
        if rest != text.strip() and (sign := SIGN.match(rest)):
            return name, sign[1], rest[sign.end() :].strip()
    if not SIGN.search(text):
        raise UserError(f"--where {text!r} has no sign: write column=value, column=low..high, column>=x or column=")
    unknown = SIGN.split(text, maxsplit=1)[0].strip()
    raise UserError(f"--where {text!r}: there is no column {unknown!r}: {_nearest(unknown, names, 'the columns are')}")


def _nearest(word: str, words: Sequence[str], else_: str) -> str:
    lower = {each.lower(): each for each in reversed(words)}
    meant = [lower[each] for each in get_close_matches(word.lower(), lower, 3, 0.7)]
    told = meant or list(words[:8])
    more = ", ..." if not meant and len(words) > 8 else ""
    return f"{'did you mean' if meant else else_} {', '.join(map(repr, told))}{more}{'?' if meant else ''}"


def _equal(text: str, column: Column, value: str) -> tuple[Span, ...]:
    """The spans of value, a|b or low..high; a level whose name holds | or .. is taken first."""
    if column.kind in LEVELS and value in _levels(column):
        return (Span(*_place(text, column, value)),)
    if "|" in value:
        return tuple(span for each in value.split("|") for span in _equal(text, column, each.strip()))
    low, dots, high = (each.strip() for each in value.partition(".."))
    if not dots or (column.kind in LEVELS and column.kind != "ordered"):
        return (Span(*_place(text, column, value)),)
    span = Span(_place(text, column, low)[0] if low else None, _place(text, column, high)[1] if high else None)
    if low and high and span.low > span.high:
        raise UserError(f"--where {text!r}: {low} is above {high}: write the lower one first")
    return (span,)


def _beyond(sign: str, low: Any, high: Any) -> Span:
    """Above or below a value that itself reaches from low to high, as a day does."""
    return {
        ">=": Span(low=low),
        ">": Span(low=high, low_open=True),
        "<=": Span(high=high),
        "<": Span(high=low, high_open=True),
    }[sign]


def _levels(column: Column) -> dict[str, int]:
    """The place of each level, by its name."""
    return {level: place for place, level in enumerate(column.levels)}


def _place(text: str, column: Column, value: str) -> tuple[Any, Any]:
    """The first and the last position that a value stands for."""
    if column.kind in LEVELS:
        place = _levels(column).get(value)
        if place is None:
            near = _nearest(value, column.levels, "its values are")
            raise UserError(f"--where {text!r}: {column.name!r} has no value {value!r}: {near}")
        return place, place
    if column.kind == "datetime":
        return _moment(text, column, value)
    try:
        number: float = int(value)
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    if math.isnan(number):
        raise UserError(f"--where {text!r}: {column.name!r} holds numbers, and {value!r} is none")
    return number, number


def _moment(text: str, column: Column, value: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """From the first to the last moment of a year, a month, a day, an hour, a minute or a second."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a time zone would be dropped with a warning
            period = pd.Period(value)
        if pd.isna(period):
            raise ValueError
        return period.start_time, period.end_time
    except (ValueError, TypeError, AttributeError, OverflowError, UserWarning):
        raise UserError(
            f"--where {text!r}: {column.name!r} holds dates, and {value!r} is none: write 2024-03-05 or 2024-03-05 14:30"
        ) from None


def _possible(text: str, column: Column, spans: Sequence[Span]) -> None:
    """Raises UserError where a span lies outside of what the column holds."""
    if column.kind in LEVELS or column.low is None or column.high is None:
        return
    low, high = column.low, column.high
    if column.kind == "datetime":
        low, high = pd.Timestamp(math.floor(low), unit="s"), pd.Timestamp(math.ceil(high), unit="s")
    if not all(span.meets(low, high) for span in spans):
        raise UserError(f"--where {text!r}: {column.name!r} reaches from {low} to {high}, so that no row can meet it")


def _positions(cells: pd.Series, column: Column) -> pd.Series:
    if column.kind == "boolean":
        return cells.astype("boolean").astype("Int64")
    if column.kind == "constant":
        return cells.notna().astype(int).replace(0, pd.NA) - 1
    places = _levels(column)
    return cells.map(places, na_action="ignore") if column.kind in LEVELS else cells


def _plain(found: pd.Series) -> np.ndarray:
    return np.asarray(found.to_numpy(dtype=bool, na_value=False))
