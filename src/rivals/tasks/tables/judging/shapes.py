"""Column shapes: how alike a column's values are distributed in two tables, one column at a time.

A number, integer or date: 1 - sup |F_real - F_fake| (Kolmogorov-Smirnov); a category: 1 - sum |p_real - p_fake| / 2 (total
variation). Cells that are missing are left out of both; `missing` compares their rates. Agrees with sdmetrics 0.32 to 1e-6.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import choices, codes, judged, numbers, numeric


class Similarity(NamedTuple):
    """A mean over columns, from 0 to 1 (alike), and each column's own figure."""

    mean: float
    columns: dict[str, float]


def shapes(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> Similarity:
    """How alike the distributions of each column are. 1 where both hold missing cells only, 0 where one does."""
    continuous = set(numeric(schema))
    return _mean(
        {
            name: smirnov(numbers(real[name]), numbers(fake[name])) if name in continuous else _variation(real[name], fake[name])
            for name in judged(schema)
        }
    )


def missing(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> Similarity:
    """1 - |difference of the shares of missing cells| of each column that has any, in either table; 1 where none has."""
    rates = {name: (float(real[name].isna().mean()), float(fake[name].isna().mean())) for name in judged(schema)}
    return _mean({name: 1 - abs(one - other) for name, (one, other) in rates.items() if one or other})


def boundaries(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> Similarity:
    """The share of a number's or date's cells within the real column's least and greatest value."""
    found = {}
    for name in numeric(schema):
        known, made = (values[~np.isnan(values)] for values in (numbers(real[name]), numbers(fake[name])))
        if len(known) and len(made):
            found[name] = float(((made >= known.min()) & (made <= known.max())).mean())
    return _mean(found)


def coverage(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> Similarity:
    """The share of a category's real levels that the fake column holds."""
    found = {}
    for name in choices(schema):
        (known, made), _ = codes(real[name], fake[name])
        levels = np.unique(known[known >= 0])
        if len(levels):
            found[name] = float(np.isin(levels, made).mean())
    return _mean(found)


def smirnov(real: np.ndarray, fake: np.ndarray) -> float:
    """1 - the largest distance between two empirical distribution functions; NaN are left out."""
    real, fake = np.sort(real[~np.isnan(real)]), np.sort(fake[~np.isnan(fake)])
    if not len(real) or not len(fake):
        return float(len(real) == len(fake))
    at = np.concatenate([real, fake])
    steps = np.searchsorted(real, at, "right") / len(real) - np.searchsorted(fake, at, "right") / len(fake)
    return 1 - float(np.abs(steps).max())


def _variation(real: "pd.Series[object]", fake: "pd.Series[object]") -> float:
    (known, made), levels = codes(real, fake)
    known, made = known[known >= 0], made[made >= 0]
    if not len(known) or not len(made):
        return float(len(known) == len(made))
    shares = [np.bincount(each, minlength=levels) / len(each) for each in (known, made)]
    return 1 - float(np.abs(shares[0] - shares[1]).sum()) / 2


def _mean(found: dict[str, float]) -> Similarity:
    return Similarity(float(np.mean(list(found.values()))) if found else 1.0, found)
