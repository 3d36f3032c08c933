"""Styles: a latent z becomes w, which scales the inputs of each convolution (Karras et al. 2020, arXiv:1912.04958).

y_j = sum_ik w_ijk s_i x_i / sqrt(sum_ik (s_i w_ijk)^2): weights scaled by the style s = A(w), then demodulated to outputs of
unit variance. Scaling x_i and y_j is the same as scaling the weights, and keeps one weight for the whole batch: it needs no
convolution in as many groups as there are pictures, which does not export.
"""

import math

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

from rivals.core.types import Float, Int, Tensor
from rivals.nn.condition import Embed, beside
from rivals.nn.equalized import Linear, act
from rivals.nn.format import Format
from rivals.nn.noise import Noise


def modulated(
    x: Float[Tensor, "n inputs h w"],
    weight: Float[Tensor, "outputs inputs side side"],
    style: Float[Tensor, "n inputs"],
    *,
    demodulate: bool = True,
) -> Float[Tensor, "n outputs h w"]:
    """The convolution of x with weights that the style scales; sides are odd and the size stays."""
    y = conv2d(x * style[:, :, None, None].to(x.dtype), weight, padding=weight.shape[2] // 2)
    if not demodulate:
        return y
    energy = linear(style.square(), weight.square().sum((2, 3)))
    return y * (energy + 1e-8).rsqrt()[:, :, None, None].to(y.dtype)


class Styled(nn.Module):
    """A modulated 3x3 convolution with noise, bias and LeakyReLU: (n, inputs, *size) -> (n, outputs, *size)."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], latent: int) -> None:
        super().__init__()
        self.gain = 1 / math.sqrt(9 * inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Linear(latent, inputs, bias=1.0)
        self.noise = Noise(size, latent)

    def forward(
        self, x: Float[Tensor, "n inputs h w"], w: Float[Tensor, "n latent"], z: Float[Tensor, "n latent"]
    ) -> Float[Tensor, "n outputs h w"]:
        y: Tensor = self.noise(modulated(x, self.weight * self.gain, self.affine(w)), z)
        return act(y + self.bias[:, None, None].to(y.dtype))


class Paint(nn.Module):
    """Features as a picture: a modulated 1x1 convolution, not demodulated, so that a style also sets the contrast."""

    def __init__(self, inputs: int, channels: int, latent: int) -> None:
        super().__init__()
        self.gain = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.affine = Linear(latent, inputs, bias=1.0)

    def forward(self, x: Float[Tensor, "n inputs h w"], w: Float[Tensor, "n latent"]) -> Float[Tensor, "n channels h w"]:
        y = modulated(x, self.weight * self.gain, self.affine(w), demodulate=False)
        return y + self.bias[:, None, None].to(y.dtype)


class Mapping(nn.Module):
    """z, and the embedded condition beside it, -> w, both (n, latent); z is scaled to the length sqrt(latent) first.

    It learns a hundredth as fast as the rest: the paper's figure, without which it makes training unstable.
    """

    def __init__(self, form: Format, latent: int, depth: int) -> None:
        super().__init__()
        self.embed = Embed(form, latent) if form.conditional else None
        inputs = [latent * (1 + form.conditional)] + [latent] * (depth - 1)
        self.layers = nn.ModuleList(Linear(each, latent, rate=0.01) for each in inputs)

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n latent"]:
        w = beside(z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt(), self.embed, condition)
        for layer in self.layers:
            w = act(layer(w))
        return w


def mixed(
    first: Float[Tensor, "n layers latent"], second: Float[Tensor, "n layers latent"], crossover: Int[Tensor, "n"]
) -> Float[Tensor, "n layers latent"]:
    """Style mixing: the first latent's styles below layer `crossover`, the second's from there on."""
    later = torch.arange(first.shape[1], device=first.device) >= crossover[:, None]
    return torch.where(later[:, :, None], second, first)
