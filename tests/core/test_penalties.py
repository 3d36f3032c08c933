"""Penalties against closed forms: a linear discriminator w.x + b (gradient w) and a quadratic one x.x/2 (gradient x)."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.autograd.function import once_differentiable

from rivals.core.penalties import (
    LeCam,
    PathLength,
    Penalty,
    Verdict,
    clip_weights,
    consistency,
    dragan,
    feature_matching,
    gradient_penalty,
    mode_seeking,
    r1,
    r2,
    slope,
)
from rivals.core.schedules import linear
from rivals.core.types import Tensor

numbers = st.floats(-3, 3, width=32, allow_subnormal=False)
points = st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=5).map(torch.tensor)
Score = Callable[[Tensor], Tensor]


def quadratic(x: Tensor) -> Tensor:
    return x.flatten(1).square().sum(1) / 2


def affine(w: Tensor, b: float = 0.3) -> Score:
    return lambda x: x.flatten(1) @ w + b


def verdict(discriminator: Score, real: Tensor, fake: Tensor | None = None, progress: float = 0.0) -> Verdict:
    real = real.detach().clone().requires_grad_()
    fake = (real + 1 if fake is None else fake).detach().clone().requires_grad_()
    return Verdict(discriminator, real, fake, discriminator(real), discriminator(fake), progress)


W = torch.tensor([1.0, -2.0, 2.0])  # |w| = 3


@given(x=points, gamma=st.floats(0, 10, allow_subnormal=False))
def test_r1_and_r2_are_exact(x: Tensor, gamma: float) -> None:
    v = verdict(quadratic, x)
    assert torch.allclose(r1(gamma)(v), gamma / 2 * x.square().sum(1), rtol=1e-5)
    assert torch.allclose(r2(gamma)(v), gamma / 2 * (x + 1).square().sum(1), rtol=1e-5)
    v = verdict(affine(W), x)
    assert torch.allclose(r1(gamma)(v), torch.full((len(x),), gamma * 4.5))
    assert torch.allclose(r2(gamma)(v), torch.full((len(x),), gamma * 4.5))


@pytest.mark.parametrize("penalty", [r1(3.0), r2(3.0)])
def test_the_weights_gradient_by_hand(penalty: Penalty) -> None:
    w = W.clone().requires_grad_()
    penalty(verdict(affine(w), torch.randn(4, 3))).mean().backward()
    assert torch.allclose(w.grad, 3 * W)  # d/dw (gamma/2 |w|^2) = gamma w


def test_the_slope_of_images_and_patches_sums_over_all_axes() -> None:
    x = torch.randn(2, 3, 4, 4).requires_grad_()
    patches = 2 * x[:, :1, ::2, ::2]  # (2, 1, 2, 2): each reads one pixel, with slope 2
    assert torch.allclose(slope(patches, x), torch.full((2,), 4 * 4.0))


@pytest.mark.parametrize("penalty", [r1(1.0), r2(1.0), consistency(lambda x: x + 1)])
def test_each_sample_pays_for_itself(penalty: Penalty) -> None:
    x = torch.randn(5, 3)
    one_by_one = torch.cat([penalty(verdict(quadratic, row[None])) for row in x])
    assert torch.allclose(penalty(verdict(quadratic, x)), one_by_one, rtol=1e-5)


@pytest.mark.parametrize("make", [r1, r2])
def test_the_finite_difference_is_the_slope_in_expectation(make: Callable[..., Penalty]) -> None:
    torch.manual_seed(0)
    x = torch.tensor([[1.0, -2.0, 2.0]]).repeat(20_000, 1)
    shift = 0 if make is r1 else 1
    for discriminator, square in [(affine(W), 9.0), (quadratic, (x[0] + shift).square().sum().item())]:
        terms = make(4.0, step=1e-2)(verdict(discriminator, x))
        error = 4 / 2 * square * math.sqrt(2 / len(x))  # var (w.e)^2 = 2 |w|^4
        assert terms.mean().item() == pytest.approx(4 / 2 * square, abs=4 * error)


def test_the_finite_difference_has_the_slopes_gradient_in_expectation() -> None:
    torch.manual_seed(0)
    w = W.clone().requires_grad_()
    r1(3.0, step=0.1)(verdict(affine(w), torch.zeros(40_000, 3))).mean().backward()
    assert torch.allclose(w.grad, 3 * W, atol=0.25)


class Once(torch.autograd.Function):
    """w x, whose backward cannot be differentiated again, as in many fused kernels."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, w = ctx.saved_tensors
        return grad[:, None] * w, grad @ x


def test_the_finite_difference_needs_no_double_backward() -> None:
    w, x = W.clone().requires_grad_(), torch.randn(4, 3)
    r1(1.0, step=0.1)(verdict(lambda x: Once.apply(x, w).tanh(), x)).mean().backward()
    assert w.grad is not None and w.grad.abs().sum() > 0
    with pytest.raises(RuntimeError, match="once_differentiable"):
        r1(1.0)(verdict(lambda x: Once.apply(x, w).tanh(), x)).mean().backward()


@given(x=points)
def test_gradient_penalty_by_hand(x: Tensor) -> None:
    for norm, w in [(3.0, W), (0.5, W / 6)]:
        v = verdict(affine(w), x)
        assert torch.allclose(gradient_penalty(10.0)(v), torch.full((len(x),), 10 * (norm - 1) ** 2), atol=1e-4)
        one = 10 * max(norm - 1, 0.0) ** 2
        assert torch.allclose(gradient_penalty(10.0, one_sided=True)(v), torch.full((len(x),), one), atol=1e-4)
    same = verdict(quadratic, x, fake=x)  # every point between x and x is x
    assert torch.allclose(gradient_penalty(1.0)(same), (x.norm(dim=1) - 1).square(), atol=1e-4)


def test_gradient_penalty_looks_between_real_and_fake() -> None:
    torch.manual_seed(0)
    real, fake = torch.zeros(5000, 1, 1, 1), torch.full((5000, 1, 1, 1), 2.0)
    terms = gradient_penalty(1.0)(verdict(quadratic, real, fake))  # (2 (1 - u) - 1)^2, u ~ U(0, 1)
    assert terms.min() >= 0 and terms.max() <= 1
    assert terms.mean().item() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("penalty", [gradient_penalty(1.0), dragan(1.0)])
def test_a_flat_discriminator_gives_no_nan(penalty: Penalty) -> None:
    w = torch.zeros(3, requires_grad=True)
    term = penalty(verdict(affine(w), torch.randn(4, 3))).mean()
    term.backward()
    assert term.item() == pytest.approx(1, abs=1e-4) and w.grad.isfinite().all()


def test_gradient_penalty_reaches_the_weights() -> None:
    w = W.clone().requires_grad_()
    gradient_penalty(10.0)(verdict(affine(w), torch.randn(4, 3))).mean().backward()
    assert torch.allclose(w.grad, 10 * 2 * (3 - 1) * W / 3)  # d/dw weight (|w| - 1)^2


def test_dragan_by_hand() -> None:
    torch.manual_seed(0)
    x = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert torch.allclose(dragan(2.0, spread=0.0)(verdict(quadratic, x)), torch.tensor([2 * 16.0, 2.0]), atol=1e-4)
    assert torch.allclose(dragan(10.0)(verdict(affine(W), x)), torch.tensor(10 * 4.0))
    line = torch.cat([torch.zeros(5000, 1), torch.full((5000, 1), 2.0)])  # std 1
    terms = dragan(1.0, spread=0.5)(verdict(quadratic, line))  # at 0: (d - 1)^2, at 2: (d + 1)^2, d ~ U(0, 1/2)
    assert terms[:5000].min() >= 0.25 and terms[5000:].max() <= 2.25 + 1e-3
    assert terms[:5000].mean().item() == pytest.approx(7 / 12, abs=0.02)


def test_lecam_anchors_by_hand() -> None:
    lecam, score = LeCam(2.0, decay=0.75), lambda x: x.flatten(1).sum(1)
    a_real = a_fake = 0.0
    for real, fake in [(1.0, -1.0), (3.0, 0.0), (-2.0, 5.0)]:
        a_real, a_fake = 0.75 * a_real + 0.25 * real, 0.75 * a_fake + 0.25 * fake
        found = lecam(verdict(score, torch.full((2, 1), real), torch.full((2, 1), fake)))
        assert found.tolist() == pytest.approx([2 * ((real - a_fake) ** 2 + (fake - a_real) ** 2)] * 2)
    assert (lecam.real.item(), lecam.fake.item()) == pytest.approx((a_real, a_fake))
    assert (a_real, a_fake) == pytest.approx((0.203125, 1.109375))


def test_lecam_twice_before_one_backward() -> None:
    w, lecam = W.clone().requires_grad_(), LeCam()
    terms = [lecam(verdict(affine(w), torch.randn(4, 3))).mean() for _ in range(2)]
    sum(terms).backward()  # the anchors of the first call have moved in place since
    assert w.grad.isfinite().all() and set(lecam.state_dict()) == {"real", "fake"}


def test_consistency_under_a_shift() -> None:
    x = torch.randn(4, 3)
    v = verdict(affine(W), x)
    moved = consistency(lambda x: x + torch.tensor([1.0, 0.0, 1.0]), 5.0)(v)  # w.shift = 3, real and fake alike
    assert torch.allclose(moved, torch.full((4,), 5 * (9 + 9.0)), rtol=1e-4)
    assert torch.equal(consistency(lambda x: x)(v), torch.zeros(4))


@pytest.mark.parametrize("make", [r1, r2, gradient_penalty, dragan, LeCam, lambda w: consistency(lambda x: x + 1, w)])
def test_strengths_follow_schedules(make: Callable[..., Penalty]) -> None:
    def at(strength: object, progress: float) -> Tensor:
        torch.manual_seed(0)
        return make(strength)(verdict(quadratic, torch.ones(3, 2), progress=progress))

    for progress in (0.0, 0.5, 1.0):
        assert torch.allclose(at(linear(4, 0), progress), (1 - progress) * at(4.0, 0.0))


@pytest.mark.parametrize("penalty", [r1(1.0), r2(1.0), r1(1.0, step=0.1), gradient_penalty(), dragan(), LeCam()])
def test_patch_scores_and_images_pass(penalty: Penalty) -> None:
    conv = nn.Conv2d(3, 1, 3, stride=2)
    term = penalty(verdict(conv, torch.randn(2, 3, 8, 8)))
    assert len(term) == 2
    term.mean().backward()
    assert conv.weight.grad is not None and conv.weight.grad.isfinite().all()


@pytest.mark.parametrize("penalty", [r1(1.0), r2(1.0), r2(1.0, step=0.1), gradient_penalty(), dragan(), LeCam()])
def test_fakes_in_bf16_beside_reals_in_full_precision_pass(penalty: Penalty) -> None:
    layer = nn.Linear(3, 1)
    with torch.autocast("cpu", torch.bfloat16):
        v = verdict(lambda x: layer(x).squeeze(1), torch.randn(4, 3), torch.randn(4, 3).bfloat16())
        penalty(v).mean().backward()
    assert layer.weight.grad.isfinite().all() and layer.weight.grad.abs().sum() > 0


def test_those_that_mix_samples_say_so() -> None:
    assert LeCam().coupled and dragan().coupled
    assert not any(getattr(p, "coupled", False) for p in (r1(1.0), r2(1.0), gradient_penalty(), consistency(abs)))


def test_clip_weights() -> None:
    player = nn.Linear(2, 2)
    with torch.no_grad():
        player.weight.copy_(torch.tensor([[5.0, -5.0], [0.005, -0.01]]))
        player.bias.fill_(-1)
    clip_weights(0.01)(player)
    assert torch.equal(player.weight, torch.tensor([[0.01, -0.01], [0.005, -0.01]]))
    assert torch.all(player.bias == -0.01) and player.weight.requires_grad


def test_feature_matching_by_hand() -> None:
    real = [torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 1, 4, 4, requires_grad=True)]
    fake = [torch.full((2, 3), 2.0, requires_grad=True), torch.full((2, 1, 4, 4), -4.0, requires_grad=True)]
    term = feature_matching(real, fake)
    assert term.item() == 3  # each layer counts the same, however large
    term.backward()
    assert all(layer.grad is None for layer in real)
    assert torch.allclose(fake[0].grad, torch.tensor(1 / 6 / 2)) and torch.allclose(fake[1].grad, torch.tensor(-1 / 32 / 2))
    with pytest.raises(ValueError, match="shorter"):
        feature_matching(real, fake[:1])


def test_mode_seeking_by_hand() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 4.0], [1.0, 3.0]])  # pairs (0, 2), (1, 3): L1 means 3 and 1
    fake = torch.tensor([[0.0], [0.0], [6.0], [0.5]]).requires_grad_()  # 6 and 1/2
    term = mode_seeking(fake, z)
    assert term.item() == pytest.approx((3 / 6 + 1 / 0.5) / 2, rel=1e-4)
    term.backward()
    assert fake.grad[2] < 0 < fake.grad[0]  # descent drives them apart
    assert mode_seeking(torch.zeros(4, 1), z).isfinite()  # where all modes have collapsed
    assert torch.equal(mode_seeking(torch.cat([fake, fake[:1]]), torch.cat([z, z[:1]])), mode_seeking(fake, z))  # odd n


def test_path_length_of_a_linear_generator() -> None:
    torch.manual_seed(0)
    J, w = torch.randn(2 * 3 * 4, 5), torch.randn(20_000, 5).requires_grad_()
    squares = PathLength(decay=1.0)((w @ J.T).view(-1, 2, 3, 4), w)  # the mean stays 0: |J^T y|^2
    assert squares.mean().item() == pytest.approx(J.square().sum().item() / 12, rel=0.02)  # E = |J|_F^2 / pixels


def test_path_lengths_running_mean_by_hand() -> None:
    w, length, mean = torch.ones(4, 1, requires_grad=True), PathLength(decay=0.5), 0.0
    for step in range(3):
        torch.manual_seed(step)
        y = torch.randn(4, 1)
        torch.manual_seed(step)
        found = length(3 * w, w)  # |J^T y| = 3 |y|
        mean = 0.5 * mean + 0.5 * 3 * y.abs().mean().item()
        assert torch.allclose(found, (3 * y.abs().flatten() - mean).square(), atol=1e-5)
        assert length.mean.item() == pytest.approx(mean, rel=1e-5)


def test_path_length_of_a_flat_generator_gives_no_nan() -> None:
    w, J = torch.randn(4, 5, requires_grad=True), torch.zeros(8, 5, requires_grad=True)  # a layer that starts at zero
    PathLength()((w @ J.T).view(4, 2, 2, 2), w).mean().backward()
    assert J.grad.isfinite().all()
