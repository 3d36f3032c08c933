"""Convolutions with a double backward of their own: the same values and slopes as PyTorch's, to the second order."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d, conv_transpose2d

from rivals.nn import convolution
from rivals.nn.convolution import Conv2d, Convolve, How, Spread, spread

HOWS = [How(padding=(1, 1)), How((2, 2), (1, 1)), How((2, 1), (0, 1), 2), How((1, 1), (1, 1), 4)]


def operands(how: How, side: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 6, 5, dtype=torch.double, generator=draw, requires_grad=True)
    w = torch.randn(4, 4 // how.groups, side, side, dtype=torch.double, generator=draw, requires_grad=True)
    return x, w, torch.randn(4, dtype=torch.double, generator=draw, requires_grad=True)


@pytest.mark.parametrize("how", HOWS)
def test_a_convolution_is_pytorchs_to_the_second_order(how: How) -> None:
    x, w, b = operands(how)
    assert Convolve.apply(x, w, b, how).equal(conv2d(x, w, b, how.stride, how.padding, 1, how.groups))
    assert gradcheck(lambda *a: Convolve.apply(*a, how), (x, w, b))
    assert gradgradcheck(lambda *a: Convolve.apply(*a, how), (x, w, b))


@pytest.mark.parametrize("how", HOWS)
def test_its_transpose_too(how: How) -> None:
    x, w, _ = operands(how, side=4)
    y = conv_transpose2d(x, w, None, how.stride, how.padding, 0, how.groups)
    like = torch.empty_like(y)
    assert torch.allclose(Spread.apply(x, w, like, how), y)
    assert gradcheck(lambda *a: Spread.apply(*a, like, how), (x, w))
    assert gradgradcheck(lambda *a: Spread.apply(*a, like, how), (x, w))


def test_a_slope_penalty_has_the_same_gradient_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Conv2d(3, 8, 3, padding=1), nn.LeakyReLU(0.2), Conv2d(8, 8, 3, padding=1, groups=2), nn.Flatten())
    x = torch.randn(4, 3, 7, 6)

    def penalty() -> list[torch.Tensor]:
        seen = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(network(seen).square().sum(), seen, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), list(network.parameters()), allow_unused=True))

    by_pytorch = penalty()
    monkeypatch.setattr(convolution, "convolve", lambda x, w, b, how: Convolve.apply(x, w, b, how))
    for ours, theirs in zip(penalty(), by_pytorch, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


def test_on_a_cpu_pytorchs_own_way_stays() -> None:
    x, w, _ = operands(HOWS[1])
    assert "Spread" not in str(spread(x, w, HOWS[1]).grad_fn)
