"""A column's cells as numbers: dates and integers as whole units from an origin, so that a float64 holds them exactly."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from rivals.tasks.tables.data import dates
from rivals.tasks.tables.data.parse import format_table, framed, nullable
from rivals.tasks.tables.data.schema import Column, Schema

View = Literal["cells", "whole", "days", "time"]
DAY, EXACT, SPLIT = 86_400_000_000, 2**53, 3
Array = np.ndarray


def units(cells: pd.Series, column: Column) -> tuple[Array, Array]:
    """Integers, and dates in steps of their format since 1970 -> (n,) int64 with 0 for missing, (n,) which are missing."""
    missing = cells.isna().to_numpy(bool)
    if column.cells == "integer":
        return cells.fillna(0).to_numpy(np.int64) if missing.any() else cells.to_numpy(np.int64), missing
    unit, step = _steps(column)
    whole = np.where(missing, np.datetime64(0, "s"), cells.to_numpy()).astype(f"M8[{unit}]").astype(np.int64)
    return whole // step, missing


def from_units(whole: Array, missing: Array, column: Column) -> Any:
    """What `units` gave -> the column's dtype."""
    if column.cells == "integer":
        return nullable(np.where(missing, 0, whole), missing, column)
    unit, step = _steps(column)
    when = (np.where(missing, 0, whole) * step).astype(f"M8[{unit}]")
    return np.where(missing, np.datetime64("NaT"), when)


def _steps(column: Column) -> tuple[str, int]:
    micro = dates.resolution(column.format)
    return ("ns", round(micro * 1000)) if micro < 1 else ("us", round(micro))


def day(column: Column) -> int:
    """How many units a day has."""
    unit, step = _steps(column)
    return DAY * (1000 if unit == "ns" else 1) // step


def origin(cells: pd.Series, column: Column) -> int:
    """What to take off, so that integers and dates fit a float64: 0 where they do already."""
    if column.cells not in ("integer", "datetime"):
        return 0
    whole, missing = units(cells, column)
    if missing.all():
        return 0
    low, high = int(whole[~missing].min()), int(whole[~missing].max())
    return 0 if max(-low, high) < EXACT else (low + high + 1) // 2


def splits(cells: pd.Series, column: Column) -> bool:
    """Whether a date column becomes a day and a time of day: times vary, over more than three days."""
    if column.cells != "datetime" or day(column) == 1:
        return False
    whole, missing = units(cells, column)
    present = whole[~missing]
    return bool(len(present)) and bool(np.ptp(present) > SPLIT * day(column)) and len(np.unique(present % day(column))) > 1


def plain(cells: pd.Series, column: Column) -> Array:
    """(n,) objects that JSON can hold: texts, booleans, floats, integers; of dates their units; None where missing."""
    if column.cells in ("integer", "datetime"):
        whole, missing = units(cells, column)
    else:
        missing = cells.isna().to_numpy(bool)
        whole = cells.to_numpy(float) if column.cells == "number" else cells.to_numpy(object)
    found = np.array([*whole.tolist(), None], object)[:-1]
    found[missing] = None
    return found


def from_plain(values: Array, column: Column) -> Any:
    """What `plain` gave -> the column's dtype."""
    missing = np.asarray(pd.isna(values), bool)
    if column.cells == "text":
        return values
    if column.cells == "number":
        return values.astype(float)
    if column.cells == "boolean":
        return nullable(np.where(missing, False, values).astype(bool), missing, column)
    return from_units(np.where(missing, 0, values).astype(np.int64), missing, column)


def view(cells: pd.Series, column: Column, kind: View, start: int) -> Array:
    """(n,) floats with NaN, or objects with None. whole: units less `start`; days, time: a date's day number, units within it."""
    if kind == "cells":
        return plain(cells, column)
    if column.cells == "number":
        return cells.to_numpy(float)
    whole, missing = units(cells, column)
    if kind != "whole":
        whole = whole // day(column) if kind == "days" else whole % day(column)
    return np.where(missing, np.nan, (whole - start).astype(float))


def back(parts: list[Array], column: Column, kinds: list[View], start: int) -> Any:
    """The arrays that `view` gave, of one column -> its dtype."""
    values = parts[0]
    missing = np.asarray(pd.isna(values), bool)
    if kinds[0] == "cells":
        return from_plain(values, column)
    if column.cells == "number":
        return values.astype(float)
    whole = np.clip(np.rint(np.where(missing, 0, values)), -9.2e18, 9.2e18).astype(np.int64) + start
    if kinds[0] == "days":
        whole = whole * day(column) + np.rint(parts[1]).astype(np.int64)
    return from_units(whole, missing, column)


def shown_as(values: Array, column: Column, kind: View, start: int) -> list[str]:
    """Values of a view as a person reads them, those of whole cells as the file writes them."""
    if kind == "days":
        return [str(np.datetime64(int(each), "D")) for each in values]
    if kind == "time":
        unit, step = _steps(column)
        return [str(np.datetime64(int(each) * step, unit)).partition("T")[2] for each in values]
    cells = values if kind == "cells" or column.cells in ("text", "boolean") else values.astype(float)
    frame = framed({column.name: back([cells], column, [kind], start)}, len(values))
    return [str(each) for each in format_table(frame, Schema((column,)))[column.name]]


def step(column: Column) -> float:
    """What a column's cells are whole multiples of: of dates in microseconds, of numbers 10 to the power of -decimals."""
    return dates.resolution(column.format) if column.cells == "datetime" else 10.0 ** -(column.decimals or 0)


def scaled(cells: pd.Series, column: Column, unit: float | None) -> Array:
    """(n,) the cells in whole units (int64, 0 where missing); floats with NaN where the unit is None."""
    if unit is None:
        return cells.to_numpy(float, na_value=np.nan)
    if column.cells == "number":
        return np.rint(np.nan_to_num(cells.to_numpy(float)) * round(1 / unit)).astype(np.int64)
    whole, _ = units(cells, column)
    return whole * round(step(column) / unit)


def unscaled(whole: Array, missing: Array, column: Column, unit: float | None, *, towards: int) -> Any:
    """What `scaled` gave -> the column's dtype. What its format cannot write goes up (towards 1), down (-1), or stays (0)."""
    if unit is None:
        whole = whole if column.cells == "number" else (np.ceil(whole) if towards > 0 else np.floor(whole)).astype(np.int64)
    coarse = 1 if unit is None else round(step(column) / unit)
    if coarse > 1 and (towards or column.cells != "number"):
        whole = -(-whole // coarse) if towards > 0 else whole // coarse
        unit = step(column)
    if column.cells == "number":
        values = whole if unit is None else whole / round(1 / unit)  # the nearest float64; * unit would not be
        return np.where(missing, np.nan, values)
    return from_units(whole, missing, column)
