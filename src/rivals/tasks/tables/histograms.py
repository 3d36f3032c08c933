"""A Form learnt from noisy counts: quantiles, shares of levels and of missing cells with differential privacy.

All counts of a table are one release: a row is in one bin of each of K histograms, so one row more or less moves them by at
most sqrt(K) in Euclidean length, and N(0, K noise^2) is added to each count (Gaussian mechanism: Dwork and Roth 2014, "The
algorithmic foundations of differential privacy", A.1). What is known of counts, none below 0 and all adding up to the total, is
restored by the nearest such counts.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.core.types import Float, Tensor
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.data.encode import Choice, Quantile
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.data.views import view

BINS = 64  # of equal width, between the least and the greatest value


class Learnt(NamedTuple):
    """A private form, and the share of each level of each choice block in its order: what the generator may know of levels."""

    form: Form
    levels: list[list[float]]


def listed(schema: Schema) -> Schema:
    """The schema as it may be known: levels in alphabetical order, not by frequency, and no counts of cells."""
    columns = [
        replace(
            each,
            levels=tuple(sorted(each.levels)) if each.kind == "category" else each.levels,
            missing=float(each.missing > 0),
            distinct=0,
            note="",
        )
        for each in schema.columns
    ]
    return replace(schema, columns=tuple(columns))


def learnt(form: Form, frame: pd.DataFrame, noise: float, seed: int) -> Learnt:
    """The form with quantiles, usual levels and shares of missing cells from counts of `frame` with noise.

    form: of the same table and a `listed` schema; of it are taken as known: kinds, levels, least and greatest values, spikes,
    whether cells can be missing, constraints and their combinations. noise: its deviation / what a row can add; 0 for none.
    """
    kept = replace(form.kept, combined=tuple(replace(e, combinations=_sorted(e.combinations)) for e in form.kept.combined))
    form = replace(form, kept=kept)
    counts = _counted(form, frame)
    random, deviation = np.random.default_rng(seed), noise * np.sqrt(len(counts))
    told = {key: each + random.normal(0.0, deviation, len(each)) if noise else each for key, each in counts.items()}
    parts, levels = [], []
    for part in form.parts:
        assert isinstance(part.encoder, Choice | Quantile)
        known = told.get((part.name, "levels"))  # none where there is one level
        shares = np.array([float(len(frame))]) if known is None else nearest(known, len(frame))
        levels += [] if known is None else [(shares / shares.sum()).tolist()]
        if isinstance(part.encoder, Choice):
            encoder: Choice | Quantile = replace(part.encoder, usual=int(shares[: len(part.encoder.values)].argmax()))
        else:
            encoder = _quantiles(part.encoder, nearest(told[part.name, "numbers"], shares[0]))
        parts.append(replace(part, encoder=encoder))
    missing = {name: nearest(each, len(frame))[1] for (name, what), each in told.items() if what == "missing"}
    schema = _shared(form.schema, missing, len(frame))
    return Learnt(replace(form, parts=tuple(parts), schema=schema, kept=replace(kept, schema=schema)), levels)


def _sorted(combinations: tuple[tuple[object, ...], ...]) -> tuple[tuple[object, ...], ...]:
    return tuple(sorted(combinations, key=lambda each: tuple(map(str, each))))


def _counted(form: Form, frame: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """Every histogram: (column, what is counted) -> (bins,) counts. A row is in at most one bin of each."""
    encoded, taken = form.encode(frame), form.kept.forward(frame)
    counts: dict[tuple[str, str], np.ndarray] = {}
    for at, block in enumerate(form.blocks):
        if block.kind == "choice":
            counts[block.column, "levels"] = _levels(encoded, at, block.width)
    for part in form.parts:
        if isinstance(part.encoder, Quantile):
            cells = view(taken[part.column], form.kept.column(part.column), part.view, part.origin)
            known = cells[~np.isnan(cells) & ~np.isin(cells, part.encoder.special)]
            counts[part.name, "numbers"] = np.histogram(known, edges(part.encoder))[0].astype(float)
    for column in form.schema.columns:
        if column.missing:
            gone = frame[column.name].isna().to_numpy(bool)
            counts[column.name, "missing"] = np.array([(~gone).sum(), gone.sum()], float)
    return counts


def _levels(encoded: Float[Tensor, "n blocks"], at: int, width: int) -> np.ndarray:
    found: np.ndarray = encoded[:, at].long().bincount(minlength=width).numpy().astype(float)
    return found


def edges(encoder: Quantile) -> np.ndarray:
    """Ends of up to 64 bins, each as many steps of the last decimal wide as the others, so that rounding favours no value."""
    if encoder.decimals is None:
        return np.linspace(encoder.low, max(encoder.high, np.nextafter(encoder.low, np.inf)), BINS + 1)
    step = 10.0**-encoder.decimals
    values = round((encoder.high - encoder.low) / step) + 1
    wide = -(-values // BINS)
    made: np.ndarray = encoder.low + step * (wide * np.arange(-(-values // wide) + 1) - 0.5)
    return made


def nearest(counts: np.ndarray, total: float) -> np.ndarray:
    """The counts >= 0 with sum `total` that are nearest to noisy ones: max(counts - t, 0) (Duchi et al. 2008)."""
    ordered = np.sort(counts)[::-1]
    over = (np.cumsum(ordered) - max(total, 1.0)) / np.arange(1, len(counts) + 1)
    found: np.ndarray = np.maximum(counts - over[np.flatnonzero(ordered > over)[-1]], 0.0)
    return found


def _quantiles(encoder: Quantile, counts: np.ndarray) -> Quantile:
    """Quantiles of a column that is even within each bin."""
    plain = replace(encoder, knots=(0.0,) * 1000, counts=())
    rank = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    knots = np.interp(plain.ranks, rank, edges(encoder)).clip(encoder.low, encoder.high)
    return replace(plain, knots=tuple(knots.tolist()))


def _shared(schema: Schema, missing: dict[str, float], rows: int) -> Schema:
    """The schema with shares of missing cells; above 0 where cells can be missing, which a column's dtype says too."""
    columns = [
        replace(each, missing=float(np.clip(missing[each.name] / rows, 1 / rows, 1))) if each.name in missing else each
        for each in schema.columns
    ]
    return replace(schema, columns=tuple(columns))
