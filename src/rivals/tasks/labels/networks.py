"""The players of Salimans et al. 2016 (arXiv:1606.03498) for flat pictures: dense layers, noise at every layer, weight norm.

Weight norm: w = g v / |v| for each unit; g and the bias start so that the first batch has mean 0 and deviation 1 in front of
each non-linearity (Salimans and Kingma 2016, arXiv:1602.07868). Adam's steps turn v by about rate / |v|, so v must not start
as short as PyTorch makes it.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from rivals.core.types import Float, Tensor
from rivals.nn.format import Format

WIDTHS = (1000, 500, 250, 250, 250)
SPREAD = {"generator": 0.05, "discriminator": 0.1}  # deviation of the first weights


class Generator(nn.Module):
    """(n, latent) noise -> pictures in [-1, 1]: two layers of softplus behind batch norm, and a weight-normed sigmoid."""

    def __init__(self, form: Format, *, latent: int = 100, width: int = 500) -> None:
        super().__init__()
        self.size = form.channels, form.height, form.width
        self.layers = nn.Sequential(
            nn.Linear(latent, width), nn.BatchNorm1d(width), nn.Softplus(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.Softplus(),
            weight_norm(nn.Linear(width, prod(self.size))),
        )  # fmt: skip
        _begin(self.layers, SPREAD["generator"])

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        return (2 * torch.sigmoid(self.layers(z)) - 1).view(-1, *self.size)


class Discriminator(nn.Module):
    """Pictures -> K logits: of each class that it is real *and* of that class; "generated" has the logit 0 that is not shown.

    noise: deviations of the Gaussian noise on the pixels (in [0, 1]) and in front of each further layer, in training.
    minibatch: numbers of similarity to the rest of the batch that the last layer sees too; 0 for none.
    """

    def __init__(
        self, form: Format, *, widths: Sequence[int] = WIDTHS, noise: tuple[float, float] = (0.3, 0.5), minibatch: int = 0
    ) -> None:
        super().__init__()
        sizes = [form.channels * form.height * form.width, *widths]
        self.layers = nn.ModuleList(weight_norm(nn.Linear(a, b)) for a, b in pairwise(sizes))
        for layer in self.layers:  # hidden layers keep the scale that they start with: trained, it grows without end
            layer.parametrizations.weight.original0.requires_grad_(False)  # type: ignore[union-attr, operator]
        self.beside = Similarity(sizes[-1], minibatch) if minibatch else None
        self.head = weight_norm(nn.Linear(sizes[-1] + minibatch, form.classes))
        self.noise = noise
        _begin([*self.layers, self.head], SPREAD["discriminator"])

    def features(self, x: Float[Tensor, "n c h w"], *, quiet: bool = False) -> Float[Tensor, "n d"]:
        """The last hidden layer, which feature matching compares. quiet: without noise, in training too."""
        h = (x.flatten(1) + 1) / 2
        for place, layer in enumerate(self.layers):
            h = torch.relu(layer(h if quiet else self._disturbed(h, self.noise[place > 0])))
        return h

    def logits(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Of the features of a batch."""
        seen = h if self.beside is None else torch.cat([h, self.beside(h)], 1)
        logits: Tensor = self.head(self._disturbed(seen, self.noise[1]))
        return logits

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        return self.logits(self.features(x))

    def _disturbed(self, h: Tensor, deviation: float) -> Tensor:
        return h + deviation * torch.randn_like(h) if self.training else h

    @torch.no_grad()
    def start(self, x: Float[Tensor, "n c h w"]) -> None:
        """Sets each layer's scale and bias from pictures, as data-dependent initialisation does: with the noise of training, or
        the pictures' scale outgrows it from layer to layer."""
        h = (x.flatten(1) + 1) / 2
        for place, layer in enumerate(self.layers):
            h = h + self.noise[place > 0] * torch.randn_like(h)
            _normalise(layer, h)
            h = torch.relu(layer(h))
        if self.beside is not None:
            alike = self.beside(h)
            self.beside.usual.copy_(alike.mean(0))
            h = torch.cat([h, alike], 1)
        _normalise(self.head, h + self.noise[1] * torch.randn_like(h))


@torch.no_grad()
def _begin(layers: Iterable[nn.Module], deviation: float) -> None:
    """Draws the weights of dense layers; weight-normed ones start at scale 1."""
    for layer in layers:
        if isinstance(layer, nn.Linear) and is_parametrized(layer):
            layer.parametrizations.weight.original1.normal_(0, deviation)  # type: ignore[union-attr, operator]
            layer.parametrizations.weight.original0.fill_(1)  # type: ignore[union-attr, operator]
            layer.bias.zero_()
        elif isinstance(layer, nn.Linear):
            layer.weight.normal_(0, deviation)


def _normalise(layer: nn.Module, inputs: Tensor) -> None:
    outputs = layer(inputs)
    deviation = outputs.std(0).clamp(min=1e-3)
    layer.bias.copy_((layer.bias - outputs.mean(0)) / deviation)  # type: ignore[operator, union-attr, arg-type]
    layer.parametrizations.weight.original0.div_(deviation[:, None])  # type: ignore[union-attr]


class Similarity(nn.Module):
    """Minibatch features: o_b(x_i) = sum over j of exp(-|M_b x_i - M_b x_j|_1), for `count` matrices M_b to `depth` numbers.

    In evaluation their usual values in training, over real and generated batches: what a picture is must not depend on those that
    are asked about with it.
    """

    usual: Tensor

    def __init__(self, inputs: int, count: int, depth: int = 5) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, count * depth, bias=False)
        self.count = count
        self.register_buffer("usual", torch.zeros(count))

    def forward(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n count"]:
        if not self.training:
            return self.usual.expand(len(h), -1)
        m = self.project(h).view(len(h), self.count, -1)
        alike = torch.exp(-(m[:, None] - m[None]).abs().sum(3)).sum(1) - 1  # without itself
        with torch.no_grad():
            self.usual.lerp_(alike.mean(0).to(self.usual.dtype), 0.01)
        return alike
