"""What a private run may spend and does: the noise that keeps it within (epsilon, delta).

A model is (epsilon, delta)-private if P(model(rows) in S) <= e^epsilon P(model(rows') in S) + delta for all S and all tables
that differ by one row more or less (Dwork et al. 2006). T releases of a sum to which a row adds at most C, with noise N(0,
(noise C)^2), have the Renyi divergence T alpha / (2 noise^2) of order alpha (Mironov 2017, arXiv:1702.07476), less where each
row takes part with probability `rate` alone (Mironov et al. 2019, arXiv:1908.10530). The figures are those of opacus, whose
step from there to epsilon is that of Balle et al. 2020, arXiv:1905.09870.
"""

import math
import warnings
from typing import NamedTuple

from rivals.core.errors import UserError

ORDERS = [1.125, 1.25, 1.375, 1.5, 1.75, 2.25, 2.5, 2.75, 3.5, 4.5, 5.5, *range(2, 65), 80, 96, 128, 192, 256, 384, 512, 1024]
SHARE = 0.1  # of epsilon, for the histograms that the encoding needs
MOST = 1e4  # noise above which nothing is learnt


class Releases(NamedTuple):
    """`steps` sums over the rows, each row in each of them with probability `rate`; noise: its deviation / what a row can add."""

    noise: float
    rate: float
    steps: int


class Plan(NamedTuple):
    """The noise of the histograms and of each training step, and the epsilon that both together spend at `delta`."""

    histograms: Releases
    training: Releases
    epsilon: float
    delta: float


def missing_opacus() -> UserError:
    return UserError("a private run needs the package opacus: pip install 'rivals[dp]'")


def spent(releases: list[Releases], delta: float) -> float:
    """The epsilon of several releases on the same rows; infinite without noise. Raises UserError where opacus is missing."""
    try:
        from opacus.accountants.analysis import rdp as renyi
    except ImportError:
        raise missing_opacus() from None
    if any(not each.noise for each in releases if each.steps):
        return math.inf
    used = [each for each in releases if each.steps and each.rate]
    if not used:
        return 0.0
    total = sum(renyi.compute_rdp(q=each.rate, noise_multiplier=each.noise, steps=each.steps, orders=ORDERS) for each in used)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a larger order might tell a smaller epsilon: this one holds
        epsilon, _ = renyi.get_privacy_spent(orders=ORDERS, rdp=total, delta=delta)
    return float(epsilon)


def plan(epsilon: float, delta: float, rate: float, steps: int) -> Plan:
    """The least noise with which one release of the histograms and `steps` of training stay within (epsilon, delta).

    A tenth of epsilon is for the histograms, were they alone. Raises UserError for a budget that no noise can keep.
    """
    if not epsilon > 0 or not 0 < delta < 1:
        raise UserError(f"epsilon is {epsilon} and delta {delta}: give epsilon above 0 and delta between 0 and 1")
    if math.isinf(epsilon):
        return Plan(Releases(0.0, 1.0, 1), Releases(0.0, rate, steps), math.inf, delta)
    histograms = Releases(_least(Releases(0.0, 1.0, 1), [], SHARE * epsilon, delta), 1.0, 1)
    training = Releases(_least(Releases(0.0, rate, steps), [histograms], epsilon, delta), rate, steps)
    return Plan(histograms, training, spent([histograms, training], delta), delta)


def _least(release: Releases, others: list[Releases], epsilon: float, delta: float) -> float:
    """The least noise, to a thousandth, with which a release and the others spend at most epsilon."""
    low, high = 1e-2, MOST
    if spent([release._replace(noise=high), *others], delta) > epsilon:
        raise UserError(f"epsilon {epsilon:g} at delta {delta:g} leaves nothing to learn: give a larger epsilon")
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        if spent([release._replace(noise=middle), *others], delta) > epsilon:
            low = middle
        else:
            high = middle
    return float(f"{high * 1.0001:.5g}")  # few digits, rounded up: the same on every machine
