"""Gated: inpainting by convolutions that learn where to look: act(W1 x) sigmoid(W2 x) (Yu et al. 2019, arXiv:1806.03589).

One stage, with dilated convolutions in the middle so that a hole sees what lies around it.
"""

import torch
from torch import nn
from torch.nn.functional import elu, interpolate

from rivals.core.types import Float, Tensor
from rivals.nn.residual import GAIN, scaled
from rivals.tasks.restoration.networks.light import zero


class GatedConv(nn.Module):
    """act(W1 x) sigmoid(W2 x); stride and dilation as usual, 3x3."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.both = scaled(nn.Conv2d(inputs, 2 * outputs, 3, stride, dilation, dilation), GAIN)

    def forward(self, x: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c hh ww"]:
        features, gates = self.both(x).chunk(2, 1)
        return elu(features) * gates.sigmoid()


class Gated(nn.Module):
    """Picture with a hole of 0 and the hole (1 inside, -1 outside) as last channel (n, c + 1, h, w) -> the picture, filled.

    What was known comes back bit for bit. h and w must be multiples of 4. blocks: dilated convolutions, at 1, 2, 4, 8 ... 16.
    """

    multiple = 4

    def __init__(self, channels: int, *, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        self.see, self.first = GatedConv(channels + 1, width), GatedConv(width, 2 * width, stride=2)
        self.second = GatedConv(2 * width, 4 * width, stride=2)
        self.middle = nn.ModuleList(GatedConv(4 * width, 4 * width, dilation=min(2**index, 16)) for index in range(blocks))
        self.third, self.fourth = GatedConv(4 * width, 2 * width), GatedConv(2 * width, width)
        self.last, self.paint = GatedConv(width, width), nn.Conv2d(width, channels, 3, padding=1)
        zero(self.paint)

    def forward(self, x: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
        fine = self.see(x)
        half = self.first(fine)
        quarter = self.second(half)
        for layer in self.middle:
            quarter = quarter + layer(quarter)
        half = half + self.third(interpolate(quarter, scale_factor=2))
        fine = fine + self.fourth(interpolate(half, scale_factor=2))
        known, inside = x[:, :-1], x[:, -1:] > 0
        return torch.where(inside, self.paint(self.last(fine)), known)
