"""Fidelity: how close pictures are to what they should be, pixel by pixel, and how sharp they are beside it.

PSNR = 10 log10(1 / mean (x - y)^2), pixels in [0, 1]. SSIM: Wang et al. 2004, "Image quality assessment: from error visibility
to structural similarity", an 11x11 Gaussian window of deviation 1.5. Both on RGB or, as is usual for restored pictures, on the
luma Y of ITU-R BT.601 in 16 to 235, without a border.
"""

import torch
from torch.nn.functional import conv2d

from rivals.core.types import Float, Tensor

LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)


def _unit(pictures: Tensor) -> Tensor:
    return (pictures.float().clamp(-1, 1) + 1) / 2


def luma(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h w"]:
    """Y of pictures in [-1, 1], in [0, 1]; of one channel the channel itself."""
    x = _unit(pictures)
    if x.shape[1] < 3:
        return x[:, :1]
    weights = torch.tensor(LUMA, dtype=x.dtype, device=x.device)
    return torch.einsum("nchw,c->nhw", x[:, :3], weights)[:, None] + 16 / 255


def _inner(x: Tensor, border: int) -> Tensor:
    return x[:, :, border : x.shape[2] - border, border : x.shape[3] - border] if border else x


def psnr(
    made: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"], *, border: int = 0, on_luma: bool = False
) -> Float[Tensor, "n"]:
    """Decibels of each picture, values in [-1, 1] clipped there; border: pixels left out on each side."""
    one, other = (_inner(luma(x) if on_luma else _unit(x), border) for x in (made, real))
    return -10 * (one - other).square().flatten(1).mean(1).clamp(min=1e-10).log10()


def ssim(
    made: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"], *, border: int = 0, on_luma: bool = True
) -> Float[Tensor, "n"]:
    """Structural similarity of each picture, at most 1; a side below 11 pixels has a window of its own size."""
    one, other = (_inner(luma(x) if on_luma else _unit(x), border) for x in (made, real))
    side = min(11, *one.shape[2:])
    at = torch.arange(side, dtype=torch.float32, device=one.device) - (side - 1) / 2
    taps = torch.exp(-at.square() / (2 * 1.5**2))
    window = (torch.outer(taps, taps) / taps.sum() ** 2).expand(one.shape[1], 1, side, side)

    def mean(x: Tensor) -> Tensor:
        return conv2d(x, window, groups=x.shape[1])

    a, b = mean(one), mean(other)
    spread, wide = mean(one * one) - a * a, mean(other * other) - b * b
    together = mean(one * other) - a * b
    c1, c2 = 0.01**2, 0.03**2
    each = (2 * a * b + c1) * (2 * together + c2) / ((a * a + b * b + c1) * (spread + wide + c2))
    return each.flatten(1).mean(1)


def _energy(x: Tensor) -> Tensor:
    light = luma(x)
    down, across = light.diff(dim=2), light.diff(dim=3)
    return down.square().mean() + across.square().mean()


def sharpness(made: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"]) -> float:
    """Gradient energy of the luma of `made` over that of `real`: 1 where both are as sharp, less for blur, more for noise."""
    return float(_energy(made) / _energy(real).clamp(min=1e-12))
