"""Measures from a classifier's verdict: does a sample show its label, and are all classes or modes there?"""

import math
from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Int, Tensor
from rivals.metrics.check import checked


class ModeCoverage(NamedTuple):
    """Modes captured (count), share of high-quality samples (0 to 1), reverse KL to the uniform histogram in nats."""

    covered: int
    share: float
    divergence: float


def label_agreement(logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> float:
    """Share of samples, 0 to 1, whose largest logit is at the label that the generator was given.

    A classifier's own accuracy on real data is the honest bound. Agreement says nothing of diversity within a label.

    Raises:
        UserError: no rows, unequal numbers of rows, a label outside 0 ... c - 1, or logits that are not finite.
    """
    (logits,) = checked({"logits": logits})
    if labels.shape != (len(logits),):
        raise UserError(f"labels have shape {tuple(labels.shape)}; give {len(logits)}, one a row of logits")
    if int(labels.min()) < 0 or int(labels.max()) >= logits.shape[1]:
        low, high = int(labels.min()), int(labels.max())
        raise UserError(f"labels run from {low} to {high}; they must lie in 0 to {logits.shape[1] - 1}")
    return int((logits.argmax(1) == labels.to(logits.device)).sum()) / len(logits)


def class_coverage(logits: Float[Tensor, "n c"], classes: int) -> int:
    """Number of classes, of `classes` in all, that the classifier assigns to at least one sample.

    Raises:
        UserError: no rows, a number of logits other than `classes`, or logits that are not finite.
    """
    (logits,) = checked({"logits": logits})
    if logits.shape[1] != classes:
        raise UserError(f"logits have {logits.shape[1]} columns for {classes} classes; give one column for each class")
    return len(torch.unique(logits.argmax(1)))


def mode_coverage(
    samples: Float[Tensor, "n 2"], centres: Float[Tensor, "k 2"], deviation: float, radius: float = 3.0
) -> ModeCoverage:
    """Modes that a generator hits on a plane of k equal isotropic Gaussians, such as the ring and the grid.

    A sample belongs to its nearest centre and is of high quality within `radius` standard deviations (`deviation`, in
    data units) of it. The usual convention (VEEGAN, Srivastava et al. 2017, arXiv:1705.07761) takes a mode as captured
    with one such sample; this one is stricter: a tenth of its fair share, max(1, n / (10 k)), so that a mode is not
    won by chance. Real data of these benchmarks reach a share of 1 - exp(-radius^2 / 2) = 0.989 at radius 3, not 1.
    The divergence is KL(histogram of all samples over modes || uniform), from 0 to log k (Lin et al. 2018, PacGAN,
    arXiv:1712.04086).

    Raises:
        UserError: an empty set, a deviation or radius that is not positive, or coordinates that are not finite.
    """
    samples, centres = checked({"samples": samples, "centres": centres})
    if not (deviation > 0 and radius > 0):
        raise UserError(f"deviation is {deviation} and radius is {radius}; both must be positive")
    distance, mode = torch.cdist(samples, centres, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    good = distance <= radius * deviation
    modes = len(centres)
    captured = mode[good].bincount(minlength=modes) >= max(1.0, len(samples) / (10 * modes))
    histogram = mode.bincount(minlength=modes).double() / len(samples)
    divergence = math.log(modes) + float(torch.special.xlogy(histogram, histogram).sum())
    return ModeCoverage(int(captured.sum()), int(good.sum()) / len(samples), max(0.0, divergence))
