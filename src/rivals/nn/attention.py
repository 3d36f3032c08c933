"""Self-attention between the places of a feature map (SAGAN, Zhang et al. 2019, arXiv:1805.08318).

x + gamma W_o sum_j softmax_j(q_i . k_j) v_j, gamma = 0 at first; keys and values at half the resolution (Brock et al. 2019).
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import max_pool2d

from rivals.core.types import Float, Tensor


class Attention(nn.Module):
    """(n, channels, h, w) -> the same; memory grows with (h w)^2 / 4 numbers a sample. wrap: applied to each convolution."""

    def __init__(self, channels: int, *, wrap: Callable[[nn.Conv2d], nn.Conv2d] = lambda layer: layer) -> None:
        super().__init__()
        narrow, middle = max(channels // 8, 1), max(channels // 2, 1)
        self.query = wrap(nn.Conv2d(channels, narrow, 1, bias=False))
        self.key = wrap(nn.Conv2d(channels, narrow, 1, bias=False))
        self.value = wrap(nn.Conv2d(channels, middle, 1, bias=False))
        self.widen = wrap(nn.Conv2d(middle, channels, 1, bias=False))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        n, _, h, w = x.shape
        query = self.query(x).flatten(2)
        key, value = (max_pool2d(to(x), 2, ceil_mode=True).flatten(2) for to in (self.key, self.value))
        # Matrix products, not the fused attention: that has no second derivative, which r1 needs.
        weights = torch.softmax(query.transpose(1, 2) @ key, 2)
        found: Tensor = self.widen((value @ weights.transpose(1, 2)).view(n, -1, h, w))
        return x + self.gamma * found
