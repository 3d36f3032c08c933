"""Measures of series beside real ones: statistics, a strong classifier, and prediction by a model that knows only samples.

Detection: Lopez-Paz and Oquab 2017, arXiv:1610.06545. Train on synthetic, test on real: Esteban et al. 2017, arXiv:1706.02633.
"""

from typing import NamedTuple

import numpy as np

from rivals.tasks.series.layout import Layout, Series

LAGS = 12
PAST = 3  # steps that a prediction knows


def inside(series: Series) -> np.ndarray:
    """(n, steps): which steps are before the end."""
    found: np.ndarray = np.arange(series.values.shape[1]) < series.lengths[:, None]
    return found


def autocorrelation(series: Series, lags: int = LAGS) -> np.ndarray:
    """(lags, channels): the correlation of a channel with itself some steps later within a series, the mean over the series."""
    there, most = inside(series), min(lags, series.values.shape[1] - 1)
    centred, power = _centred(series, there)
    found = []
    for lag in range(1, most + 1):
        pairs = there[:, lag:].sum(1)
        share = (centred[:, lag:] * centred[:, :-lag]).sum(1) / (np.where(power > 0, power, 1) * there.sum(1)[:, None])
        found.append(_mean(share, (power > 0) & (pairs > 0)[:, None]))
    return np.stack(found)


def cross_correlation(series: Series) -> np.ndarray:
    """(pairs,) correlations of two channels at the same step within a series, the mean over the series; empty for one channel."""
    there = inside(series)
    centred, power = _centred(series, there)
    first, second = np.triu_indices(series.values.shape[2], 1)
    shared = np.einsum("ntc,ntd->ncd", centred, centred)[:, first, second] / there.sum(1)[:, None]
    size = power[:, first] * power[:, second]
    return _mean(shared / np.sqrt(np.where(size > 0, size, 1)), size > 0)


def _centred(series: Series, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps about their series' own mean, 0 after its end; and the variance (n, channels), 0 where a channel stands still."""
    counts = there.sum(1)[:, None]
    kept = np.where(there[:, :, None], series.values, 0)
    mean = kept.sum(1) / counts
    centred = np.where(there[:, :, None], series.values - mean[:, None], 0)
    power = (centred**2).sum(1) / counts
    return centred, np.where(power > 1e-12 * (1 + mean**2), power, 0)


def _mean(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(good, values, 0).sum(0) / np.maximum(good.sum(0), 1)
    return found


def autocorrelation_distance(real: Series, fake: Series) -> float:
    """Mean absolute difference over lags 1 to 12 and channels."""
    return float(np.abs(autocorrelation(real) - autocorrelation(fake)).mean())


def cross_correlation_distance(real: Series, fake: Series) -> float:
    """Mean absolute difference over pairs of channels."""
    apart = np.abs(cross_correlation(real) - cross_correlation(fake))
    return float(apart.mean()) if len(apart) else 0.0


def length_distance(real: Series, fake: Series) -> float:
    """Total variation of the two histograms of lengths, in at most 20 bins."""
    low, high = min(real.lengths.min(), fake.lengths.min()), max(real.lengths.max(), fake.lengths.max())
    edges = np.linspace(low, high + 1, min(int(high - low) + 1, 20) + 1)
    shares = [np.histogram(each.lengths, edges)[0] / len(each) for each in (real, fake)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def attribute_distance(layout: Layout, real: Series, fake: Series) -> float:
    """Mean difference of a channel's mean among series with an attribute's level (a number: its lower and upper half), in the
    channel's deviation; levels with fewer than ten series on either side are left out."""
    deviation = real.values[inside(real)].std(0) + 1e-12
    apart = []
    for at, each in enumerate(layout.attributes):
        middle = np.median(real.attributes[:, at])
        groups = [part.attributes[:, at] if each.levels else (part.attributes[:, at] > middle) for part in (real, fake)]
        for level in np.unique(groups[0]):
            chosen = [part.rows(group == level) for part, group in zip((real, fake), groups, strict=True)]
            if min(map(len, chosen)) >= 10:
                means = [part.values[inside(part)].mean(0) for part in chosen]
                apart.append(np.abs(means[0] - means[1]) / deviation)
    return float(np.mean(apart)) if apart else 0.0


def rows_of(series: Series) -> np.ndarray:
    """What the classifier sees of each series: its steps, their differences, its attributes, its length."""
    flat, steps = series.values.reshape(len(series), -1), np.diff(series.values, axis=1).reshape(len(series), -1)
    return np.concatenate([flat, steps, series.attributes, series.lengths[:, None]], 1)


class Detected(NamedTuple):
    """|accuracy - 1/2| of a classifier, and the fresh series that it judged."""

    apart: float
    rows: int


def detection(known: tuple[Series, Series], fresh: tuple[Series, Series], *, seed: int = 0) -> Detected:
    """How well boosted trees, taught by `known` (real, fake), tell those in `fresh` (real, fake); as many of each are used."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw, sides = np.random.default_rng(seed), []
    for pair in (known, fresh):
        count = min(map(len, pair))
        rows = np.concatenate([rows_of(part.rows(draw.permutation(len(part))[:count])) for part in pair])
        sides.append((rows, np.repeat([1, 0], count)))
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed).fit(*sides[0])
    return Detected(abs(float(model.score(*sides[1])) - 0.5), len(sides[1][1]))


def prediction_error(taught: Series, real: Series) -> float:
    """Mean absolute error, in the real range of the last channel, of its next step as a linear model predicts it from the three
    steps before in all channels; the model is fitted to `taught` alone."""
    from sklearn.linear_model import Ridge

    low, high = real.values.min((0, 1)), real.values.max((0, 1))
    (x, y), (past, future) = (_windows(part, low, np.where(high > low, high - low, 1)) for part in (taught, real))
    if not len(x) or not len(past):
        return float("nan")
    return float(np.abs(Ridge(1e-4).fit(x, y).predict(past) - future).mean())


def _windows(series: Series, low: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled, there = (series.values - low) / reach, inside(series)
    past = min(PAST, scaled.shape[1] - 1)
    views = np.lib.stride_tricks.sliding_window_view(scaled, past + 1, axis=1)  # (n, t, channels, past + 1)
    chosen = views[there[:, past:]]
    return chosen[:, :, :past].reshape(len(chosen), -1), chosen[:, -1, past]
