"""Squared Frechet distance between Gaussians fitted to two sets of features: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2).

Dowson and Landau 1982, "The Frechet distance between multivariate normal distributions"; as a measure of generators
(FID) Heusel et al. 2017, arXiv:1706.08500.
"""

import torch

from rivals.core.types import Float, Tensor
from rivals.metrics.check import checked


def frechet(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> float:
    """Squared Frechet distance, in squared feature units; 0 is best. Symmetric; computed in float64.

    Covariances are unbiased (divided by n - 1). The distance is biased upwards by a term of order 1/n + 1/m, so
    compare only figures from equal numbers of rows.

    Write S = A'A with A = R / sqrt(n - 1) and R the triangle of the centred rows. The square roots of the eigenvalues
    of S1 S2 are then the singular values of A1 A2', so the trace of (S1 S2)^1/2 is their sum: no eigenvalue is rooted,
    which keeps full precision where a covariance is singular (n <= d, constant features).

    Raises:
        UserError: fewer than two rows, different widths, or features that are not finite.
    """
    real, fake = checked({"real": real, "fake": fake}, least=2)
    mean, factor = _gaussian(real)
    other_mean, other_factor = _gaussian(fake)
    between = (mean - other_mean).square().sum()
    spread = factor.square().sum() + other_factor.square().sum()
    shared = torch.linalg.svdvals(factor @ other_factor.T).sum()
    return max(0.0, float(between + spread - 2 * shared))


def _gaussian(rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "r d"]]:
    """Mean, and a factor A of the unbiased covariance A'A with r = min(n, d) rows."""
    mean = rows.mean(0)
    triangle = torch.linalg.qr(rows - mean, mode="r").R
    return mean, triangle / (len(rows) - 1) ** 0.5
