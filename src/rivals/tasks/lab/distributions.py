"""Distributions on the line and in the plane, each a sum of equal round Gaussians, so that its density is known exactly.

p(x) = 1/k sum_i N(x; c_i, s^2 I): a Gaussian, three on the line, the ring of 8 and the grid of 25 (arXiv:1705.07761) as they
are; curves and a user's points as many Gaussians along them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from rivals.core.types import Float, Tensor

CURVE = 400  # Gaussians along a curve: closer together than they are wide
CHUNK = 2_000_000  # distances at a time


@dataclass(frozen=True)
class Distribution:
    """centres (k, d), d = 1 on the line and 2 in the plane; deviation: of each Gaussian. view: what pictures show, each axis
    from -view to view. modes: whether the centres are modes to count. digest: of a user's points. shift, scale: from a user's
    units, user = x scale + shift.
    """

    name: str
    centres: Float[Tensor, "k d"]
    deviation: float
    view: float
    modes: bool = True
    digest: str = ""
    shift: tuple[float, ...] = ()
    scale: float = 1.0

    @property
    def dimensions(self) -> int:
        return self.centres.shape[1]

    def draw(self, n: int, noise: torch.Generator) -> Float[Tensor, "n d"]:
        """`n` independent samples."""
        rows = torch.randint(len(self.centres), (n,), generator=noise)
        return self.centres[rows] + self.deviation * torch.randn(n, self.dimensions, generator=noise)

    def density(self, x: Float[Tensor, "n d"], *, blur: float = 0.0) -> Float[Tensor, "n"]:
        """p(x); blur: of p smoothed by a Gaussian kernel of that deviation, to compare with a kernel estimate."""
        return kernel(x, self.centres, math.hypot(self.deviation, blur))

    def outward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """In the user's own units."""
        return x * self.scale + torch.tensor(self.shift or (0.0,) * self.dimensions)

    def inward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """From the user's own units."""
        return (x - torch.tensor(self.shift or (0.0,) * self.dimensions)) / self.scale


def kernel(x: Float[Tensor, "n d"], points: Float[Tensor, "k d"], width: float) -> Float[Tensor, "n"]:
    """The mean of Gaussians of deviation `width` about `points`, at x: of samples the kernel estimate of their density."""
    peak = (2 * math.pi * width**2) ** (x.shape[1] / 2)
    parts = []
    for part in x.split(max(CHUNK // len(points), 1)):
        # x.y + |.|^2 is exact enough for points of size 1 and is a third of the time of explicit differences.
        distance = part.square().sum(1, keepdim=True) + points.square().sum(1) - 2 * part @ points.T
        parts.append((-distance.clamp(min=0) / (2 * width**2)).exp().mean(1) / peak)
    return torch.cat(parts)


def gaussian() -> Distribution:
    """N(1, 0.6^2) on the line."""
    return Distribution("gaussian", torch.tensor([[1.0]]), 0.6, 4.0, modes=False)


def mixture() -> Distribution:
    """Three Gaussians of deviation 0.25 on the line."""
    return Distribution("mixture", torch.tensor([[-2.0], [0.0], [2.0]]), 0.25, 4.0)


def ring() -> Distribution:
    """8 Gaussians of deviation 0.02 on the unit circle."""
    angle = torch.arange(8) * math.pi / 4
    return Distribution("ring", torch.stack([angle.cos(), angle.sin()], 1), 0.02, 1.6)


def grid() -> Distribution:
    """25 Gaussians of deviation 0.05, 1 apart."""
    line = torch.arange(-2.0, 3.0)
    return Distribution("grid", torch.cartesian_prod(line, line), 0.05, 2.8)


def spiral() -> Distribution:
    """A spiral of one turn and a third, deviation 0.03, evenly along its length."""
    turn = torch.linspace(0.12, 1.0, CURVE).sqrt() * 4 * math.pi  # arc length grows as the square of the angle
    radius = 1.3 * turn / (4 * math.pi)
    return Distribution("spiral", torch.stack([radius * turn.cos(), radius * turn.sin()], 1), 0.03, 1.8, modes=False)


def moons() -> Distribution:
    """Two half circles that reach into each other, deviation 0.06."""
    angle = torch.linspace(0.0, math.pi, CURVE // 2)
    upper = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], 1)
    return Distribution("moons", torch.cat([upper, -upper]), 0.06, 2.0, modes=False)


def rings() -> Distribution:
    """Two circles about one centre, radius 0.5 and 1.2, deviation 0.04, evenly along their length."""
    inner = round(CURVE * 0.5 / 1.7)
    parts = []
    for count, radius in ((inner, 0.5), (CURVE - inner, 1.2)):
        angle = torch.arange(count) * (2 * math.pi / count)
        parts.append(radius * torch.stack([angle.cos(), angle.sin()], 1))
    return Distribution("rings", torch.cat(parts), 0.04, 1.8, modes=False)


KNOWN: dict[str, Callable[[], Distribution]] = {
    "gaussian": gaussian,
    "mixture": mixture,
    "ring": ring,
    "grid": grid,
    "spiral": spiral,
    "moons": moons,
    "rings": rings,
}
