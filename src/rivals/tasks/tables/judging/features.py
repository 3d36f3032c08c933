"""Tables as float matrices for a classifier: numbers as they are, categories as codes, dates with their day and hour."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import choices, codes, judged, numbers

LEVELS = 254  # what gradient boosting takes as categories; a column of more is given by the frequency of its levels
DAY = 86_400


class Features(NamedTuple):
    """One float64 matrix a table, NaN where missing; which of its columns hold codes; the table's column behind each."""

    tables: list[np.ndarray]
    categorical: list[int]
    columns: list[str]


def features(frames: list[pd.DataFrame], schema: Schema) -> Features:
    """Matrices of several tables, coded alike. A date gives its second, the second of its day and its weekday; a category of
    more than 254 levels the count of its level over all tables."""
    discrete = set(choices(schema))
    parts: list[list[np.ndarray]] = [[] for _ in frames]
    columns: list[str] = []
    categorical: list[int] = []
    for name in judged(schema):
        cells = [frame[name] for frame in frames]
        if name in discrete:
            made, few = _choice(cells)
            categorical += [len(columns)] if few else []
            views = [[each] for each in made]
        else:
            date = pd.api.types.is_datetime64_any_dtype(cells[0].dtype)
            views = [_moment(numbers(each)) if date else [numbers(each)] for each in cells]
        columns += [name] * len(views[0])
        for part, view in zip(parts, views, strict=True):
            part += view
    return Features([np.stack(part, 1).astype(np.float64) for part in parts], categorical, columns)


def _choice(cells: "list[pd.Series[object]]") -> tuple[list[np.ndarray], bool]:
    """Codes, or counts where there are too many levels; and whether they are codes."""
    found, levels = codes(*cells)
    values = np.arange(levels, dtype=float)
    if levels > LEVELS:
        values = np.bincount(np.concatenate(found) + 1, minlength=levels + 1)[1:].astype(float)
    values = np.append(values, np.nan)  # the last one is what a missing cell's -1 points to
    return [values[each] for each in found], levels <= LEVELS


def _moment(seconds: np.ndarray) -> list[np.ndarray]:
    return [seconds, seconds % DAY, (seconds // DAY + 4) % 7]  # 1 January 1970 was a Thursday
