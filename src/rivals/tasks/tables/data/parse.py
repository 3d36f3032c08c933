"""Cells of text -> the dtypes that a user of pandas expects, and back to text as the file wrote it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.tables.data import dates
from rivals.tasks.tables.data.infer import INTEGER, LARGEST, NUMBER
from rivals.tasks.tables.data.schema import Column, Schema


def parse(text: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Each of the schema's columns: float64; int64 or bool (Int64, boolean where cells are missing); datetime64; object of str.

    Missing cells are NaN, <NA>, NaT, None. Columns that the schema does not name are left out. Raises UserError with column and
    row for a missing column, or a cell that does not fit its column.
    """
    for name in schema.names:
        if name not in text.columns:
            raise UserError(f"the table has no column {name!r}")
    return framed({column.name: _parsed(text[column.name], column) for column in schema.columns}, len(text))


def framed(columns: dict[str, Any], rows: int) -> pd.DataFrame:
    """Arrays by name -> a frame; texts stay objects, where pandas 3 would take its own `str` and lose None."""
    index = pd.RangeIndex(rows)
    return pd.DataFrame({name: pd.Series(cells, index, dtype=cells.dtype) for name, cells in columns.items()}, index=index)


def _parsed(cells: pd.Series, column: Column) -> object:
    codes, uniques = pd.factorize(cells)
    texts = [str(each) for each in uniques]
    missing = codes < 0
    if column.kind == "empty":
        return np.full(len(cells), np.nan)
    if column.cells == "text":
        return np.append(np.array(texts, object), None)[codes]
    if column.cells == "number":
        values = np.array([float(each) if NUMBER.fullmatch(each) else np.inf for each in texts], float)
        _check(np.abs(values) < LARGEST, texts, codes, column, f"no number below {LARGEST:g}")
        return np.append(values, np.nan)[codes]
    if column.cells == "integer":
        fits = [bool(INTEGER.fullmatch(each)) and -(2**63) <= int(each) < 2**63 for each in texts]
        _check(np.array(fits, bool), texts, codes, column, "no integer of 64 bits")
        return nullable(np.append(np.array([int(each) for each in texts], np.int64), 0)[codes], missing, column)
    if column.cells == "boolean":
        _check(
            np.array([each in column.levels for each in texts], bool), texts, codes, column, f"none of {', '.join(column.levels)}"
        )
        return nullable(np.append(np.array([each == column.levels[-1] for each in texts], bool), False)[codes], missing, column)
    when = dates.read(column.format, texts)
    if when is None:
        fits = [dates.read(column.format, [each]) is not None for each in texts]
        _check(np.array(fits, bool), texts, codes, column, f"no date of the format {column.format}")
    return np.append(when, np.datetime64("NaT"))[codes]


def nullable(values: np.ndarray, missing: np.ndarray, column: Column) -> object:
    """int64 and bool as they are where the column has no missing cells; else pandas' Int64 and boolean."""
    if not column.missing and not missing.any():
        return values
    return pd.arrays.BooleanArray(values, missing) if values.dtype == bool else pd.arrays.IntegerArray(values, missing)


def _check(fits: np.ndarray, texts: Sequence[str], codes: np.ndarray, column: Column, why: str) -> None:
    if not fits.all():
        row = int(np.argmin(np.append(fits, True)[codes]))
        raise UserError(f"column {column.name!r}, row {row + 1}: {texts[codes[row]]!r} is {why}, and the column is {column.kind}")


def format_table(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A typed table as text, each cell as the file wrote such: decimals, dates, true and false, the token of missing cells."""
    return framed({name: _written(frame[name], schema.column(name)) for name in frame.columns}, len(frame))


def _written(cells: pd.Series, column: Column) -> np.ndarray:
    missing = cells.isna().to_numpy(bool)
    present = cells[~missing]
    made = np.full(len(cells), column.token, object)
    made[~missing] = _texts(present, column)
    return made


def _texts(present: pd.Series, column: Column) -> list[str]:
    if column.cells == "number":
        values = present.to_numpy(float).tolist()
        if column.format.startswith("."):
            return [format(each, column.format) for each in values]
        return [repr(each) for each in values] if column.format == "point" else [repr(each).removesuffix(".0") for each in values]
    if column.cells == "integer":
        return [str(each) for each in present.to_numpy(np.int64).tolist()]
    if column.cells == "boolean":
        if column.kind == "constant":
            return [column.levels[0]] * len(present)
        return [column.levels[1] if each else column.levels[0] for each in present.to_numpy(bool).tolist()]
    if column.cells == "datetime":
        return dates.write(column.format, present.to_numpy())
    return [str(each) for each in present]
