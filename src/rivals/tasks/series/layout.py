"""Layout: what the columns of a file of series mean, learnt from the training series and kept in run.json."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

KNOTS = 65  # quantiles kept of a number that is one a series


@dataclass(frozen=True)
class Series:
    """Series in the file's own units.

    values: (n, steps, channels), the last value held after a series' end. lengths: (n,) steps of each. attributes: (n, k),
    numbers, or level numbers of categories. starts: (n,) the first time stamp, in the units of `Clock`. entities: (n,) which
    entity each comes from.
    """

    values: np.ndarray
    lengths: np.ndarray
    attributes: np.ndarray
    starts: np.ndarray
    entities: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, chosen: np.ndarray) -> "Series":
        """Some of the series."""
        return Series(*(part[chosen] for part in vars(self).values()))


@dataclass(frozen=True)
class Channel:
    """A column that changes with time. log: it is seen as its logarithm; mean, deviation: of what is seen; low, high: of the
    file; decimals: written after the point."""

    name: str
    log: bool
    mean: float
    deviation: float
    low: float
    high: float
    decimals: int


@dataclass(frozen=True)
class Attribute:
    """A column that is constant within a series. levels: of a category, shares: of the entities; quantiles: of a number."""

    name: str
    levels: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    decimals: int = 0
    shares: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Numbers that describe it to a network."""
        return len(self.levels) or 1


@dataclass(frozen=True)
class Clock:
    """Time stamps: name of their column ("" for none), kind, seconds (or the column's own units) in a step, the first and the
    last stamp of the training series, and the calendar's rule where the steps are not equally long, as "B" or "MS"."""

    name: str = ""
    kind: str = "number"  # or "datetime"
    step: float = 1.0
    first: float = 0.0
    last: float = 0.0
    rule: str = ""


@dataclass(frozen=True)
class Layout:
    """The meaning of the numbers that the players see. quantiles: of the lengths, empty where all are equal.
    joint: there are series enough for the main axes of time and channels together, not only of each."""

    channels: tuple[Channel, ...]
    attributes: tuple[Attribute, ...]
    steps: int
    quantiles: tuple[float, ...]
    clock: Clock
    entity: str = ""
    joint: bool = False

    @property
    def width(self) -> int:
        """Numbers that describe a whole series to a network: its steps, then its attributes, then its length."""
        return self.steps * len(self.channels) + self.extra

    @property
    def extra(self) -> int:
        return sum(each.width for each in self.attributes) + bool(self.quantiles)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Layout":
        channels = tuple(Channel(**each) for each in plain["channels"])
        attributes = tuple(
            Attribute(each["name"], tuple(each["levels"]), tuple(each["quantiles"]), each["decimals"], tuple(each["shares"]))
            for each in plain["attributes"]
        )
        clock = Clock(**plain["clock"])
        return cls(channels, attributes, plain["steps"], tuple(plain["quantiles"]), clock, plain["entity"], plain["joint"])


def channels_of(names: list[str], values: np.ndarray, inside: np.ndarray, decimals: list[int]) -> tuple[Channel, ...]:
    """What is learnt of each column of `values` (n, steps, channels), at the places that `inside` (n, steps) names.

    A column that is positive and skewed is seen as its logarithm where that is less skewed: prices, volumes.
    """
    found = []
    for index, name in enumerate(names):
        column = values[..., index][inside]
        log = bool(column.min() > 0 and abs(_skew(column)) > 0.5 and abs(_skew(np.log(column))) < abs(_skew(column)))
        seen = np.log(column) if log else column
        deviation = float(seen.std()) or 1.0
        found.append(Channel(name, log, float(seen.mean()), deviation, float(column.min()), float(column.max()), decimals[index]))
    return tuple(found)


def _skew(column: np.ndarray) -> float:
    deviation = column.std()
    return float((((column - column.mean()) / deviation) ** 3).mean()) if deviation else 0.0


def quantiles_of(column: np.ndarray) -> tuple[float, ...]:
    """KNOTS quantiles, the least and the greatest among them."""
    return tuple(float(each) for each in np.quantile(column, np.linspace(0, 1, KNOTS), method="inverted_cdf"))


def seen(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Values (n, steps, channels) as the networks see them: logarithms where the channel says so, standardised."""
    made = np.empty(values.shape)
    for index, each in enumerate(layout.channels):
        column = np.log(np.maximum(values[..., index], each.low * 1e-3)) if each.log else values[..., index]
        made[..., index] = (column - each.mean) / each.deviation
    return made


def unseen(layout: Layout, values: np.ndarray) -> np.ndarray:
    """The way back, in the file's units and with its decimals, cut to the range of the training series."""
    made = np.empty(values.shape)
    for index, each in enumerate(layout.channels):
        column = values[..., index].astype(np.float64) * each.deviation + each.mean
        if each.log:
            column = np.exp(np.clip(column, np.log(each.low), np.log(each.high)))
        made[..., index] = column.clip(each.low, each.high).round(each.decimals)
    return made
