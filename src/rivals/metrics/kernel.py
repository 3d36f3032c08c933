"""Kernel distance: unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3.

Binkowski et al. 2018, "Demystifying MMD GANs" (KID), arXiv:1801.01401; the estimator is Gretton et al. 2012, eq. 3.
"""

from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Scalar, Tensor
from rivals.metrics.check import checked


class Spread(NamedTuple):
    """Mean and standard deviation (divided by the number of subsets) of a measure over subsets."""

    mean: float
    deviation: float


def kernel_distance(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], *, subsets: int = 100, size: int = 1000, seed: int = 0
) -> Spread:
    """Kernel distance over random subsets of `size` rows of each set, drawn without replacement; 0 is best.

    The estimator is unbiased at every size, so it may be slightly negative between equal distributions. `size` is
    lowered to the rows of the smaller set; where that makes every subset the same one, it is computed once and the
    deviation is 0. Subsets overlap, so the deviation is that of one subset, not the error of the mean. Subsets depend
    on `seed` alone: the global random state is neither read nor changed. Memory: three float64 matrices of size^2.

    Raises:
        UserError: fewer than two rows, `subsets` below 1, `size` below 2, different widths, features not finite.
    """
    real, fake = checked({"real": real, "fake": fake}, least=2)
    if subsets < 1 or size < 2:
        raise UserError(f"subsets is {subsets} and size is {size}; they must be at least 1 and 2")
    size = min(size, len(real), len(fake))
    if len(real) == len(fake) == size:
        return Spread(float(_discrepancy(real, fake)), 0.0)
    generator = torch.Generator().manual_seed(seed)
    found = torch.stack([_discrepancy(_subset(real, size, generator), _subset(fake, size, generator)) for _ in range(subsets)])
    return Spread(float(found.mean()), float(found.std(correction=0)))


def _subset(rows: Float[Tensor, "n d"], size: int, generator: torch.Generator) -> Float[Tensor, "size d"]:
    return rows[torch.randperm(len(rows), generator=generator)[:size].to(rows.device)]


def _kernel(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _discrepancy(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> Scalar:
    """mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)."""
    n = len(x)
    xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    within = xx.sum() - xx.diagonal().sum() + yy.sum() - yy.diagonal().sum()
    return within / (n * (n - 1)) - 2 * xy.mean()
