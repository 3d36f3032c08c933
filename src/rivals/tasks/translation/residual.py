"""A residual generator of pictures from pictures: down, residual blocks, up (Johnson et al. 2016, arXiv:1603.08155).

Reflected edges and instance norm as in CycleGAN (arXiv:1703.10593). Sizes are halved and doubled by a smoothing filter, and
convolutions keep the size: neither leaves the chequered patterns of strided ones (Odena et al. 2016; Zhang 2019,
arXiv:1904.11486). Any height and width from 16 pixels on.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import relu

from rivals.core.types import Float, Tensor
from rivals.nn.resample import double, halve

NEAR = 0.95  # a kept source is brought so near to the ends of tanh, whose inverse is infinite there


class Layer(nn.Module):
    """Convolution with reflected edges, instance norm, and relu where `bent`."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, *, bent: bool = True) -> None:
        super().__init__()
        self.convolve = nn.Conv2d(inputs, outputs, size, 1, size // 2, padding_mode="reflect", bias=False)
        self.norm, self.bent = nn.InstanceNorm2d(outputs, affine=True), bent

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        x = self.norm(self.convolve(x))
        return relu(x) if self.bent else x


class Block(nn.Module):
    """x + f(x), f two layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(Layer(channels, channels), Layer(channels, channels, bent=False))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        changed: Tensor = x + self.layers(x)
        return changed


class Residual(nn.Module):
    """(n, source, h, w) in [-1, 1] -> (n, target, h, w) in [-1, 1].

    width: channels at full size, twice as many after each of `halvings`. blocks: residual ones at the smallest size; the first
    half of them ends the encoder. keep: the result is the source and a change, at first none; only where the channels agree.
    """

    def __init__(self, source: int, target: int, *, width: int, halvings: int, blocks: int, keep: bool = False) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(halvings + 1)]
        self.keep, early = keep, -(-blocks // 2)
        self.see = Layer(source, width, 7)
        self.down = nn.ModuleList(Layer(a, b) for a, b in pairwise(widths))
        self.early = nn.ModuleList(Block(widths[-1]) for _ in range(early))
        self.late = nn.Sequential(*(Block(widths[-1]) for _ in range(blocks - early)))
        self.up = nn.ModuleList(Layer(b, a) for a, b in reversed(list(pairwise(widths))))
        self.paint = nn.Conv2d(width, target, 7, 1, 3, padding_mode="reflect")
        self.channels = [source, *widths[1:], *[widths[-1]] * min(early, 2)]
        if keep:
            nn.init.zeros_(self.paint.weight)
            nn.init.zeros_(self.paint.bias)  # type: ignore[arg-type]

    def encode(self, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The picture, its features after each halving, after the first block and after the middle one: of `channels`."""
        found = [x]
        x = self.see(x)
        for layer in self.down:
            x = layer(halve(x))
            found.append(x)
        for place, block in enumerate(self.early):
            x = block(x)
            if place in (0, len(self.early) - 1):
                found.append(x)
        return found

    def decode(self, features: Sequence[Tensor]) -> Float[Tensor, "n c h w"]:
        """The picture of what `encode` found."""
        source, x = features[0], self.late(features[-1])
        sizes = [source.shape[2:]]
        for _ in self.up:
            sizes.append(torch.Size(-(-side // 2) for side in sizes[-1]))
        for layer, size in zip(self.up, reversed(sizes[:-1]), strict=True):
            x = layer(double(x, (size[0], size[1])))
        change: Tensor = self.paint(x)
        return (change + (NEAR * source).atanh() if self.keep else change).tanh()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        return self.decode(self.encode(x))
