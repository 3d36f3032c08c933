"""U-Net of residual blocks without normalisation: the picture's damage, or its colours, seen at several resolutions.

Ronneberger et al. 2015, arXiv:1505.04597, with the residual blocks and added shortcuts of DRUNet (Zhang et al. 2021,
arXiv:2008.13751): down by strided 2x2 convolutions, up by smoothed doublings, as sub-pixel ones leave a lattice.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from rivals.core.types import Float, Tensor
from rivals.nn.resample import double
from rivals.nn.residual import GAIN, scaled
from rivals.tasks.restoration.networks.light import Block, zero


class UNet(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h, w), zero at first; h and w must be multiples of `multiple`.

    step: pixels a side that the finest resolution takes at a time; 2, as FFDNet does (Zhang et al. 2018, arXiv:1710.04026),
    gives twice the width in the same time, where the finest scale does not matter. levels: resolutions. Each has `blocks`
    blocks on the way down and on the way up; widths double to four times the first.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int = 48, blocks: int = 1, levels: int = 3, step: int = 1) -> None:
        super().__init__()
        self.step, self.multiple = step, step * 2 ** (levels - 1)
        widths = [min(width * 2**level, 4 * width) for level in range(levels)]
        steps = list(pairwise(widths))
        self.see = scaled(nn.Conv2d(step**2 * inputs, width, 3, padding=1), GAIN)
        self.down = nn.ModuleList(scaled(nn.Conv2d(a, b, 2, stride=2)) for a, b in steps)
        self.up = nn.ModuleList(scaled(nn.Conv2d(b, a, 1), 0.5) for a, b in steps)
        self.before = nn.ModuleList(nn.Sequential(*(Block(each) for _ in range(blocks))) for each in widths)
        self.after = nn.ModuleList(nn.Sequential(*(Block(each) for _ in range(blocks))) for each in widths[:-1])
        self.paint = nn.Conv2d(width, step**2 * outputs, 3, padding=1)
        zero(self.paint)

    def forward(self, x: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
        x, kept = self.see(pixel_unshuffle(x, self.step)), []
        for down, blocks in zip(self.down, self.before, strict=False):
            kept.append(blocks(x))
            x = down(kept[-1])
        x = self.before[-1](x)
        for up, blocks, shortcut in zip(reversed(self.up), reversed(self.after), reversed(kept), strict=True):
            x = blocks(double(up(x), (shortcut.shape[2], shortcut.shape[3])) + shortcut)
        return pixel_shuffle(self.paint(x), self.step)


class Cleaner(UNet):
    """A damaged picture -> the picture plus what is changed of it."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + super().forward(x)


class Colourist(UNet):
    """L of Lab (n, 1, h, w) -> Lab (n, 3, h, w): L as it was given, a and b made."""

    def forward(self, x: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 3 h w"]:
        return torch.cat([x, super().forward(x)], 1)
