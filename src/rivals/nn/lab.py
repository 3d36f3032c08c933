"""CIE Lab: lightness apart from colour (CIE 15:2018), of sRGB (IEC 61966-2-1) under the white D65.

L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)), X, Y, Z as shares of white's, f(t) = t^(1/3), a line near 0.
Here L is L / 50 - 1, a and b are over 110, so that all three lie in [-1, 1] or near it.
"""

import torch

from rivals.core.types import Float, Tensor

CHROMA = 110.0
WHITE = (0.95047, 1.0, 1.08883)
XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
DELTA = 6 / 29
HALVINGS = 8


def _matrix(like: Tensor) -> Float[Tensor, "3 3"]:
    """Linear red, green and blue -> X, Y, Z over white's."""
    rows = torch.tensor(XYZ, dtype=torch.float64) / torch.tensor(WHITE, dtype=torch.float64)[:, None]
    return rows.to(like)


def to_lab(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """sRGB in [-1, 1] -> Lab, scaled."""
    share = (rgb + 1) / 2
    linear = torch.where(share > 0.04045, ((share.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, share / 12.92)
    xyz = torch.einsum("ij,njhw->nihw", _matrix(rgb), linear)
    x, y, z = torch.where(xyz > DELTA**3, xyz.clamp(min=DELTA**3) ** (1 / 3), xyz / (3 * DELTA**2) + 4 / 29).unbind(1)
    return torch.stack([(116 * y - 16) / 50 - 1, 500 * (x - y) / CHROMA, 200 * (y - z) / CHROMA], 1)


def _linear(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Linear red, green and blue, outside of [0, 1] where sRGB has no such colour."""
    y = (50 * (lab[:, 0] + 1) + 16) / 116
    f = torch.stack([y + CHROMA * lab[:, 1] / 500, y, y - CHROMA * lab[:, 2] / 200], 1)
    xyz = torch.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29))
    return torch.einsum("ij,njhw->nihw", _matrix(lab).double().inverse().to(lab), xyz)


def to_rgb(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Lab, scaled -> sRGB in [-1, 1]. A colour that sRGB has not moves towards grey of the same L until it has: L is kept,
    where clipping would change it.
    """
    linear = _linear(lab)
    outside = ((linear < -1e-4) | (linear > 1 + 1e-4)).any(1)
    if outside.any():
        wild = lab.permute(0, 2, 3, 1)[outside].T[None, :, :, None]  # those pixels alone, as a picture (1, 3, count, 1)
        low, high = torch.zeros_like(wild[:, :1]), torch.ones_like(wild[:, :1])
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            found = _linear(torch.cat([wild[:, :1], wild[:, 1:] * middle], 1))
            inside = ((found >= -1e-4) & (found <= 1 + 1e-4)).all(1, keepdim=True)
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        tame = _linear(torch.cat([wild[:, :1], wild[:, 1:] * low], 1))[0, :, :, 0].T
        moved = linear.permute(0, 2, 3, 1).clone()
        moved[outside] = tame
        linear = moved.permute(0, 3, 1, 2)
    linear = linear.clamp(0, 1)
    share = torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return 2 * share - 1
