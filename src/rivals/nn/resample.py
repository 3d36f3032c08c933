"""Halving and doubling with the smoothing filter [1, 3, 3, 1], for any height and width.

The filter keeps what half the resolution cannot show from turning into false patterns (Zhang 2019, arXiv:1904.11486; in a
GAN, Karras et al. 2020, arXiv:1912.04958).
"""

import torch

from rivals.core.types import Float, Tensor
from rivals.nn.convolution import How, convolve, spread


def _filter(x: Tensor) -> Float[Tensor, "channels 1 4 4"]:
    """[1, 3, 3, 1] along both axes, of sum 1, one copy for each channel."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device)
    return (torch.outer(taps, taps) / 64).expand(x.shape[1], 1, 4, 4)


def double(x: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c hh ww"]:
    """Twice as high and wide, less a row or column where `size` is odd."""
    bigger = spread(x, 4 * _filter(x), How((2, 2), (1, 1), x.shape[1]))
    return bigger[:, :, : size[0], : size[1]]


def even(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
    """x with its last row or column twice where a side is odd."""
    for axis in (2, 3):  # not by padding, whose gradient torch.compile gets wrong where channels come last
        x = torch.cat([x, x.narrow(axis, -1, 1)], axis) if x.shape[axis] % 2 else x
    return x


def halve(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
    """Half as high and wide, rounded up; the edge is repeated where a side is odd."""
    x = even(x)
    return convolve(x, _filter(x), None, How((2, 2), (1, 1), x.shape[1]))
