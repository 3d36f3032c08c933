"""The residual block of R3GAN: x + W3 act(b2 + G3x3 act(b1 + W1 x)), a bottleneck with a (grouped) convolution.

No normalisation: weights start at N(0, gain^2 / fan_in), smaller the more blocks there are, and the last one at zero, so
that the network starts as the sum of its shortcuts (Huang et al. 2024, arXiv:2501.05441; Fixup: Zhang et al. 2019,
arXiv:1901.09321).
"""

import math
from typing import TypeVar

from torch import nn

from rivals.core.types import Float, Tensor
from rivals.nn.convolution import Conv2d

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through LeakyReLU(0.2)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer with weights N(0, gain^2 / fan_in) and a bias of zero."""
    weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    fan_in = weight[0].numel() / (math.prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else 1)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Bottleneck(nn.Module):
    """`channels` in and out, `expand` times as many between. blocks: how many the network has.

    group: channels that a group of the 3x3 convolution sees; 0 for all. The paper's are expand 2 and groups of 16; on a
    CPU, whose grouped convolutions are slow (twice so in double backward), expand 1 and group 0 do more per second.
    """

    def __init__(self, channels: int, *, blocks: int, expand: int = 2, group: int = 16) -> None:
        super().__init__()
        inner, gain = expand * channels, GAIN * blocks**-0.25
        groups = inner // group if group and inner % group == 0 else 1
        self.widen = scaled(Conv2d(channels, inner, 1), gain)
        self.mix = scaled(Conv2d(inner, inner, 3, padding=1, groups=groups), gain)
        self.narrow = Conv2d(inner, channels, 1, bias=False)
        nn.init.zeros_(self.narrow.weight)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        change: Tensor = self.narrow(self.act(self.mix(self.act(self.widen(x)))))
        return x + change
