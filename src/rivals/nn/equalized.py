"""Layers whose weights are N(0, 1) and scaled as they are used, so that Adam's step is as large for every layer.

y = gain / sqrt(fan_in) W x + b (equalised learning rate, Karras et al. 2018, arXiv:1710.10196).
"""

import math

import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu, linear

from rivals.core.types import Float, Tensor


def act(x: Tensor) -> Tensor:
    """LeakyReLU(0.2) times sqrt(2), which nearly keeps the variance of N(0, 1)."""
    return leaky_relu(x, 0.2) * math.sqrt(2)


class Linear(nn.Module):
    """(n, inputs) -> (n, outputs). bias: what it starts from. rate: the layer learns so many times as fast as the others."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.rate, self.gain = rate, rate / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n outputs"]:
        return linear(x, self.weight * self.gain, self.bias * self.rate)


class Conv(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h, w) by a kernel of odd side."""

    def __init__(self, inputs: int, outputs: int, side: int, *, bias: bool = True) -> None:
        super().__init__()
        self.gain = 1 / math.sqrt(inputs * side**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, side, side))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs h w"]:
        return conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[2] // 2)
