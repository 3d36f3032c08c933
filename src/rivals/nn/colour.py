"""Colours changed by one affine map for each picture, y = M x + b over its channels.

1 channel is grey, 3 are red, green and blue, 4 have transparency beside them; others are planes of any kind. Brightness and
contrast change all channels. The luma axis v = (1, ..., 1) / sqrt(k) runs through the k channels that carry colour; only where
they are three are there hue and saturation.
"""

import math

import torch

from rivals.core.types import Float, Tensor


def coloured(channels: int) -> int:
    """How many of the channels carry colour: all, or the first three of four."""
    return 3 if channels == 4 else channels


def recolour(x: Float[Tensor, "n c h w"], matrix: Float[Tensor, "n k k"]) -> Float[Tensor, "n c h w"]:
    """Each pixel times the matrix of its picture, k = c + 1, its last column what is added."""
    changed = matrix[:, :-1, -1, None, None]
    for channel in range(x.shape[1]):  # no matrix product: it may round to bf16 or TF32, and x would no longer stay x
        changed = torch.addcmul(changed, matrix[:, :-1, channel, None, None], x[:, channel, None])
    return changed


def _identity(n: int, like: Tensor, channels: int) -> Float[Tensor, "n k k"]:
    return torch.eye(channels + 1, dtype=like.dtype, device=like.device).repeat(n, 1, 1)


def brighten(amount: Float[Tensor, "n"], channels: int) -> Float[Tensor, "n k k"]:
    """x + amount."""
    matrix = _identity(len(amount), amount, channels)
    matrix[:, :-1, -1] = amount[:, None]
    return matrix


def contrast(factor: Float[Tensor, "n"], channels: int) -> Float[Tensor, "n k k"]:
    """factor x, about 0, the middle of [-1, 1]."""
    matrix = _identity(len(factor), factor, channels)
    matrix[:, :-1, :-1] *= factor[:, None, None]
    return matrix


def flip_luma(flip: Float[Tensor, "n"], channels: int) -> Float[Tensor, "n k k"]:
    """x - 2 v v^T x where flip is 1: light becomes dark, hue and saturation stay."""
    k, matrix = coloured(channels), _identity(len(flip), flip, channels)
    matrix[:, :k, :k] -= (2 / k) * flip[:, None, None]
    return matrix


def tint(angle: Float[Tensor, "n"], saturation: Float[Tensor, "n"], channels: int) -> Float[Tensor, "n k k"]:
    """The hue turned by `angle` (radians) about v, what is not along v times `saturation`; three coloured channels.

    v v^T + s (cos t (I - v v^T) + sin t [v]_x) (Rodrigues), written as the identity plus changes that vanish exactly.
    """
    matrix = _identity(len(angle), angle, channels)
    across = torch.eye(3, dtype=angle.dtype, device=angle.device) - 1 / 3
    turn = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=angle.dtype, device=angle.device) / math.sqrt(3)
    grow, spin = saturation * angle.cos() - 1, saturation * angle.sin()
    matrix[:, :3, :3] += grow[:, None, None] * across + spin[:, None, None] * turn
    return matrix
