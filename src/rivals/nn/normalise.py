"""Normalisation of weights (spectral) and of features (batch norm whose gain and bias follow a condition).

Spectral: W / sigma(W), sigma the largest singular value, by one step of the power method a forward pass (Miyato et al. 2018,
arXiv:1802.05957). Conditional batch norm: (1 + g(y)) (x - mean) / std + b(y) (Dumoulin et al. 2017, arXiv:1610.07629).
"""

from typing import TypeVar

import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

from rivals.core.types import Float, Tensor
from rivals.nn.condition import Embed
from rivals.nn.format import Format

L = TypeVar("L", bound=nn.Module)
EMBEDDED = 128  # length of the condition that gains and biases are a linear map of


class Spectral(nn.Module):
    """A weight (outputs, ...) -> the weight over its largest singular value; `u` is the left singular vector so far.

    `u` moves in training only, so evaluation changes no state, and it is saved, so resume is exact. In fp32 also under
    autocast: the norm of `u` would be off by a percent in bf16.
    """

    u: Tensor

    def __init__(self, weight: Tensor, *, warm_up: int = 15) -> None:
        super().__init__()
        self.register_buffer("u", normalize(torch.randn(len(weight)), dim=0))
        for _ in range(warm_up):
            self(weight.detach())

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        with torch.autocast(weight.device.type, enabled=False):
            with torch.no_grad():
                v = normalize(self.u @ matrix, dim=0)
                u = normalize(matrix @ v, dim=0)
                if self.training:
                    self.u.copy_(u)  # the graph holds its own u: the next pass may come before the backward
            # The singular vectors are constants of the derivative: d sigma / dW = u v^T.
            return weight / (u @ (matrix @ v)).clamp(min=1e-6)


def spectral(layer: L) -> L:
    """The layer with its weight divided by its largest singular value; initialise the weight before, not after."""
    register_parametrization(layer, "weight", Spectral(layer.weight))  # type: ignore[arg-type]
    return layer


def orthogonal(layer: L) -> L:
    """The layer with orthogonal rows or columns (Saxe et al. 2014, arXiv:1312.6120; as BigGAN starts) and a bias of zero."""
    nn.init.orthogonal_(layer.weight)  # type: ignore[arg-type]
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)
    return layer


def plain(layer: L) -> L:
    """The layer as it is: for networks without spectral norm."""
    return layer


class BatchNorm(nn.Module):
    """Batch norm of (n, channels, h, w); with `change`, a map y -> (n, 2 channels), its gain and bias follow y (n, ...).

    The running statistics are those of the training batches; evaluation uses them, so a sample does not depend on the
    others that are drawn with it.
    """

    def __init__(self, channels: int, change: nn.Module | None = None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=change is None)
        self.change = change

    def forward(self, x: Float[Tensor, "n c h w"], y: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        normal: Tensor = self.norm(x)
        if self.change is None:
            return normal
        gain, bias = self.change(y)[:, :, None, None].chunk(2, 1)
        changed: Tensor = normal * (1 + gain) + bias
        return changed


def change(form: Format, channels: int) -> nn.Module | None:
    """Gains and biases of a BatchNorm for each condition, all equal at first; None where there is no condition.

    W E(c), not a table of them: Adam moves a table's entries by the rate a step at most, so that classes would take thousands
    of steps to come apart; |E(c)|^2 = 128 makes that so much faster.
    """
    if not form.conditional:
        return None
    linear = nn.Linear(EMBEDDED, 2 * channels, bias=False)
    nn.init.zeros_(linear.weight)
    return nn.Sequential(Embed(form, EMBEDDED), linear)
