"""Pair trends: how alike two columns hang together in two tables, for every pair of columns.

Two numbers: 1 - |r_real - r_fake| / 2 with Pearson's r over the rows where both are present. Any other pair: 1 - the total
variation between the joint tables, missing cells being a level of their own, and a number cut into ten bins of equal width
between the least and the greatest real value, whose first and last also hold what lies beyond. A pair counts as a trend where
|r_real| > 0.5, or Cramer's V > 0.3 in the real table, V = sqrt(chi^2 / (n min(rows - 1, columns - 1))): most pairs are all but
independent, and any sampler does well on those. Agrees with the metrics of sdmetrics 0.32 to 1e-6.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import codes, judged, numbers, numeric

BINS = 10
LINEAR, ASSOCIATED = 0.5, 0.3  # |r| and Cramer's V above which a pair counts as a trend
DENSE = 4_000_000  # cells of a joint table that is counted whole; larger ones by the cells that occur


class Pair(NamedTuple):
    """Two columns, how alike their trend is (0 to 1), how strong it is in the real table, and whether that counts."""

    one: str
    other: str
    similarity: float
    strength: float
    trend: bool


class Pairs(NamedTuple):
    """The mean similarity of all pairs, and of those that are trends in the real table; 1 where there is no pair."""

    mean: float
    trends: float
    pairs: list[Pair]


def pairs(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema, *, report: bool = False) -> Pairs:
    """The similarity of every pair of judged columns. A pair of numbers of which the real one has no correlation (it does not
    vary) is left out; a correlation that only the fake pair lacks counts as 0.

    report: cut numbers as the quality report of sdmetrics does, where its own metric does otherwise: each table between its own
    least and greatest value, the greatest standing with the missing cells. For comparison with such reports only: a column that
    is shifted as a whole shows no difference.
    """
    continuous = set(numeric(schema))
    linear = [correlations(frame, schema) for frame in (real, fake)]
    coded = {name: _levels(real[name], fake[name], name in continuous, report) for name in judged(schema)}
    found = []
    for one, other in combinations(judged(schema), 2):
        if one in continuous and other in continuous:
            r, made = (float(each.at[one, other]) for each in linear)
            if not np.isnan(r):
                alike = 1 - abs(r - (0.0 if np.isnan(made) else made)) / 2
                found.append(Pair(one, other, alike, abs(r), abs(r) > LINEAR))
        else:
            alike, strength = _contingency(coded[one], coded[other])
            found.append(Pair(one, other, alike, strength, strength > ASSOCIATED))
    every, strong = [each.similarity for each in found], [each.similarity for each in found if each.trend]
    return Pairs(float(np.mean(every)) if every else 1.0, float(np.mean(strong)) if strong else 1.0, found)


def correlations(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Pearson's r of all pairs of numbers, over the rows where both are present."""
    return pd.DataFrame({name: numbers(frame[name]) for name in numeric(schema)}).corr()


class _Levels(NamedTuple):
    real: np.ndarray
    fake: np.ndarray
    levels: int


def _levels(real: "pd.Series[object]", fake: "pd.Series[object]", continuous: bool, report: bool) -> _Levels:
    """Codes from 0 of both columns."""
    if not continuous:
        (known, made), levels = codes(real, fake)
        return _Levels(np.where(known < 0, levels, known), np.where(made < 0, levels, made), levels + 1)
    parts = [numbers(real), numbers(fake)]
    present = [each[~np.isnan(each)] for each in parts]
    own, theirs = (np.histogram_bin_edges(each if len(each) else [0.0], BINS) for each in present)
    if report:  # NaN come last
        bins = [np.searchsorted(edges, each, "right") for each, edges in zip(parts, (own, theirs), strict=True)]
    else:
        bins = [np.where(np.isnan(each), BINS, np.searchsorted(own[1:-1], each, "right")) for each in parts]
    return _Levels(bins[0], bins[1], BINS + 2)


def _contingency(one: _Levels, other: _Levels) -> tuple[float, float]:
    """1 - total variation of the joint tables, and Cramer's V of the real one."""
    joint = [one.real * other.levels + other.real, one.fake * other.levels + other.fake]
    at = np.arange(one.levels * other.levels)
    if len(at) > DENSE:
        at, packed = np.unique(np.concatenate(joint), return_inverse=True)
        joint = np.split(packed, [len(joint[0])])
    real, fake = (np.bincount(each, minlength=len(at)) / len(each) for each in joint)
    alike = 1 - float(np.abs(real - fake).sum()) / 2
    rows, columns = (np.bincount(each.real, minlength=each.levels) / len(each.real) for each in (one, other))
    least = min(np.count_nonzero(rows), np.count_nonzero(columns)) - 1
    full = real > 0
    expected = rows[at[full] // other.levels] * columns[at[full] % other.levels]
    phi = float((real[full] ** 2 / expected).sum()) - 1  # chi^2 / n
    return alike, float((max(0.0, phi) / least) ** 0.5) if least else 0.0
