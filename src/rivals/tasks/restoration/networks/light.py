"""Light: super-resolution that is fast on a CPU, all its work done at the low resolution.

Residual blocks without normalisation (EDSR, Lim et al. 2017, arXiv:1707.02921), then one sub-pixel convolution (Shi et al.
2016, arXiv:1609.05158), on top of bicubic enlargement: up(s) + shuffle(W(h + B(h))), h = V s.
"""

from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle, relu

from rivals.core.types import Float, Tensor
from rivals.nn.residual import GAIN, scaled


def zero(layer: nn.Conv2d) -> None:
    """A layer that begins by adding nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class Block(nn.Module):
    """x + W2 relu(W1 x), W2 zero at first: the network starts as its shortcuts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = scaled(nn.Conv2d(width, width, 3, padding=1), GAIN), nn.Conv2d(width, width, 3, padding=1)
        zero(self.second)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        change: Tensor = self.second(relu(self.first(x)))
        return x + change


class Light(nn.Module):
    """Pictures (n, channels, h, w) -> (n, channels, scale h, scale w), both in [-1, 1]. It starts as bicubic enlargement."""

    multiple = 1

    def __init__(self, channels: int, scale: int, *, width: int = 32, blocks: int = 6) -> None:
        super().__init__()
        self.scale = scale
        self.see = scaled(nn.Conv2d(channels, width, 5, padding=2), GAIN)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.paint = nn.Conv2d(width, channels * scale**2, 3, padding=1)
        zero(self.paint)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
        found: Tensor = pixel_shuffle(self.paint(self.blocks(self.see(x))), self.scale)
        return found + enlarged(x, self.scale)


def enlarged(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c hh ww"]:
    """Bicubic (a = -0.75, PyTorch's)."""
    return interpolate(x, scale_factor=scale, mode="bicubic", align_corners=False)
