"""Patch discriminators: each score sees a patch of the pair (Isola et al. 2017, arXiv:1611.07004), at one scale or at several
(Wang et al. 2018, arXiv:1711.11585)."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, leaky_relu

from rivals.core.types import Float, Tensor
from rivals.games.translation import Opinion
from rivals.nn.normalise import spectral


class Patch(nn.Module):
    """(target, source) -> Opinion. Convolutions 4x4, `layers` of them of stride 2, widths doubling from `width` to 8 times it.

    bounded: with spectral norm; else with instance norm, all but the first. Three layers see 70x70 pixels, two see 34x34.
    The source is not looked at where its channels are 0.
    """

    def __init__(self, target: int, source: int, *, width: int = 64, layers: int = 3, bounded: bool = True) -> None:
        super().__init__()
        self.source = source
        widths = [min(width * 2**level, 8 * width) for level in range(layers + 1)]
        strides = [2] * layers + [1]
        bound = spectral if bounded else (lambda layer: layer)
        blocks = []
        for level, (inputs, outputs, stride) in enumerate(zip([target + source, *widths], widths, strides, strict=False)):
            norm = nn.Identity() if bounded or level == 0 else nn.InstanceNorm2d(outputs, affine=True)
            blocks.append(nn.Sequential(bound(nn.Conv2d(inputs, outputs, 4, stride, 1)), norm))
        self.blocks = nn.ModuleList(blocks)
        self.score = bound(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, target: Float[Tensor, "n c h w"], source: Float[Tensor, "n k h w"]) -> tuple[Opinion]:
        x, features = torch.cat([target, source], 1) if self.source else target, []
        for block in self.blocks:
            x = leaky_relu(block(x), 0.2)
            features.append(x)
        return (Opinion(self.score(x).squeeze(1), features),)


class Scales(nn.Module):
    """`count` patch discriminators, each of pictures half as large as the one before -> an Opinion each."""

    def __init__(self, target: int, source: int, count: int, *, width: int = 64, layers: int = 3, bounded: bool = True) -> None:
        super().__init__()
        made = (Patch(target, source, width=width, layers=layers, bounded=bounded) for _ in range(count))
        self.each = nn.ModuleList(made)

    def forward(self, target: Float[Tensor, "n c h w"], source: Float[Tensor, "n k h w"]) -> tuple[Opinion, ...]:
        opinions: list[Opinion] = []
        for patch in self.each:
            opinions += patch(target, source)
            target, source = (avg_pool2d(each, 2, ceil_mode=True, count_include_pad=False) for each in (target, source))
        return tuple(opinions)
