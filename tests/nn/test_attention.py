"""Self-attention: identity at first, reaches across the picture afterwards, and against a plain formula."""

import pytest
import torch

from rivals.nn.attention import Attention
from rivals.nn.normalise import spectral


@pytest.mark.parametrize("size", [(7, 5), (4, 3), (1, 1), (28, 23)])
def test_it_starts_as_identity(size: tuple[int, int]) -> None:
    x = torch.randn(2, 8, *size)
    assert torch.equal(Attention(8, wrap=spectral)(x), x)
    assert torch.equal(Attention(3)(x[:, :3]), x[:, :3])


def test_it_sees_far_pixels_once_gamma_is_not_zero() -> None:
    x, attention = torch.randn(1, 8, 9, 9, requires_grad=True), Attention(8)
    reach = torch.autograd.grad(attention(x)[0, :, 0, 0].sum(), x)[0]
    assert reach[0, :, 8, 8].abs().max() == 0
    torch.nn.init.ones_(attention.gamma)
    reach = torch.autograd.grad(attention(x)[0, :, 0, 0].sum(), x)[0]
    assert reach[0, :, 8, 8].abs().max() > 0


def test_the_formula_at_every_place() -> None:
    torch.manual_seed(0)
    x, attention = torch.randn(1, 8, 3, 4), Attention(8)
    torch.nn.init.constant_(attention.gamma, 0.5)
    blocks = [(slice(i, i + 2), slice(j, j + 2)) for i in (0, 2) for j in (0, 2)]
    key, value = (torch.stack([to(x)[0][:, a, b].amax((1, 2)) for a, b in blocks], 1) for to in (attention.key, attention.value))
    for i in range(3):
        for j in range(4):
            weights = (attention.query(x)[0, :, i, j] @ key).softmax(0)
            found = attention.widen((value @ weights)[None, :, None, None])[0, :, 0, 0]
            torch.testing.assert_close(attention(x)[0, :, i, j], x[0, :, i, j] + 0.5 * found)


def test_it_has_a_second_derivative() -> None:
    x, attention = torch.randn(1, 8, 4, 4, requires_grad=True), Attention(8)
    torch.nn.init.ones_(attention.gamma)
    (slope,) = torch.autograd.grad(attention(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert attention.query.weight.grad is not None and attention.query.weight.grad.abs().sum() > 0
