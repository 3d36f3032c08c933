"""Halving: half the resolution by a 4x4 convolution of stride 2 with spectral norm, batch norm and LeakyReLU(0.2); and scores
of places.

The blocks of patch discriminators on features (Liu et al. 2021, arXiv:2101.04775; Sauer et al. 2021, arXiv:2111.01007).
"""

from torch import nn
from torch.nn.functional import leaky_relu

from rivals.core.types import Float, Tensor
from rivals.nn.condition import Embed
from rivals.nn.format import Format
from rivals.nn.normalise import spectral
from rivals.nn.resample import even
from rivals.nn.residual import scaled


def bounded(inputs: int, outputs: int, side: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution with spectral norm and without bias, that keeps the size, or halves an even one where its stride is 2."""
    conv = nn.Conv2d(inputs, outputs, side, stride=stride, padding=(side - 1) // 2, bias=False)
    scaled(conv)
    return spectral(conv)


class Halving(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h / 2, w / 2), rounded up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv, self.norm = bounded(inputs, outputs, 4, stride=2), nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs hh ww"]:
        return leaky_relu(self.norm(self.conv(even(x))), 0.2)


class Places(nn.Module):
    """Features (n, width, h, w) and conditions -> a score at each place (n, h w): v h + <E(condition), h>."""

    def __init__(self, form: Format, width: int) -> None:
        super().__init__()
        self.score = bounded(width, 1, 1)
        self.embed = Embed(form, width, gain=width**-0.5) if form.conditional else None

    def forward(self, h: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Float[Tensor, "n places"]:
        score: Tensor = self.score(h).squeeze(1)
        if self.embed is not None and condition is not None:
            score = score + (h * self.embed(condition)[:, :, None, None]).sum(1)
        return score.flatten(1)


class Same(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h, w) by a convolution of odd side."""

    def __init__(self, inputs: int, outputs: int, side: int = 3) -> None:
        super().__init__()
        self.conv, self.norm = bounded(inputs, outputs, side), nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs h w"]:
        return leaky_relu(self.norm(self.conv(x)), 0.2)
