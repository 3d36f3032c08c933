"""Does a generator copy its training set? Compare how near fakes and fresh real rows come to training rows.

The z-score is the global (one cell) form of Meehan et al. 2020, "A non-parametric test to detect data-copying in
generative models", arXiv:2004.05675: the Mann-Whitney statistic of the two sets of nearest-neighbour distances.
"""

from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.metrics.check import checked
from rivals.metrics.neighbours import nearest


class Copying(NamedTuple):
    """What `copying` finds; read `share` against `expected`, `exact` against `exact_test`, and the sign of `z`.

    Attributes:
        fake_distance: median distance of a fake to its nearest training row, in feature units.
        test_distance: the same for a test row; a much smaller fake_distance means copying.
        share: share of fakes no farther from a training row than the threshold, a low quantile of the test distances.
        expected: the share that fresh real data would have: the quantile asked for (1 %), as near as the number of
            test rows allows.
        exact: fakes within the tolerance of a training row.
        exact_test: test rows within the tolerance of a training row, as real data may hold duplicates.
        z: standardised Mann-Whitney statistic; about standard normal for fresh data, negative = fakes are nearer to
            the training rows than the test rows are (copying), positive = they are farther (underfitting).
    """

    fake_distance: float
    test_distance: float
    share: float
    expected: float
    exact: int
    exact_test: int
    z: float


def copying(
    train: Float[Tensor, "n d"],
    test: Float[Tensor, "m d"],
    fake: Float[Tensor, "f d"],
    *,
    quantile: float = 0.01,
    tolerance: float = 1e-6,
) -> Copying:
    """Compare the distances of fakes to their nearest training rows with those of held-out test rows.

    `train` must be the rows that the generator saw and `test` rows from the same source that it did not see. Give
    all training rows: a copy of a row that is left out looks fresh. `quantile` is the share of the test rows that
    define "as near as a copy"; below 1 / quantile test rows the nearest one does. `tolerance` is in feature units;
    a backbone's features of one input differ by float32 rounding between batches of different size, so count exact
    copies on the data itself, or raise the tolerance. Copying of a few regions can hide behind an underfit rest: then
    z stays positive while `share` rises. A generator may also pass here and be poor: this measures novelty alone.

    Raises:
        UserError: an empty set, a quantile outside (0, 1), different widths, or features that are not finite.
    """
    if not 0 < quantile < 1:
        raise UserError(f"quantile is {quantile}; choose a share between 0 and 1, such as 0.01")
    train, test, fake = checked({"train": train, "test": test, "fake": fake})
    return compared(nearest(fake, train).distance, nearest(test, train).distance, quantile, tolerance)


def compared(fake: Float[Tensor, " f"], test: Float[Tensor, " m"], quantile: float = 0.01, tolerance: float = 1e-6) -> Copying:
    """The same from the distances to the nearest training rows alone.

    The threshold is the i-th smallest test distance, i = quantile (m + 1) rounded down, at least 1: a fresh distance
    stays within it with probability i / (m + 1) exactly, more if several test rows tie with it.
    """
    rank = max(1, int(quantile * (len(test) + 1) + 1e-9))
    threshold = test.kthvalue(rank).values
    return Copying(
        fake_distance=float(fake.quantile(0.5)),
        test_distance=float(test.quantile(0.5)),
        share=int((fake <= threshold).sum()) / len(fake),
        expected=int((test <= threshold).sum()) / (len(test) + 1),
        exact=int((fake <= tolerance).sum()),
        exact_test=int((test <= tolerance).sum()),
        z=_mann_whitney(fake, test),
    )


def _mann_whitney(x: Float[Tensor, " n"], y: Float[Tensor, " m"]) -> float:
    """Standardised U = #(x > y) + #(x = y) / 2, variance corrected for ties; 0 where all values are equal."""
    n, m = len(x), len(y)
    ordered = y.sort().values
    below = torch.searchsorted(ordered, x, right=False)
    up_to = torch.searchsorted(ordered, x, right=True)
    u = float((below + up_to).sum()) / 2
    ties = torch.unique(torch.cat([x, y]), return_counts=True)[1].double()
    total = n + m
    tied = float((ties**3 - ties).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - tied)
    return (u - n * m / 2) / variance**0.5 if variance > 0 else 0.0
