"""How good generated series are: cards beside held-out series and beside cheap samplers; and a report's pictures."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.metrics import Interval, Judging, MetricCard, bootstrap, copying, proportion
from rivals.metrics.card import BESIDE
from rivals.tasks.series.baselines import NAMES, baseline
from rivals.tasks.series.charts import beside
from rivals.tasks.series.data import Data
from rivals.tasks.series.layout import Series, seen
from rivals.tasks.series.metrics import (
    attribute_distance,
    autocorrelation_distance,
    cross_correlation_distance,
    detection,
    length_distance,
    prediction_error,
)
from rivals.tasks.series.post_hoc import discriminative_score, predictive_score
from rivals.tasks.series.training import again, some
from rivals.tasks.series.view import codes

__all__ = ["evaluate", "held_out", "illustrate"]

USUAL = (
    "series-detection",
    "series-prediction",
    "autocorrelation",
    "cross-correlation",
    "lengths",
    "attribute-means",
    "series-copies",
)
NAMED = ("discriminative", "predictive")
DRAWS = 40  # of an interval
CHUNKS = 30  # the training series are cut into so many runs, so that those of different sets overlap little

Statistic = Callable[[Series, Series], float]  # real, synthetic


def evaluate(game: Game[Sample], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of `judging.samples` series, or of the measure that `judging.metric` names; each has the figures of
    the cheap samplers and, as its bound, that of real series.

    discriminative, predictive: the scores of the TimeGAN paper, minutes each, by name only.
    Raises UserError for an unknown measure, another backbone, and data that have gone or changed.
    """
    if judging.backbone != "own":
        raise UserError("series are judged without a backbone: leave out --backbone")
    if judging.metric and judging.metric not in (*USUAL, *NAMED):
        raise UserError(f"unknown metric {judging.metric!r}: give one of {', '.join([*USUAL, *NAMED])}")
    found = again(record["facts"])
    if not len(found.held_out):
        raise UserError("nothing is held out, as the file is too short: there is nothing to judge with")
    judge = Judge(found, synthetic(game, 2 * judging.samples, judging.seed), judging)
    wanted = [judging.metric] if judging.metric else judge.usual()
    return {name: judge.card(name) for name in wanted}


def synthetic(game: Any, count: int, seed: int) -> Series:
    """`count` series of a game."""
    noise, parts = torch.Generator().manual_seed(seed), []
    with torch.no_grad():
        for first in range(0, count, 1000):
            parts.append(game.sample(min(1000, count - first), noise=noise).float().cpu())
    made: Series = game.decode(torch.cat(parts))
    return made


class Judge:
    """One set of samples, half to teach the classifier with and half to be judged, beside real series and the cheap samplers."""

    def __init__(self, found: Data, made: Series, judging: Judging) -> None:
        self.layout, self.train, self.judging = found.layout, found.train, judging
        self.count = len(made) // 2
        draw = np.random.default_rng(judging.seed)
        self.real = found.held_out.rows(draw.permutation(len(found.held_out))[: self.count])
        self.made = made
        self.every = Series(*(np.concatenate(each) for each in zip(_parts(found.train), _parts(found.held_out), strict=True)))
        self.cheap = {name: baseline(name, found.layout, found.train, len(made), seed=judging.seed) for name in NAMES}
        self.parts = [found.train.rows(part) for part in _thirds(len(found.train), draw)]

    def usual(self) -> list[str]:
        without = [] if self.layout.quantiles else ["lengths"]
        without += [] if self.layout.attributes else ["attribute-means"]
        without += [] if len(self.layout.channels) > 1 else ["cross-correlation"]
        return [name for name in USUAL if name not in without]

    def card(self, name: str) -> MetricCard:
        if name == "series-copies":
            return self._copies()
        if name == "series-detection":
            return self._detection()
        statistic, lesson = self._statistics()[name]
        value = statistic(self.real, self._half(self.made))
        others = {BESIDE + each: statistic(self.real, self._half(part)) for each, part in self.cheap.items()}
        bound = statistic(self.real, self.train.rows(_some(len(self.train), self.count)))
        ends = Interval(value, value) if lesson else self._interval(statistic)
        return self._carded(name, value, ends, others | {"bound": bound})

    def _statistics(self) -> dict[str, tuple[Statistic, bool]]:
        """Each measure, and whether it trains something, so that no interval can be had by drawing anew."""
        return {
            "series-prediction": (lambda real, fake: prediction_error(fake, real), False),
            "autocorrelation": (autocorrelation_distance, False),
            "cross-correlation": (cross_correlation_distance, False),
            "lengths": (self._lengths, False),
            "attribute-means": (partial(attribute_distance, self.layout), False),
            "discriminative": (self._published(discriminative_score), True),
            "predictive": (self._published(predictive_score), True),
        }

    def _published(self, score: Callable[..., float]) -> Statistic:
        """As published, the real side is the training series: as many as there are samples."""
        real = self.train.rows(_some(len(self.train), self.count))

        def statistic(_: Series, fake: Series) -> float:
            count = min(len(real), len(fake))
            return score(real.values[:count], fake.values[:count], seed=self.judging.seed)

        return statistic

    def _lengths(self, _: Series, fake: Series) -> float:
        """Beside all real series: a histogram of the held-out ones alone is too rough a measure."""
        return length_distance(self.every, fake)

    def _half(self, part: Series) -> Series:
        return part.rows(np.arange(self.count))

    def _interval(self, statistic: Statistic) -> Interval:
        rows = [torch.arange(len(self.real)), torch.arange(self.count)]

        def of(real: Tensor, fake: Tensor) -> float:
            return statistic(self.real.rows(real.numpy()), self.made.rows(fake.numpy()))

        return bootstrap(of, *rows, draws=DRAWS, seed=self.judging.seed)

    def _detection(self) -> MetricCard:
        """The classifier learns on training series and samples, and is asked about held-out series and fresh samples."""

        def told(part: Series) -> tuple[float, int]:
            halves = part.rows(np.arange(self.count)), part.rows(np.arange(self.count, len(part)))
            known = self.train.rows(_some(len(self.train), self.count)), halves[0]
            return detection(known, (self.real, halves[1]), seed=self.judging.seed)

        value, rows = told(self.made)
        ends = proportion(round((0.5 + value) * rows), rows)
        low, high = max(ends.low - 0.5, 0.0), ends.high - 0.5
        known, other, fresh = self.parts
        bound = detection((known, other), (self.real, fresh), seed=self.judging.seed).apart
        others = {BESIDE + name: told(part)[0] for name, part in self.cheap.items()}
        return self._carded("series-detection", value, Interval(low, high), others | {"bound": bound})

    def _copies(self) -> MetricCard:
        """Samples as near to a training series as only the nearest 1 % of held-out ones are, in standardised steps."""
        flat = [torch.from_numpy(seen(self.layout, part.values)).float().flatten(1)
                for part in (self.train, self.real, self._half(self.made))]  # fmt: skip
        found = copying(*flat)
        ends = proportion(round(found.share * self.count), self.count)
        extra = {"bound": found.expected, "exact": float(found.exact), "exact_test": float(found.exact_test), "z": found.z}
        return self._carded("series-copies", found.share, ends, extra)

    def _carded(self, name: str, value: float, ends: Interval, extra: Mapping[str, float]) -> MetricCard:
        return MetricCard(name, value, ends.low, ends.high, "none", "", "held-out", self.count, self.judging.seed, dict(extra))


def _parts(series: Series) -> list[np.ndarray]:
    return list(vars(series).values())


def _some(length: int, count: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(length)[:count]


def _thirds(length: int, draw: np.random.Generator) -> list[np.ndarray]:
    """Row numbers in three sets of whole runs, as windows that follow each other overlap."""
    runs = np.array_split(np.arange(length), min(CHUNKS, length))
    order = draw.permutation(len(runs))
    return [np.concatenate([runs[at] for at in part]) for part in np.array_split(order, 3) if len(part)]


def illustrate(game: Game[Sample], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "series": held-out series beside samples."""
    found = again(record["facts"])
    real = found.held_out if len(found.held_out) else found.train
    return {"series": beside(found.layout, some(real), synthetic(game, 6, 0))}


def held_out(record: Mapping[str, Any]) -> Sample:
    """Real series that the run did not train on: (n, 1, d), as `SeriesGAN.score` takes them."""
    found = again(record["facts"])
    return Sample(codes(found.layout, found.held_out)[:, None])
