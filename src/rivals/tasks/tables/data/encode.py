"""One column -> blocks of numbers that a network learns, and back: levels, or a quantile transform with its spikes apart.

A number x goes to the normal quantile of its rank, z = F^-1(P(X < x)), F the standard normal, so every column looks alike; values
that many rows share (a spike at 0) would be a step in F^-1, so each is a level of its own, beside "missing".
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

FEW, DISCRETE, REPEATED, KNOTS = 30, 1000, 10, 1000
SPIKE, ABOVE, ROWS = 0.02, 5.0, 20  # a spike's least share of the rows, how far above its neighbours, and its fewest rows
EDGE = 3.5
Array = np.ndarray


class Block(NamedTuple):
    """One column of the encoded tensor. choice: level numbers 0 .. width - 1 as floats; number: one value, about -3.5 to 3.5.

    gate: the number counts only where choice block gate[0] (its place among the blocks) is at level gate[1]; elsewhere it is 0.
    """

    column: str
    kind: Literal["number", "choice"]
    width: int
    gate: tuple[int, int] | None


def gone(cells: Array) -> Array:
    """(n,) where a cell is missing."""
    return np.asarray(pd.isna(cells), bool)


def level(values: Array, width: int) -> Array:
    """(n,) level numbers of a choice block, whatever a network gave."""
    return np.clip(np.rint(np.nan_to_num(values)), 0, width - 1).astype(np.int64)


@dataclass(frozen=True)
class Choice:
    """values: a level each, in their order; missing: one more level. Values never seen go to the nearest, texts to `usual`."""

    values: tuple[Any, ...]
    missing: bool
    usual: int

    @classmethod
    def fit(cls, cells: Array, values: tuple[Any, ...]) -> "Choice":
        missing = gone(cells)
        place = pd.Index(list(values), dtype=object if cells.dtype == object else None).get_indexer(cells[~missing])
        counts = np.bincount(place[place >= 0], minlength=len(values))
        return cls(values, bool(missing.any()), int(counts.argmax()) if values else 0)

    @property
    def width(self) -> int:
        return len(self.values) + self.missing

    def blocks(self, column: str, at: int) -> list[Block]:
        return [Block(column, "choice", self.width, None)] if self.width > 1 else []

    def encode(self, cells: Array, random: np.random.Generator) -> Array:
        if self.width < 2:
            return np.zeros((len(cells), 0))
        missing = gone(cells)
        if cells.dtype == object:
            place = pd.Index(list(self.values), dtype=object).get_indexer(cells)
            place = np.where(place < 0, self.usual, place)
        else:
            place = _nearest(np.array(self.values), np.where(missing, self.values[self.usual], cells))
        place[missing] = len(self.values) if self.missing else self.usual
        return place[:, None].astype(float)

    def decode(self, values: Array) -> Array:
        if not self.values:
            return np.full(len(values), None, object)
        place = level(values[:, 0], self.width) if self.width > 1 else np.zeros(len(values), np.int64)
        if isinstance(self.values[0], float):
            return np.append(np.array(self.values, float), np.nan)[place]
        if isinstance(self.values[0], int) and not isinstance(self.values[0], bool) and not self.missing:
            return np.array(self.values, np.int64)[place]
        return np.append(np.array([*self.values, None], object)[:-1], None)[place]

    def as_dict(self) -> dict[str, Any]:
        return {"way": "choice", **asdict(self)}


def _nearest(sorted_values: Array, cells: Array) -> Array:
    above = np.clip(np.searchsorted(sorted_values, cells), 0, len(sorted_values) - 1)
    below = np.maximum(above - 1, 0)
    up, down = sorted_values[above] != cells, np.abs(sorted_values[below] - cells) <= np.abs(sorted_values[above] - cells)
    return np.where(up & down, below, above)


@dataclass(frozen=True)
class Quantile:
    """A number's spikes and the rest by quantiles. special: spikes, sorted; missing: a level too, where the column has its own.

    knots: sorted. counts: how often each came, where the knots are all the values that there are (few enough, each repeated);
    else empty, the knots are quantiles at the ranks of `_even`, and values between them are interpolated and rounded to
    `decimals`. Never outside [low, high].
    """

    special: tuple[float, ...]
    missing: bool
    knots: tuple[float, ...]
    counts: tuple[int, ...]
    decimals: int | None
    low: float
    high: float

    @classmethod
    def fit(cls, cells: Array, decimals: int | None) -> "Quantile":
        missing = np.isnan(cells)
        present = cells[~missing]
        values, counts = np.unique(present, return_counts=True)
        spikes = (counts >= max(SPIKE * len(cells), ROWS)) & (counts >= ABOVE * _around(counts))
        rest = np.sort(present[~np.isin(present, values[spikes])])
        told = (tuple(values[spikes].tolist()), bool(missing.any()))
        count = len(values) - int(spikes.sum())
        if count <= DISCRETE and count * REPEATED <= len(rest):
            knots, tied = values[~spikes], tuple(counts[~spikes].tolist())
        else:
            knots, tied = np.quantile(rest, _even(len(rest))), ()
        return cls(*told, tuple(knots.tolist()), tied, decimals, float(values[0]), float(values[-1]))

    @property
    def width(self) -> int:
        return 1 + self.missing + len(self.special)

    @property
    def ranks(self) -> Array:
        """P(X <= knot) of each knot; of counted values P(X < knot), and 1 at the end."""
        return np.concatenate([[0], np.cumsum(self.counts)]) / sum(self.counts) if self.counts else _even(len(self.knots))

    def blocks(self, column: str, at: int) -> list[Block]:
        number = Block(column, "number", 1, (at, 0) if self.width > 1 else None)
        return [Block(column, "choice", self.width, None), number] if self.width > 1 else [number]

    def encode(self, cells: Array, random: np.random.Generator) -> Array:
        missing = np.isnan(cells)
        kind = np.zeros(len(cells), np.int64)
        for at, value in enumerate(self.special):
            kind[cells == value] = 1 + self.missing + at
        kind[missing] = int(self.missing)
        rest = (kind == 0) & ~missing
        z = np.zeros(len(cells))
        z[rest] = _normal(self._rank(cells[rest], random))
        return np.stack([kind.astype(float), z], 1) if self.width > 1 else z[:, None]

    def _rank(self, x: Array, random: np.random.Generator) -> Array:
        """Where values are tied, anywhere in the tie's share, so that a network meets no steps."""
        knots, ranks = np.array(self.knots), self.ranks
        if self.counts:
            at = _nearest(knots, x)
            return ranks[at] + (ranks[at + 1] - ranks[at]) * random.uniform(0.02, 0.98, len(x))
        low = np.searchsorted(knots, x, side="left")
        high = np.searchsorted(knots, x, side="right") - 1
        tied = high > low
        found = np.interp(x, knots, ranks)
        found[tied] = ranks[low[tied]] + (ranks[high[tied]] - ranks[low[tied]]) * random.uniform(0.0, 1.0, int(tied.sum()))
        return found

    def decode(self, values: Array) -> Array:
        """NaN where missing."""
        rank, knots, ranks = _uniform(np.nan_to_num(values[:, -1])), np.array(self.knots), self.ranks
        if self.counts:
            made = knots[np.clip(np.searchsorted(ranks, rank, side="right") - 1, 0, len(knots) - 1)]
        else:
            made = np.clip(rounded(np.interp(rank, ranks, knots), self.decimals), self.low, self.high)
        if self.width > 1:
            kind = level(values[:, 0], self.width)
            table = np.concatenate([[0.0], [np.nan] * self.missing, self.special])
            made = np.where(kind > 0, table[kind], made)
        return made

    def as_dict(self) -> dict[str, Any]:
        return {"way": "quantile", **asdict(self)}


def rounded(x: Array, decimals: int | None) -> Array:
    return x if decimals is None else np.round(x, decimals)


def _around(counts: Array) -> Array:
    """Of each value, the median count of the four below and the four above: what a spike stands out from."""
    near = [np.pad(counts.astype(float), 4, constant_values=np.nan)[at : at + len(counts)] for at in range(9) if at != 4]
    found: Array = np.nanmedian(near, 0)
    return found


def _even(count: int) -> Array:
    """Up to 1,000 ranks from 0 to 1: those of so few values; of more, half of them even, half denser towards the tails."""
    many = np.unique(np.concatenate([np.linspace(0, 1, KNOTS // 2), _uniform(np.linspace(-EDGE, EDGE, KNOTS // 2))]))
    return np.linspace(0, 1, max(count, 2)) if count < len(many) else many


def _normal(rank: Array) -> Array:
    """[0, 1] -> [-3.5, 3.5] by the normal quantile; the ends are met, so that the extremes come back."""
    tail = float(torch.special.ndtr(torch.tensor(-EDGE, dtype=torch.float64)))
    found: Array = torch.special.ndtri(torch.from_numpy(tail + rank * (1 - 2 * tail))).numpy()
    return np.clip(found, -EDGE, EDGE)


def _uniform(z: Array) -> Array:
    tail = float(torch.special.ndtr(torch.tensor(-EDGE, dtype=torch.float64)))
    rank: Array = torch.special.ndtr(torch.from_numpy(np.asarray(z, np.float64))).numpy()
    return np.clip((rank - tail) / (1 - 2 * tail), 0, 1)
