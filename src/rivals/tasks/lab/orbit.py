"""The Dirac-GAN: all real samples at 0, the generator makes one point theta, D(x) = psi x (Mescheder et al. 2018,
arXiv:1801.04406), whose orbit is known in closed form.

Continuous steps, softplus(s) = log(1 + e^s), sigma its derivative: psi' = -theta sigma(psi theta) - gamma psi with r1 or r2,
theta' = psi sigma(psi theta) in the minimax game, psi sigma(-psi theta) in the non-saturating and relativistic ones. At the
equilibrium (0, 0) the eigenvalues are -gamma/2 +- sqrt(gamma^2/4 - slope^2), slope = 1/2 (Wasserstein: 1).
"""

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from PIL import Image, ImageDraw
from torch import nn

from rivals.core.types import Float, Scalar, Tensor
from rivals.games.gan import GAN, Sample
from rivals.tasks.lab.frames import GREEN, INK, OVER, RULE, SIZE, SOFT, Point, dashes, dot, light

DiracObjective = Literal["minimax", "non-saturating", "relativistic", "wasserstein"]
DiracPenalty = Literal["none", "r1", "r2", "r1+r2"]
START = (1.0, 1.0)  # theta, psi
PARTS = 2000  # of the closed form's orbit
VIEW = 2.0  # pictures show -VIEW to VIEW of both
Field = Callable[[float, float], Point]


class Place(nn.Module):
    """The generator: whatever z is, the one point theta (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(START[0]))

    def forward(self, z: Float[Tensor, "n 1"], condition: Tensor | None = None) -> Float[Tensor, "n 1"]:
        return self.theta * torch.ones_like(z)


class Slope(nn.Module):
    """The discriminator: points (n, 1) -> scores psi x (n,)."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(START[1]))

    def forward(self, x: Float[Tensor, "n 1"], condition: Tensor | None = None) -> Float[Tensor, "n"]:
        return self.psi * x[:, 0]


class Dirac(GAN):
    """The GAN of two numbers; the log tells where they are."""

    deterministic = True  # the generator has one point, whatever z is

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        place = {"theta": self.generator.theta.detach(), "psi": self.discriminator.psi.detach()}
        return super().observe(batch) | place | {"radius": torch.hypot(place["theta"], place["psi"])}


def total(penalty: DiracPenalty, gamma: float) -> float:
    """The strength of |grad D|^2 = psi^2: r1 and r2 are the same here, and add up."""
    return {"none": 0.0, "r1": gamma, "r2": gamma, "r1+r2": 2 * gamma}[penalty]


def field(objective: DiracObjective, strength: float) -> Field:
    """(theta', psi') of continuous gradient steps at (theta, psi)."""

    def sigma(s: float) -> float:
        return 1 / (1 + math.exp(min(-s, 700.0)))  # beyond, exp is more than a float holds

    def steps(theta: float, psi: float) -> Point:
        score = psi * theta
        if objective == "wasserstein":
            return psi, -theta - strength * psi
        return psi * sigma(score if objective == "minimax" else -score), -theta * sigma(score) - strength * psi

    return steps


def eigenvalues(objective: DiracObjective, strength: float) -> tuple[complex, complex]:
    """Of the field's Jacobian at the equilibrium, the slower one first: its real part is the rate of convergence."""
    slope = 1.0 if objective == "wasserstein" else 0.5
    root = cmath.sqrt(strength**2 / 4 - slope**2)
    return -strength / 2 + root, -strength / 2 - root


def flow(steps: Field, time: float, *, parts: int = PARTS, start: Point = START) -> list[Point]:
    """The orbit of continuous steps from `start` to `time`, at parts + 1 times, by Runge and Kutta's fourth order."""
    h, orbit = time / parts, [start]
    for _ in range(parts):
        x, y = orbit[-1]
        a = steps(x, y)
        b = steps(x + h / 2 * a[0], y + h / 2 * a[1])
        c = steps(x + h / 2 * b[0], y + h / 2 * b[1])
        d = steps(x + h * c[0], y + h * c[1])
        orbit.append((x + h / 6 * (a[0] + 2 * b[0] + 2 * c[0] + d[0]), y + h / 6 * (a[1] + 2 * b[1] + 2 * c[1] + d[1])))
    return orbit


def arrows(steps: Field, count: int = 13) -> list[float]:
    """The field on a lattice: x, y and the arrow from there, all arrows short enough not to meet; flat."""
    line = [-VIEW + VIEW * (2 * i + 1) / count for i in range(count)]
    places = [((x, y), steps(x, y)) for x in line for y in line]
    reach = 1.6 * VIEW / count / max(math.hypot(*arrow) for _, arrow in places)
    return [round(v, 3) for (x, y), (u, v_) in places for v in (x, y, u * reach, v_ * reach)]


def picture(scene: Mapping[str, Any], orbit: list[Point]) -> Image.Image:
    """The plane of (theta, psi): the field, the closed form dashed, the steps green."""
    side = SIZE * OVER
    canvas = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(canvas)

    def at(x: float, y: float) -> Point:
        return (x + VIEW) / (2 * VIEW) * side, (VIEW - y) / (2 * VIEW) * side

    draw.line([at(-VIEW, 0), at(VIEW, 0)], fill=RULE, width=2)
    draw.line([at(0, -VIEW), at(0, VIEW)], fill=RULE, width=2)
    flat = scene["field"]
    for x, y, u, v in zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True):
        draw.line([at(x, y), at(x + u, y + v)], fill=SOFT, width=3)
        dot(draw, at(x + u, y + v), 4, SOFT)
    closed = scene["closed"]
    dashes(draw, [at(x, y) for x, y in zip(closed[::2], closed[1::2], strict=True)], INK, on=2, off=2)
    draw.line([at(*point) for point in orbit], fill=GREEN, width=5)
    dot(draw, at(0, 0), 8, INK)
    dot(draw, at(*orbit[-1]), 12, GREEN)
    return light(canvas)
