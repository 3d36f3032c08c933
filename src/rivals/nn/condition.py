"""Embed: a condition (class number, several labels, continuous values) as a vector that a network can use."""

import torch
from torch import nn

from rivals.core.types import Float, Tensor
from rivals.nn.format import Format


class Embed(nn.Module):
    """The condition of a Format as (n, width): a row of a table for a class, a linear map of attributes.

    Used both beside the latent (concatenated) and at the discriminator's end, where its product with the features joins
    the score (projection, Miyato and Koyama 2018, arXiv:1802.05637).
    """

    def __init__(self, form: Format, width: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.attributes = form.attributes
        self.table = nn.Linear(form.attributes, width, bias=False) if form.attributes else nn.Embedding(form.classes, width)
        nn.init.normal_(self.table.weight, std=gain * max(form.attributes, 1) ** -0.5)

    def forward(self, condition: Tensor) -> Float[Tensor, "n width"]:
        embedded: Tensor = self.table(condition.float() if self.attributes else condition)
        return embedded


def beside(z: Float[Tensor, "n latent"], embed: Embed | None, condition: Tensor | None) -> Float[Tensor, "n inputs"]:
    """The latent, and the embedded condition beside it where there is one."""
    return z if embed is None or condition is None else torch.cat([z, embed(condition)], 1)
