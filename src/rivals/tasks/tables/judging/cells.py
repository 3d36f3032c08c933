"""Columns of typed frames as plain arrays: numbers as float64, categories as codes shared by several frames."""

from typing import Any

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.schema import Schema

NUMERIC = ("number", "integer", "datetime")
CHOICE = ("category", "ordered", "boolean")


def numeric(schema: Schema) -> list[str]:
    """Names of the columns that are judged as numbers: numbers, integers, dates."""
    return [column.name for column in schema.columns if column.kind in NUMERIC]


def choices(schema: Schema) -> list[str]:
    """Names of the columns that are judged as categories: categories, ordered ones, booleans."""
    return [column.name for column in schema.columns if column.kind in CHOICE]


def judged(schema: Schema) -> list[str]:
    """Names of all columns that are judged, in their order; ids, constants and empty columns have nothing to compare."""
    return [column.name for column in schema.columns if column.kind in NUMERIC + CHOICE]


def numbers(cells: "pd.Series[Any]") -> np.ndarray:
    """float64 values, NaN where missing; dates as seconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        plain = cells.dt.tz_localize(None) if getattr(cells.dt, "tz", None) is not None else cells
        cells = (plain - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    found: np.ndarray = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def codes(*parts: "pd.Series[Any]") -> tuple[list[np.ndarray], int]:
    """Codes from 0 of each part's cells, -1 where missing, and the number of levels; the same level has the same code in all
    parts, and levels are numbered as they appear."""
    found, levels = pd.factorize(np.concatenate([part.astype(object).to_numpy() for part in parts]), use_na_sentinel=True)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(found.astype(np.int64), ends), len(levels)


def sample(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` rows of a frame, drawn without replacement, numbered from 0."""
    if len(frame) <= rows:
        return frame.reset_index(drop=True)
    pick = np.random.default_rng(seed).choice(len(frame), rows, replace=False)
    return frame.iloc[pick].reset_index(drop=True)
