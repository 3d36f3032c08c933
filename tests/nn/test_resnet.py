"""Residual blocks at any size: shapes, the sums of the papers written out, no checkerboard."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from rivals.core.errors import UserError
from rivals.nn.format import Format, ladder
from rivals.nn.normalise import plain
from rivals.nn.resnet import Down, Up, grow, pool, widths

SIZES = [(8, 8), (13, 10), (7, 4), (5, 9), (2, 3)]


@pytest.mark.parametrize("size", SIZES)
def test_grow_and_pool_follow_the_ladder(size: tuple[int, int]) -> None:
    half = (size[0] + 1) // 2, (size[1] + 1) // 2
    small = pool(torch.randn(2, 3, *size))
    assert small.shape[2:] == half
    assert grow(small, size).shape[2:] == size
    assert torch.equal(grow(small, half), small)


def test_grow_repeats_pixels_and_pool_takes_their_mean() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert torch.equal(grow(x, (3, 6))[0, 0, 0], torch.tensor([0.0, 0, 1, 1, 2, 2]))
    torch.testing.assert_close(pool(grow(x, (3, 5))), x)  # the lone last row and column too
    torch.testing.assert_close(pool(x), torch.tensor([[[[2.0, 3.5]]]]))


def test_widths() -> None:
    assert widths(Format(1, 28, 28), 32, 100) == [100, 100, 64, 32]
    assert len(widths(Format(1, 112, 92), 8, 64)) == len(ladder(112, 92)) == 6
    with pytest.raises(UserError, match="4x3 pixels are too small"):
        widths(Format(1, 4, 3), 32, 64)


@pytest.mark.parametrize("size", SIZES)
def test_blocks_fit_any_size(size: tuple[int, int]) -> None:
    half = (size[0] + 1) // 2, (size[1] + 1) // 2
    assert Up(4, 3, size, wrap=plain, change=lambda _: None)(torch.randn(2, 4, *half)).shape == (2, 3, *size)
    for first in (True, False):
        assert Down(3, 4, wrap=plain, first=first)(torch.randn(2, 3, *size)).shape == (2, 4, *half)
        assert Down(3, 4, wrap=plain, keep=True, first=first)(torch.randn(2, 3, *size)).shape == (2, 4, *size)


def test_up_is_the_papers_sum() -> None:
    block, x = Up(4, 3, (6, 4), wrap=plain, change=lambda _: None), torch.randn(5, 4, 3, 2)
    double = lambda each: interpolate(each, scale_factor=2.0)  # noqa: E731
    inner = block.conv1(double(relu(nn.BatchNorm2d(4)(x))))
    inner = block.conv2(relu(nn.BatchNorm2d(3)(inner)))
    torch.testing.assert_close(block(x), inner + block.shortcut(double(x)))


def test_down_is_the_papers_sum() -> None:
    block, x = Down(3, 4, wrap=plain), torch.randn(2, 3, 6, 8)
    whole = block.conv2(relu(block.conv1(relu(x)))) + block.shortcut(x)
    torch.testing.assert_close(block(x), avg_pool2d(whole, 2))
    first, keep = Down(3, 4, wrap=plain, first=True), Down(3, 3, wrap=plain, keep=True)
    torch.testing.assert_close(first(x), avg_pool2d(first.conv2(relu(first.conv1(x))) + first.shortcut(x), 2))
    torch.testing.assert_close(keep(x), keep.conv2(relu(keep.conv1(relu(x)))) + x)


def test_doubling_makes_no_checkerboard_where_a_transposed_convolution_does() -> None:
    """A flat input stays flat inside, whatever the weights are."""
    flat = torch.ones(1, 6, 8, 8)
    ours = nn.Conv2d(6, 3, 3, padding=1)(grow(flat, (16, 16)))[:, :, 2:-2, 2:-2]
    theirs = nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1, output_padding=1)(flat)[:, :, 2:-2, 2:-2]
    assert ours.std((2, 3)).max() < 1e-6
    assert theirs.std((2, 3)).max() > 1e-2
