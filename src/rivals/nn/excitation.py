"""SkipExcitation: features at a low resolution weigh the channels at a high one (Liu et al. 2021, arXiv:2101.04775).

y = x_high * sigmoid(W2 a(W1 pool(x_low))), pool to 4x4: unlike a residual it needs no equal sizes, and costs nearly nothing.
"""

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, leaky_relu

from rivals.core.types import Float, Tensor
from rivals.nn.residual import scaled


class SkipExcitation(nn.Module):
    """low: channels of x_low; high: channels of x_high."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.squeeze = scaled(nn.Conv2d(low, high, 4))
        self.weigh = scaled(nn.Conv2d(high, high, 1))

    def forward(self, low: Float[Tensor, "n low h w"], high: Float[Tensor, "n high hh ww"]) -> Float[Tensor, "n high hh ww"]:
        gate: Tensor = self.weigh(leaky_relu(self.squeeze(adaptive_avg_pool2d(low, 4)), 0.1))
        return high * torch.sigmoid(gate)
