"""Fidelity: how close pictures are to what they should be, pixel by pixel, and how sharp they are beside it.

PSNR = 10 log10(1 / mean (x - y)^2), pixels in [0, 1]. SSIM: Wang et al. 2004, "Image quality assessment: from error visibility
to structural similarity", an 11x11 Gaussian window of deviation 1.5. Both on RGB or, as is usual for restored pictures, on the
luma Y of ITU-R BT.601 in 16 to 235 (MATLAB's rgb2ycbcr), without a border: as wide as the scale in super-resolution.
"""

import torch
from torch.nn.functional import conv2d

from rivals.core.types import Float, Tensor

LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)


def rounded(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Pictures in [-1, 1] as a file of 8 bits a channel holds them."""
    return (pictures.float().clamp(-1, 1) + 1).mul(127.5).round() / 127.5 - 1


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


def _mean(x: Float[Tensor, "n c h w"], where: Tensor | None) -> Float[Tensor, "n"]:
    """The mean over each picture, or over its pixels where `where` (n, 1, h, w) is 1."""
    if where is None:
        return x.double().flatten(1).mean(1)
    inside = where.double()
    return (x.double().mean(1, keepdim=True) * inside).flatten(1).sum(1) / inside.flatten(1).sum(1).clamp(min=1)


def psnr(
    made: Float[Tensor, "n c h w"],
    real: Float[Tensor, "n c h w"],
    *,
    border: int = 0,
    on_luma: bool = False,
    where: Tensor | None = None,
) -> Float[Tensor, "n"]:
    """Decibels of each picture, values in [-1, 1] clipped there; border: pixels left out on each side. where: (n, 1, h, w), 1
    for the pixels that count, such as a hole's."""
    one, other = (_inner(luma(x) if on_luma else _unit(x), border) for x in (made, real))
    return -10 * _mean((one - other).square(), where).clamp(min=1e-10).log10()


def ssim(
    made: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"], *, border: int = 0, on_luma: bool = True
) -> Float[Tensor, "n"]:
    """Structural similarity of each picture, at most 1; a side below 11 pixels has a window of its own size."""
    one, other = (_inner(luma(x) if on_luma else _unit(x), border).double() for x in (made, real))
    side = min(11, *one.shape[2:])
    at = torch.arange(side, dtype=one.dtype, device=one.device) - (side - 1) / 2
    taps = torch.exp(-at.square() / (2 * 1.5**2))
    down = (taps / taps.sum())[:, None].expand(one.shape[1], 1, side, 1)

    def mean(x: Tensor) -> Tensor:
        return conv2d(conv2d(x, down, groups=x.shape[1]), down.mT, groups=x.shape[1])

    a, b = mean(one), mean(other)
    spread, wide = mean(one * one) - a * a, mean(other * other) - b * b
    together = mean(one * other) - a * b
    c1, c2 = 0.01**2, 0.03**2
    each = (2 * a * b + c1) * (2 * together + c2) / ((a * a + b * b + c1) * (spread + wide + c2))
    return each.flatten(1).mean(1)


def steepness(pictures: Float[Tensor, "n c h w"], *, border: int = 0, where: Tensor | None = None) -> Float[Tensor, "n"]:
    """Mean absolute difference of neighbouring pixels, down and across, of each picture in [-1, 1]; where: as in `psnr`."""
    x = _inner(_unit(pictures), border)
    across, down = x.diff(dim=3)[:, :, :-1].abs(), x.diff(dim=2)[..., :-1].abs()
    return _mean(down + across, None if where is None else where[:, :, :-1, :-1])


def sharpness(made: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"]) -> float:
    """Steepness of `made` over that of `real`: 1 where both are as sharp, less for blur, more for noise."""
    return float(steepness(made).mean() / steepness(real).mean().clamp(min=1e-6))
