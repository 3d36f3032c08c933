"""U-Net: down by strided convolutions, up again beside what each size held on the way down (Ronneberger et al. 2015,
arXiv:1505.04597; as the generator of pix2pix: Isola et al. 2017, arXiv:1611.07004)."""

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu, relu

from rivals.core.types import Float, Tensor


class Down(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h / 2, w / 2)."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        return leaky_relu(self.norm(self.conv(x)), 0.2)


class Up(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, 2 h, 2 w): each pixel four times, then a convolution, so that no checkerboard is made."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.norm = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        grown: Tensor = self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))
        return relu(self.dropout(self.norm(grown)))


class UNet(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h, w) in (-1, 1); h and w are multiples of 2^downs.

    width: channels at half the size, twice as many a level down, at most 8 times. dropout: in the three smallest levels of the
    way up, the noise of pix2pix; it is off when the network is used, so that the same source gives the same picture.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int = 64, downs: int = 5, dropout: float = 0.5) -> None:
        super().__init__()
        widths = [min(width * 2**level, 8 * width) for level in range(downs)]
        # A norm over the few pixels of the smallest level would take away what the picture is as a whole.
        self.downs = nn.ModuleList(
            Down(a, b, norm=0 < level < downs - 1) for level, (a, b) in enumerate(zip([inputs, *widths], widths, strict=False))
        )
        self.ups = nn.ModuleList()
        below = widths[-1]
        for level in reversed(range(downs)):
            outer = widths[level - 1] if level else max(width // 2, 8)
            self.ups.append(Up(below, outer, dropout=dropout if level >= max(downs - 3, 1) else 0.0))
            below = outer + (widths[level - 1] if level else inputs)
        self.paint = nn.Conv2d(below, outputs, 3, 1, 1)

    def forward(self, source: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        levels = [source]
        for down in self.downs:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up in self.ups:
            x = torch.cat([up(x), levels.pop()], 1)
        return self.paint(x).tanh()
