"""Measures from nearest neighbours in feature space: how much of each set lies near the other one.

Precision and recall: Kynkaanniemi et al. 2019, arXiv:1904.06991. Density and coverage: Naeem et al. 2020,
arXiv:2002.09797. All distances are Euclidean, in feature units, computed in float64 as sqrt(sum (x - y)^2) and not from
|x|^2 + |y|^2 - 2 x.y, so a copy lies at distance exactly 0. Memory does not grow with the product of the sets: at most
`PAIRS` distances (64 MiB), or one row of them if that is more, exist at a time, with temporaries of the same size.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from rivals.core.types import Float, Int, Tensor
from rivals.metrics.check import checked, neighbourhood

PAIRS = 2**23


class Nearest(NamedTuple):
    """For each query the distance to its nearest reference, and that reference's row."""

    distance: Float[Tensor, " n"]
    row: Int[Tensor, " n"]


class PrecisionRecall(NamedTuple):
    """Shares from 0 to 1: of fakes inside the real manifold (fidelity), of reals inside the fake one (diversity)."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Density, 1 in expectation for equal distributions and unbounded; coverage, the share of reals near a fake."""

    density: float
    coverage: float


def nearest(queries: Float[Tensor, "n d"], references: Float[Tensor, "m d"]) -> Nearest:
    """Nearest reference of each query; of several equally near, the one that the backend meets first.

    Raises:
        UserError: an empty set, different widths, or features that are not finite.
    """
    queries, references = checked({"queries": queries, "references": references})
    found = [block.min(1) for _, block in _distances(queries, references)]
    return Nearest(torch.cat([each.values for each in found]), torch.cat([each.indices for each in found]))


def precision_recall(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], *, k: int = 3) -> PrecisionRecall:
    """Share of each set that lies in the other's manifold, the union of balls that reach to the k-th neighbour.

    A row is not its own neighbour, and a ball includes its surface. Both depend on the number of rows (more rows,
    smaller balls), so compare at equal numbers. An outlier has a large ball: density and coverage suffer less from it.

    Raises:
        UserError: k outside 1 ... rows - 1 of either set, different widths, or features that are not finite.
    """
    real, fake = checked({"real": real, "fake": fake})
    neighbourhood(k, {"real": real, "fake": fake})
    fake_inside, _ = _visits(real, _radii(real, k), fake)
    real_inside, _ = _visits(fake, _radii(fake, k), real)
    return PrecisionRecall(_share(fake_inside > 0), _share(real_inside > 0))


def density_coverage(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], *, k: int = 5) -> DensityCoverage:
    """Density: real balls around each fake, divided by k. Coverage: share of real balls that hold a fake.

    A real row's ball reaches to its k-th neighbour among the reals and includes its surface. Between equal
    distributions with n = m large, coverage tends to 1 - 2^-k, not to 1 (0.969 for k = 5).

    Raises:
        UserError: k outside 1 ... rows - 1 of the reals, different widths, or features that are not finite.
    """
    real, fake = checked({"real": real, "fake": fake})
    neighbourhood(k, {"real": real})
    balls, visited = _visits(real, _radii(real, k), fake)
    return DensityCoverage(float(balls.sum()) / (k * len(fake)), _share(visited))


def _share(hit: Tensor) -> float:
    return int(hit.sum()) / len(hit)


def _distances(rows: Float[Tensor, "n d"], others: Float[Tensor, "m d"]) -> Iterator[tuple[int, Tensor]]:
    """(first row, its block of distances to all others), block after block within the bound of memory."""
    step = max(1, PAIRS // len(others))
    for start in range(0, len(rows), step):
        block = torch.cdist(rows[start : start + step], others, compute_mode="donot_use_mm_for_euclid_dist")
        yield start, block


def _radii(rows: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Distance of each row to the k-th nearest of the other rows of its set."""
    radii = []
    for start, block in _distances(rows, rows):
        own = torch.arange(len(block), device=block.device)
        block[own, own + start] = torch.inf
        radii.append(block.kthvalue(k, dim=1).values)
    return torch.cat(radii)


def _visits(
    centres: Float[Tensor, "n d"], radii: Float[Tensor, " n"], points: Float[Tensor, "m d"]
) -> tuple[Int[Tensor, " m"], Tensor]:
    """How many closed balls hold each point, and which balls, bool (n,), hold at least one."""
    balls = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    visited = []
    for start, block in _distances(centres, points):
        inside = block <= radii[start : start + len(block), None]
        balls += inside.sum(0)
        visited.append(inside.any(1))
    return balls, torch.cat(visited)
