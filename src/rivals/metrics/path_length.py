"""Perceptual path length: how fast a generator's features change along a path between two latents (Karras et al. 2019,
arXiv:1812.04948, section 4.1).

E |f(G(s(t))) - f(G(s(t + epsilon)))|^2 / epsilon^2, s the great arc from z0 to z1 (Shoemake 1985), t even on [0, 1].
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from rivals.core.types import Float, Tensor


class Paths(NamedTuple):
    """Squared speed (n,) at a random place of each path, and the squared distance (n,) between the path's ends.

    A straight path walked evenly has a speed equal to its length; any other is faster somewhere: by Jensen's inequality
    the mean of `speed` is at least that of `ends`, and their ratio says how crooked the paths are.
    """

    speed: Float[Tensor, " n"]
    ends: Float[Tensor, " n"]


def arc(start: Float[Tensor, "n d"], end: Float[Tensor, "n d"], share: Float[Tensor, " n"]) -> Float[Tensor, "n d"]:
    """The point at `share` of the great arc from start to end, its length between theirs: spherical interpolation."""
    lengths = start.norm(dim=1, keepdim=True), end.norm(dim=1, keepdim=True)
    a, b, t = start / lengths[0], end / lengths[1], share[:, None]
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).acos().clamp(min=1e-7)
    direction = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    point: Tensor = direction * ((1 - t) * lengths[0] + t * lengths[1])
    return point


def path_lengths(
    features: Callable[[Tensor, Tensor], Tensor],
    latent: int,
    *,
    pairs: int,
    epsilon: float = 1e-4,
    seed: int = 0,
    batch: int = 64,
) -> Paths:
    """Paths between `pairs` pairs of latents z ~ N(0, I) of length `latent`.

    features: latents (n, latent) and the numbers (n,) of their paths -> features (n, d). It is called for each of the four
    places of a path (at t, at t + epsilon, start, end) and must give a path the same condition and noise in all of them.
    """
    generator = torch.Generator().manual_seed(seed)
    speed, ends = [], []
    for start in range(0, pairs, batch):
        n = min(batch, pairs - start)
        first, last = torch.randn(2, n, latent, generator=generator).double()
        share = torch.rand(n, generator=generator).double() * (1 - epsilon)
        places = [arc(first, last, share), arc(first, last, share + epsilon), first, last]
        paths = torch.arange(start, start + n)
        here, there, begin, end = (features(place.float(), paths).double() for place in places)
        speed.append((here - there).square().sum(1) / epsilon**2)
        ends.append((begin - end).square().sum(1))
    return Paths(torch.cat(speed), torch.cat(ends))
