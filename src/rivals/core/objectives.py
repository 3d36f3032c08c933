"""Objectives: the two sides of the value function, scores per sample -> loss per sample.

r = D(x) and f = D(G(z)) are raw scores (logits). `discriminator(r, f)` and `generator(r, f)` are both minimised;
only the `paired` ones read r in the generator's. `probability(r, f)` reads the scores as D(x) and D(G(z)) in (0, 1):
both are 1/2 when the discriminator cannot tell, and V = E log D(x) + E log(1 - D(G(z))) is -log 4.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from torch.nn.functional import relu, softplus

from rivals.core.types import Scores

Side = Callable[[Scores, Scores], Scores]


def _sigmoid(r: Scores, f: Scores) -> tuple[Scores, Scores]:
    return r.sigmoid(), f.sigmoid()


def _centred(r: Scores, f: Scores) -> tuple[Scores, Scores]:
    """Scores that are known only up to a constant (or have no logit's scale): measured from the middle of both means."""
    middle = (r.mean() + f.mean()) / 2
    return (r - middle).sigmoid(), (f - middle).sigmoid()


def _paired(r: Scores, f: Scores) -> tuple[Scores, Scores]:
    return (r - f).sigmoid(), (f - r).sigmoid()


class Objective(NamedTuple):
    """The two losses of a game, and how its scores read as probabilities. `paired`: generator reads real scores.

    coupled: a sample's loss depends on the other samples of its batch.
    """

    discriminator: Side
    generator: Side
    paired: bool = False
    probability: Callable[[Scores, Scores], tuple[Scores, Scores]] = _sigmoid
    coupled: bool = False


# Goodfellow et al. 2014, arXiv:1406.2661, with softplus(-s) = -log sigmoid(s).
minimax = Objective(lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f))
non_saturating = Objective(lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f))

# Mao et al. 2017, arXiv:1611.04076: targets 1 for real, 0 for fake.
least_squares = Objective(
    lambda r, f: ((r - 1).square() + f.square()) / 2,
    lambda r, f: (f - 1).square() / 2,
    probability=lambda r, f: (r.clamp(0, 1), f.clamp(0, 1)),
)

# Arjovsky et al. 2017, arXiv:1701.07875; the critic needs clip_weights or gradient_penalty.
wasserstein = Objective(lambda r, f: f - r, lambda r, f: -f, probability=_centred)

# Lim and Ye 2017, arXiv:1705.02894.
hinge = Objective(lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f, probability=_centred)

# Jolicoeur-Martineau 2018, arXiv:1807.00734: each real against one fake.
relativistic = Objective(lambda r, f: softplus(f - r), lambda r, f: softplus(r - f), paired=True, probability=_paired)

# The same paper: each against the mean of the other side.
relativistic_average = Objective(
    lambda r, f: (softplus(f.mean() - r) + softplus(f - r.mean())) / 2,
    lambda r, f: (softplus(r.mean() - f) + softplus(r - f.mean())) / 2,
    paired=True,
    probability=_centred,
    coupled=True,
)

ObjectiveName = Literal[
    "minimax", "non-saturating", "least-squares", "wasserstein", "hinge", "relativistic", "relativistic-average"
]
OBJECTIVES: dict[ObjectiveName, Objective] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "least-squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic": relativistic,
    "relativistic-average": relativistic_average,
}
