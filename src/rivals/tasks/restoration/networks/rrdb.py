"""RRDB: ESRGAN's generator, residual-in-residual dense blocks (Wang et al. 2018, arXiv:1809.00219); for GPUs.

Dense: x_k = act(W_k [x, x_1, ..., x_{k-1}]), x + 0.2 x_5; three of them x + 0.2 (their change). Enlarged by nearest
neighbours and convolutions.
"""

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu

from rivals.core.types import Float, Tensor
from rivals.nn.residual import scaled
from rivals.tasks.restoration.networks.light import enlarged, zero

SHARE = 0.2  # of a block's change that is added; the paper's beta


class Dense(nn.Module):
    """Five convolutions, each of all that came before; four of `grow` channels, the last back to `width`."""

    def __init__(self, width: int, grow: int) -> None:
        super().__init__()
        outputs = [grow, grow, grow, grow, width]
        layers = (nn.Conv2d(width + index * grow, each, 3, padding=1) for index, each in enumerate(outputs))
        self.layers = nn.ModuleList(scaled(layer, 0.3) for layer in layers)  # a small start, as the paper found to matter

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        seen = x
        for layer in self.layers[:-1]:
            seen = torch.cat([seen, leaky_relu(layer(seen), 0.2)], 1)
        return x + SHARE * self.layers[-1](seen)


class Nested(nn.Sequential):
    """Three dense blocks in a residual block."""

    def __init__(self, width: int, grow: int) -> None:
        super().__init__(*(Dense(width, grow) for _ in range(3)))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + SHARE * (super().forward(x) - x)


class RRDB(nn.Module):
    """Pictures (n, channels, h, w) -> (n, channels, scale h, scale w); the paper's has width 64, 23 blocks, grow 32."""

    multiple = 1

    def __init__(self, channels: int, scale: int, *, width: int = 64, blocks: int = 23) -> None:
        super().__init__()
        self.scale, self.steps = scale, [2, 2] if scale == 4 else [scale]
        self.see = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Nested(width, width // 2) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1))
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in self.steps)
        self.last, self.paint = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, channels, 3, padding=1)
        zero(self.paint)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh ww"]:
        seen = self.see(x)
        found = seen + self.blocks(seen)
        for step, layer in zip(self.steps, self.up, strict=True):
            found = leaky_relu(layer(interpolate(found, scale_factor=step)), 0.2)
        picture: Tensor = self.paint(leaky_relu(self.last(found), 0.2))
        return picture + enlarged(x, self.scale)
