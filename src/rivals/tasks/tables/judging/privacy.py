"""Privacy at first sight: synthetic rows that equal training rows, and how near they come to them.

The distance of two rows is Gower's (1971, Biometrics 27): the mean over columns of |a - b| / range for numbers and dates, and
of 0 or 1 for categories, equal or not; a missing cell is 1 away from any value and 0 from another missing one.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.metrics import proportion
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import choices, codes, judged, numbers, numeric, sample

CELLS = 250_000  # distances that are held at a time: as many as fit into a processor's cache, which halves the time
TRAIN, ROWS = 50_000, 2000  # training rows to be near to, and rows that are asked how near they come
ABSENT = 10.0  # where a missing number stands on the scaled axis, at least 1 from all others


class Copies(NamedTuple):
    """The share of synthetic rows that equal a training row, with its 95 % interval; that of held-out real rows, and
    its interval's upper end."""

    share: float
    low: float
    high: float
    expected: float
    expected_high: float

    @property
    def verdict(self) -> str:
        """ "caught" where there are surely more than twice as many as held-out rows have, else "no sign"."""
        return "caught" if self.low > 2 * self.expected_high else "no sign"


class Closest(NamedTuple):
    """Distances of synthetic rows to their nearest training rows: the median with its 95 % interval, the 5 % quantile; and
    median and 5 % quantile of held-out rows'."""

    median: float
    low: float
    high: float
    near: float
    held_median: float
    held_near: float


class Rows(NamedTuple):
    """Rows to measure distances between: scaled numbers (n, a) and codes of categories (n, b)."""

    numbers: np.ndarray
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def at(self, rows: "np.ndarray | slice") -> "Rows":
        return Rows(self.numbers[rows], self.codes[rows])


def copies(train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema) -> Copies:
    """Exact copies among all synthetic rows, ids left out: judged by every other column, cell by cell."""
    known, fresh, made = (_fingerprints(frame, schema) for frame in (train, held, synthetic))
    hits, usual = (int(np.isin(each, known).sum()) for each in (made, fresh))
    expected = usual / len(fresh), proportion(usual, len(fresh)).high
    return Copies(hits / len(made), *proportion(hits, len(made)), *expected)


def closest(train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, seed: int) -> Closest:
    """Distances of 2,000 synthetic and held-out rows, drawn by `seed`, to the nearest of the training rows (50,000 at most)."""
    parts = [sample(each, most, seed) for each, most in ((train, TRAIN), (held, ROWS), (synthetic, ROWS))]
    reference, fresh, made = aligned(parts, schema)
    near, usual = (nearest(each, reference)[0] for each in (made, fresh))
    reach = 0.98 / len(near) ** 0.5  # of a median, in ranks: 1.96 sqrt(1/4 / n)
    ends = np.quantile(near, np.clip([0.5, 0.5 - reach, 0.5 + reach, 0.05], 0, 1)).tolist()
    return Closest(*ends, *np.quantile(usual, [0.5, 0.05]).tolist())


def aligned(frames: list[pd.DataFrame], schema: Schema) -> list[Rows]:
    """Frames as rows of one space; numbers are scaled by the range of the first frame, the training rows."""
    scaled: list[list[np.ndarray]] = [[] for _ in frames]
    levels: list[list[np.ndarray]] = [[] for _ in frames]
    for name in numeric(schema):
        values = [numbers(frame[name]) for frame in frames]
        present = values[0][~np.isnan(values[0])]
        low, high = (present.min(), present.max()) if len(present) else (0.0, 1.0)
        for part, each in zip(scaled, values, strict=True):
            part.append(np.where(np.isnan(each), ABSENT, np.clip((each - low) / ((high - low) or 1.0), -1, 2)))
    for name in choices(schema):
        for part, each in zip(levels, codes(*(frame[name] for frame in frames))[0], strict=True):
            part.append(each)
    return [
        Rows(_matrix(values, len(frame), np.float32), _matrix(found, len(frame), np.int32))
        for values, found, frame in zip(scaled, levels, frames, strict=True)
    ]


def distances(one: Rows, other: Rows) -> np.ndarray:
    """Distances (n, m), times the number of columns."""
    found = np.zeros((len(one), len(other)), np.float32)
    for a, b in zip(one.numbers.T, other.numbers.T, strict=True):
        found += np.minimum(np.abs(a[:, None] - b), 1)
    for a, b in zip(one.codes.T, other.codes.T, strict=True):
        found += a[:, None] != b
    return found


def nearest(rows: Rows, reference: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Distance (n,) of each row to the nearest row of `reference`, and which that is (n,)."""
    width = max(1, rows.numbers.shape[1] + rows.codes.shape[1])
    near, which = [], []
    for part in chunks(rows, reference):
        found = distances(rows.at(part), reference)
        which.append(found.argmin(1))
        near.append(found.min(1) / width)
    return np.concatenate(near), np.concatenate(which)


def chunks(rows: Rows, reference: Rows) -> list[slice]:
    """Parts of `rows` whose distances to `reference` fit into the memory allowed."""
    step = max(1, CELLS // max(1, len(reference)))
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _matrix(columns: list[np.ndarray], rows: int, dtype: "type[np.generic]") -> np.ndarray:
    # By columns: each distance reads one column at a time.
    return np.asfortranarray(np.stack(columns, 1).astype(dtype)) if columns else np.zeros((rows, 0), dtype)


def _fingerprints(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """One 64-bit hash a row, equal for rows whose judged cells are all equal."""
    continuous = set(numeric(schema))
    plain = {}
    for name in judged(schema):
        if name in continuous:
            values = numbers(frame[name]) + 0.0  # -0.0 becomes 0.0
            plain[name] = np.where(np.isnan(values), np.nan, values)
        else:
            plain[name] = frame[name].astype(object).map(lambda cell: f"={cell}", na_action="ignore").fillna("").to_numpy(object)
    found: np.ndarray = pd.util.hash_pandas_object(pd.DataFrame(plain, index=range(len(frame))), index=False).to_numpy()
    return found
