"""How near colours are that were made up: error, strength and spread of a and b of CIE Lab, which have the scale of a and b.

Jensen-Shannon divergence of histograms p and q: (KL(p | m) + KL(q | m)) / 2 with m = (p + q) / 2, in bits: 0 for equal ones,
1 for ones that share nothing (Lin 1991).
"""

import torch

from rivals.core.types import Float, Tensor

REACH = 110  # a and b beyond it count as the outermost


def ab_error(made: Float[Tensor, "n 2 h w"], real: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n"]:
    """Mean absolute error of a and b of each picture."""
    return (made - real).abs().flatten(1).mean(1)


def chroma(ab: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n"]:
    """Mean of sqrt(a^2 + b^2) of each picture: how strong its colours are."""
    return ab.square().sum(1).sqrt().flatten(1).mean(1)


def ab_histogram(ab: Float[Tensor, "n 2 h w"], width: float = 4.0) -> Float[Tensor, "bins bins"]:
    """Shares of all pixels in squares of `width` by `width`, the middle one about grey."""
    half = int(REACH // width)
    places = (ab / width).round().clamp(-half, half).long() + half
    side = 2 * half + 1
    counts = torch.bincount((places[:, 0] * side + places[:, 1]).flatten(), minlength=side * side)
    return (counts.double() / counts.sum()).reshape(side, side)


def divergence(p: Float[Tensor, "*bins"], q: Float[Tensor, "*bins"]) -> float:
    """Jensen-Shannon divergence of two histograms, in bits."""
    middle = (p + q) / 2

    def relative(each: Tensor) -> Tensor:
        return (each * (each.clamp(min=1e-30) / middle.clamp(min=1e-30)).log2()).sum()

    return float((relative(p) + relative(q)) / 2)
