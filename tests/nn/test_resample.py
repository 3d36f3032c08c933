"""Twice and half the size: what is constant stays so save at the border, odd sides are rounded up, and the edge is repeated."""

import pytest
import torch

from rivals.nn.resample import double, even, halve


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(4, 6), (5, 6), (4, 3), (5, 7), (1, 1)])
def test_even_repeats_the_edge_and_gives_it_both_slopes(size: tuple[int, int], layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.double).contiguous(memory_format=layout).requires_grad_()
    rows, columns = (torch.tensor([*range(side), *[side - 1] * (side % 2)]) for side in size)
    wanted, found = x[:, :, rows][..., columns], even(x)
    assert torch.equal(found, wanted)
    weight = torch.randn_like(wanted)
    slopes = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (found, wanted)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (8, 7)])
def test_a_constant_stays_constant_at_half_and_at_twice_the_size(size: tuple[int, int]) -> None:
    x = torch.full((1, 2, *size), 0.7)
    small = halve(x)
    assert small.shape[2:] == tuple((side + 1) // 2 for side in size) and double(small, size).shape == x.shape
    for found in (small, double(x, size)):
        inner = found[:, :, 1:-1, 1:-1]
        assert inner.numel()
        torch.testing.assert_close(inner, torch.full_like(inner, 0.7))
