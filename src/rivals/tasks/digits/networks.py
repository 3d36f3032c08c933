"""Players for 8x8 digits: three dense layers each, the class embedded beside the latent or the picture."""

import torch
from torch import nn

from rivals.core.types import Float, Int, Tensor


class Generator(nn.Module):
    """(n, latent) noise and (n,) digits -> pictures (n, 1, 8, 8) in [-1, 1]."""

    def __init__(self, latent: int, width: int, classes: int = 10) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, latent)
        self.layers = nn.Sequential(
            nn.Linear(2 * latent, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 64),
        )

    def forward(self, z: Float[Tensor, "n latent"], label: Int[Tensor, "n"]) -> Float[Tensor, "n 1 8 8"]:
        return self.layers(torch.cat([z, self.label(label)], 1)).tanh().view(-1, 1, 8, 8)


class Discriminator(nn.Module):
    """Pictures (n, 1, 8, 8) and (n,) digits -> scores (n,): <w_label, h(x)> + v h(x) (projection, arXiv:1802.05637)."""

    def __init__(self, width: int, classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Linear(width, 1)
        self.label = nn.Embedding(classes, width)
        nn.init.normal_(self.label.weight, std=width**-0.5)

    def forward(self, x: Float[Tensor, "n 1 8 8"], label: Int[Tensor, "n"]) -> Float[Tensor, "n"]:
        h = self.layers(x.flatten(1))
        return self.score(h).squeeze(1) + (h * self.label(label)).sum(1)
