"""Noise: one random number a pixel, for detail that the latent need not tell (Karras et al. 2019, arXiv:1812.04948).

y = x + s e, s learned, e ~ N(0, 1) anew in training. In evaluation e = sum_k u_k P_k with fixed patterns P_k ~ N(0, 1) and
u = (z_1 ... z_8) / |z_1 ... z_8|: also N(0, 1) a pixel and another for each picture, yet a smooth function of z. So a seed
gives the same pictures, a walk through the latents does not flicker, and an exported generator draws nothing.
"""

import torch
from torch import nn

from rivals.core.types import Float, Tensor

PATTERNS = 8


class Noise(nn.Module):
    """The same noise on all channels of (n, channels, *size); the strength s starts at 0."""

    patterns: Tensor

    def __init__(self, size: tuple[int, int], latent: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("patterns", torch.randn(min(PATTERNS, latent), *size))

    def forward(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        return x + self.strength * self.drawn(x, z).to(x.dtype)

    def drawn(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n 1 h w"]:
        """e of each picture."""
        if self.training:
            return torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        u = torch.nn.functional.normalize(z[:, : len(self.patterns)], dim=1)
        return (u @ self.patterns.flatten(1)).view(-1, 1, *x.shape[2:])
