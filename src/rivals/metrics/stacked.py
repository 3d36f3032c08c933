"""Stacked-MNIST: three digits as three colour channels make 1,000 modes (Metz et al. 2017, arXiv:1611.02163; the count and
divergence as in PacGAN, Lin et al. 2018, arXiv:1712.04086): KL(p || q) = sum p log(p / q) over the triples of classes."""

from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Int, Tensor

SAMPLES = 25_600


class Stacked(NamedTuple):
    """Triples that occur at least once, and KL(generated || real) over all triples, in nats."""

    modes: int
    divergence: float


def stacked_modes(labels: Int[Tensor, "n k"], shares: Float[Tensor, " c"]) -> Stacked:
    """Modes of samples whose channels show the classes `labels`, against channels drawn independently by `shares`.

    `shares` of the c classes in the real data, each above 0 and together 1. Of n samples of the real data themselves the
    divergence is about (c^k - 1) / (2 n), 0.0195 at c^k = 1,000 and n = 25,600: that, not 0, is what can be reached.

    Raises:
        UserError: no rows, a class outside 0 to c - 1, or a share that is not positive.
    """
    classes, channels = len(shares), labels.shape[1]
    if len(labels) == 0 or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise UserError(f"the channels' classes must be rows of numbers from 0 to {classes - 1}")
    if not bool((shares > 0).all()):
        raise UserError("a class has no share in the real data: leave it out")
    powers = classes ** torch.arange(channels)
    found = (labels * powers).sum(1).bincount(minlength=classes**channels).double() / len(labels)
    logs, expected = shares.double().log(), torch.zeros(classes**channels, dtype=torch.float64)
    places = torch.arange(classes**channels)
    for power in powers:
        expected += logs[places // power % classes]
    divergence = float((torch.special.xlogy(found, found) - found * expected).sum())
    return Stacked(int((found > 0).sum()), max(0.0, divergence))
