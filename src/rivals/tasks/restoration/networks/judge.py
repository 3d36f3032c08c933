"""Judge: a U-Net discriminator with spectral norm, which scores every place of a picture and not the whole of it.

Schönfeld et al. 2020, arXiv:2002.12655, as Real-ESRGAN has it (arXiv:2107.10833), at half the resolution behind a strided
convolution, which costs a sixth: one score for each 2x2 pixels.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu

from rivals.core.types import Float, Tensor
from rivals.games.translation import Opinion
from rivals.nn.normalise import spectral
from rivals.nn.residual import scaled


def _layer(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    return spectral(scaled(nn.Conv2d(inputs, outputs, side, stride, side // 2 if stride == 1 else 1)))


class Judge(nn.Module):
    """(target, source) -> one Opinion: a score for each 2x2 pixels, and the features of every layer.

    seen: how many of the source's last channels are looked at beside the target; 0 for none.
    """

    def __init__(self, target: int, seen: int = 0, *, width: int = 32) -> None:
        super().__init__()
        self.seen = seen
        widths = [width, 2 * width, 4 * width]
        self.down = nn.ModuleList(_layer(a, b, 4, 2) for a, b in zip([target + seen, *widths], widths, strict=False))
        self.up = nn.ModuleList(_layer(b, a) for a, b in pairwise(widths))
        self.last, self.score = _layer(width, width), spectral(nn.Conv2d(width, 1, 1))

    def forward(self, target: Float[Tensor, "n c h w"], source: Tensor) -> tuple[Opinion]:
        x = torch.cat([target, source[:, -self.seen :]], 1) if self.seen else target
        down, features = [], []
        for layer in self.down:
            x = leaky_relu(layer(x), 0.2)
            down.append(x)
        for layer, shortcut in zip(reversed(self.up), reversed(down[:-1]), strict=True):
            x = leaky_relu(layer(interpolate(x, shortcut.shape[2:], mode="bilinear", align_corners=False)), 0.2) + shortcut
            features.append(x)
        x = leaky_relu(self.last(x), 0.2)
        return (Opinion(self.score(x).squeeze(1), [*down, *features, x]),)
