"""MinibatchDeviation: how much the features differ within a batch, as one more channel (Karras et al. 2018, arXiv:1710.10196).

s = the mean over features and places of sqrt(Var over a group of the batch): a discriminator that sees s sees lost modes.
"""

import math

import torch
from torch import nn

from rivals.core.types import Float, Tensor


class MinibatchDeviation(nn.Module):
    """(n, channels, h, w) -> (n, channels + 1, h, w). group: pictures a group; where it does not divide n, groups are as
    equal as can be.

    In evaluation s is its running mean over training, so that the score of a picture is a function of that picture alone.
    A game with one is `coupled`.
    """

    usual: Tensor

    def __init__(self, group: int = 4, *, decay: float = 0.99) -> None:
        super().__init__()
        self.group, self.decay = group, decay
        self.register_buffer("usual", torch.zeros(()))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc h w"]:
        n = len(x)
        if not self.training:
            return torch.cat([x, self.usual.to(x.dtype).expand(n, 1, *x.shape[2:])], 1)
        groups = math.ceil(n / self.group)
        variance = torch.stack([x[i::groups].float().var(0, unbiased=False) for i in range(groups)])
        deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))  # the root's slope at 0 is infinite: hence the 1e-8
        with torch.no_grad():
            self.usual.lerp_(deviation.mean(), 1 - self.decay)
        channel = deviation.to(x.dtype)[torch.arange(n, device=x.device) % groups, None, None, None]
        return torch.cat([x, channel.expand(n, 1, *x.shape[2:])], 1)
