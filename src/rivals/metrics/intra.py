"""Intra-class Frechet distance: the Frechet distance within each class, where a collapse that the pooled one hides shows
(Miyato and Koyama 2018, arXiv:1802.05637)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Int, Tensor
from rivals.metrics.card import halves, recentred
from rivals.metrics.frechet import frechet

LEAST = 12


class ClassDistance(NamedTuple):
    """Of one class: its number, distance of fakes and of as many training rows from the held-out rows, 95 % ends, rows."""

    label: int
    distance: float
    bound: float
    low: float
    high: float
    rows: int


class Rows(NamedTuple):
    """Features and the class of each row."""

    features: Float[Tensor, "n d"]
    labels: Int[Tensor, " n"]

    def of(self, label: int) -> Tensor:
        return self.features[self.labels == label]


def intra_frechet(train: Rows, test: Rows, fake: Rows, *, draws: int = 20, seed: int = 0) -> Iterator[ClassDistance]:
    """The distance in each class that has at least 12 rows in each set; equal numbers of fakes and training rows.

    Raises:
        UserError: no class has 12 rows in each set.
    """
    judged = 0
    for label in torch.unique(fake.labels).tolist():
        real, old, new = test.of(label), train.of(label), fake.of(label)
        count = min(len(old), len(new))
        if min(count, len(real)) < LEAST:
            continue
        old, new = old[torch.randperm(len(old), generator=torch.Generator().manual_seed(seed))[:count]], new[:count]
        judged += 1
        distance = frechet(real, new)
        spread = recentred(distance, [frechet(*part) for part in halves((real, new), draws, seed)], (real, new))
        yield ClassDistance(label, distance, frechet(real, old), max(0.0, spread.low), spread.high, count)
    if not judged:
        raise UserError(f"no class has {LEAST} held-out, {LEAST} training and {LEAST} generated rows; give more samples")
