"""Inception score: exp(E_x KL(p(y | x) || p(y))), p(y) the mean of p(y | x) (Salimans et al. 2016, arXiv:1606.03498).

High where each sample clearly shows one class and all classes occur; it never looks at real data, and a generator that
repeats one fine picture a class wins it.
"""

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.metrics.check import checked
from rivals.metrics.kernel import Spread


def inception_score(logits: Float[Tensor, "n c"], *, splits: int = 10) -> Spread:
    """Mean and deviation of the score over `splits` equal parts in the given order; from 1 to the number of classes.

    A part of few rows scores too high (p(y) is fitted to them), so compare at equal numbers. Rows that do not fill a part
    are left out.

    Raises:
        UserError: fewer rows than splits, or logits that are not finite.
    """
    (logits,) = checked({"logits": logits})
    if not 1 <= splits <= len(logits):
        raise UserError(f"splits is {splits} for {len(logits)} rows; choose from 1 to {len(logits)}")
    size = len(logits) // splits
    logs = logits[: size * splits].log_softmax(1).view(splits, size, -1)
    mean = logs.logsumexp(1, keepdim=True) - torch.tensor(float(size)).log()
    scores = (logs.exp() * (logs - mean)).sum(2).mean(1).exp()
    return Spread(float(scores.mean()), float(scores.std(correction=0)))
