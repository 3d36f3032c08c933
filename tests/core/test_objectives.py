"""Objectives: each of the seven against its closed form on scores that a person can check by hand."""

from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rivals.core import objectives
from rivals.core.objectives import OBJECTIVES
from rivals.core.types import Tensor

numbers = st.floats(-20, 20, width=32, allow_subnormal=False)
scores = st.lists(numbers, min_size=4, max_size=4).map(torch.tensor)
L2 = log(2)
# name: losses (discriminator, generator) at r = 0, f = 0, and at r = 2, f = -1; log(1 + e^s) = softplus(s)
CLOSED = {
    "minimax": (2 * L2, -L2, log(1 + exp(-2)) + log(1 + exp(-1)), -log(1 + exp(-1))),
    "non-saturating": (2 * L2, L2, log(1 + exp(-2)) + log(1 + exp(-1)), log(1 + exp(1))),
    "least-squares": (0.5, 0.5, (1 + 1) / 2, 4 / 2),
    "wasserstein": (0, 0, -3, 1),
    "hinge": (2, 0, 0 + 0, 1),
    "relativistic": (L2, L2, log(1 + exp(-3)), log(1 + exp(3))),
    "relativistic-average": (L2, L2, log(1 + exp(-3)), log(1 + exp(3))),
}
every = pytest.mark.parametrize("name", OBJECTIVES)


def test_all_are_named() -> None:
    assert OBJECTIVES.keys() == CLOSED.keys()
    assert {name for name, objective in OBJECTIVES.items() if objective.paired} == {"relativistic", "relativistic-average"}
    assert {name for name, objective in OBJECTIVES.items() if objective.coupled} == {"relativistic-average"}


@every
@pytest.mark.parametrize("shape", [(3,), (3, 1, 2, 4)])
def test_closed_forms(name: str, shape: tuple[int, ...]) -> None:
    objective, found = OBJECTIVES[name], []
    for real, fake in [(0.0, 0.0), (2.0, -1.0)]:
        r, f = torch.full(shape, real), torch.full(shape, fake)
        for side in (objective.discriminator(r, f), objective.generator(r, f)):
            assert side.shape == shape and torch.allclose(side, side.flatten()[0])  # vector units round apart
            found.append(side.flatten()[0].item())
    assert found == pytest.approx(CLOSED[name], abs=1e-6)


def test_relativistic_average_measures_each_side_from_the_mean_of_the_other() -> None:
    r, f = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 3.0])  # means 1 and 1
    sides = objectives.relativistic_average
    d = [(log(1 + exp(1)) + log(1 + exp(-2))) / 2, (log(1 + exp(-1)) + log(1 + exp(2))) / 2]
    g = [(log(1 + exp(2)) + log(1 + exp(-1))) / 2, (log(1 + exp(-2)) + log(1 + exp(1))) / 2]
    assert sides.discriminator(r, f).tolist() == pytest.approx(d)
    assert sides.generator(r, f).tolist() == pytest.approx(g)


@every
@given(r=scores, f=scores)
def test_the_sides_pull_scores_apart_and_together(name: str, r: Tensor, f: Tensor) -> None:
    r, f = r.requires_grad_(), f.requires_grad_()
    objective = OBJECTIVES[name]
    real, fake = torch.autograd.grad(objective.discriminator(r, f).mean(), (r, f))
    if name == "least-squares":  # towards 1 and 0, from either side
        assert torch.all(real * (r - 1) >= 0) and torch.all(fake * f >= 0)
    else:
        assert torch.all(real <= 0) and torch.all(fake >= 0)  # descent raises D(x) and lowers D(G(z))
    (fake,) = torch.autograd.grad(objective.generator(r.detach(), f).mean(), f)
    assert torch.all(fake * (f - 1) >= 0) if name == "least-squares" else torch.all(fake <= 0)


@every
@given(r=scores, f=scores)
def test_only_paired_generators_read_the_real_scores(name: str, r: Tensor, f: Tensor) -> None:
    objective = OBJECTIVES[name]
    same = torch.equal(objective.generator(r, f), objective.generator(r + 1, f))
    assert same or objective.paired


def test_minimax_saturates_where_non_saturating_does_not() -> None:
    f = torch.tensor([0.0, -10.0, -100.0], requires_grad=True)
    (minimax,) = torch.autograd.grad(objectives.minimax.generator(f, f).sum(), f)
    (other,) = torch.autograd.grad(objectives.non_saturating.generator(f, f).sum(), f)
    assert minimax.tolist() == pytest.approx([-0.5, -exp(-10), 0], abs=1e-7)
    assert other.tolist() == pytest.approx([-0.5, -1, -1], abs=1e-4)


@every
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_losses_and_gradients_are_finite_at_huge_scores(name: str, scale: float) -> None:
    r = torch.tensor([scale, -scale], requires_grad=True)
    f = torch.tensor([-scale, scale], requires_grad=True)
    for side in (OBJECTIVES[name].discriminator, OBJECTIVES[name].generator):
        loss = side(r, f).mean()
        gradients = torch.autograd.grad(loss, (r, f), allow_unused=True)
        assert loss.isfinite() and all(g is None or g.isfinite().all() for g in gradients)


@every
@given(r=scores, f=scores)
def test_probabilities_are_probabilities(name: str, r: Tensor, f: Tensor) -> None:
    for side in OBJECTIVES[name].probability(r, f):
        assert side.shape == r.shape and torch.all((side >= 0) & (side <= 1))


@every
def test_at_equality_probabilities_are_a_half_and_the_value_minus_log_4(name: str) -> None:
    blind = torch.full((5,), 0.5 if name == "least-squares" else 0.0)  # least squares cannot tell at 1/2
    real, fake = OBJECTIVES[name].probability(blind, blind)
    assert torch.allclose(real, torch.tensor(0.5)) and torch.allclose(fake, torch.tensor(0.5))
    assert (real.log().mean() + (1 - fake).log().mean()).item() == pytest.approx(-log(4))


@pytest.mark.parametrize("name", ["wasserstein", "hinge", "relativistic", "relativistic-average"])
@given(r=scores, f=scores, shift=numbers)
def test_scores_without_an_origin_read_the_same_when_shifted(name: str, r: Tensor, f: Tensor, shift: float) -> None:
    objective = OBJECTIVES[name]
    for one, other in zip(objective.probability(r, f), objective.probability(r + shift, f + shift), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    if objective.paired:
        for side in (objective.discriminator, objective.generator):
            assert torch.allclose(side(r, f), side(r + shift, f + shift), atol=1e-4)
