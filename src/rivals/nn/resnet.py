"""Residual blocks with activation before convolution, up for a generator, down for a discriminator (Miyato et al. 2018,
arXiv:1802.05957; BigGAN: Brock et al. 2019, arXiv:1809.11096), for any height and width.

up(x) = C3 a(N(C3 grow a(N x))) + C1 grow x; down(x) = pool(C3 a(C3 a(x)) + C1 x); a = ReLU, N = batch norm.
"""

from collections.abc import Callable

from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.nn.format import Format, ladder, stage_widths
from rivals.nn.normalise import BatchNorm

Wrap = Callable[[nn.Conv2d], nn.Conv2d]
Change = Callable[[int], nn.Module | None]
"""channels -> the map that a BatchNorm of so many channels takes its gain and bias from, or None."""


def grow(x: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c hh ww"]:
    """Each pixel twice along both axes, less the last row or column where `size` is odd.

    A convolution after it covers all pixels alike, so it makes no checkerboard (Odena et al. 2016, distill.pub/2016/
    deconv-checkerboard). Nothing grows where the size is that of x.
    """
    if x.shape[2:] == size:
        return x
    return interpolate(x, scale_factor=2.0, mode="nearest")[:, :, : size[0], : size[1]]


def pool(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
    """Means of 2x2 pixels; at the end of an odd side, of the pixels that there are."""
    return avg_pool2d(x, 2, ceil_mode=True)


def widths(form: Format, width: int, widest: int) -> list[int]:
    """The `stage_widths` of networks whose stages go down to the ladder's smallest size.

    Raises UserError for pictures that fit in the smallest stage: no block would be left to grow them.
    """
    count = len(ladder(form.height, form.width))
    if count < 2:
        raise UserError(f"pictures of {form.height}x{form.width} pixels are too small for this network: give a --size above 4")
    return stage_widths(count, width, widest)


class Up(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, *size), twice as high and wide; y steers its batch norms where `change` gives maps."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], *, wrap: Wrap, change: Change) -> None:
        super().__init__()
        self.size = size
        self.norm1, self.norm2 = BatchNorm(inputs, change(inputs)), BatchNorm(outputs, change(outputs))
        self.conv1 = wrap(nn.Conv2d(inputs, outputs, 3, padding=1))
        self.conv2 = wrap(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = wrap(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Float[Tensor, "n c h w"], y: Tensor | None = None) -> Float[Tensor, "n cc hh ww"]:
        inner: Tensor = self.conv1(grow(relu(self.norm1(x, y)), self.size))
        inner = self.conv2(relu(self.norm2(inner, y)))
        # A 1x1 convolution of equal pixels is the same before they are doubled, at a quarter of the cost.
        short: Tensor = grow(self.shortcut(x), self.size)
        return inner + short


class Down(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, half h, half w, rounded up); `keep`: at the size of x. first: x is a picture, which
    is not cut off at zero before the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, *, wrap: Wrap, keep: bool = False, first: bool = False) -> None:
        super().__init__()
        self.keep, self.raw = keep, first
        self.conv1 = wrap(nn.Conv2d(inputs, outputs, 3, padding=1))
        self.conv2 = wrap(nn.Conv2d(outputs, outputs, 3, padding=1))
        same = keep and inputs == outputs
        self.shortcut = nn.Identity() if same else wrap(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        inner = self.conv2(relu(self.conv1(x if self.raw else relu(x))))
        if self.keep:
            changed: Tensor = inner + self.shortcut(x)
            return changed
        # Means and 1x1 convolutions commute: pooled first, it costs a quarter.
        short: Tensor = self.shortcut(pool(x))
        return pool(inner) + short
