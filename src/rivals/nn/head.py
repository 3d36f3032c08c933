"""Head: a discriminator's score of features h(x) under a condition c, in one of three ways.

projection: v h + <E(c), h> (Miyato and Koyama 2018, arXiv:1802.05637). auxiliary: v h, and beside it a classifier of h
(AC-GAN, Odena et al. 2017, arXiv:1610.09585). embedding: v a(W [h, E(c)]), the embedded condition beside the features (Reed et
al. 2016, arXiv:1605.05396).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from rivals.core.types import Float, Tensor
from rivals.nn.condition import Embed
from rivals.nn.format import Format

ConditionBy = Literal["projection", "auxiliary", "embedding"]
WIDEST = 256  # of the embedded condition, and of the layer that sees it beside the features


class Head(nn.Module):
    """Features (n, width) and conditions -> scores (n,); unconditional formats have v h alone, by all three ways.

    wrap: applied to each layer with a weight (spectral norm, initialisation).
    """

    def __init__(self, form: Format, width: int, by: ConditionBy, *, wrap: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__()
        by_condition = by if form.conditional else ""
        self.classifier = wrap(nn.Linear(width, form.classes + form.attributes)) if by_condition == "auxiliary" else None
        # A gain of 1 / sqrt(width): <E(c), h> is as large as h, not sqrt(width) times.
        self.project = Embed(form, width, gain=width**-0.5) if by_condition == "projection" else None
        hidden = min(width, WIDEST)
        self.embed = Embed(form, hidden) if by_condition == "embedding" else None
        self.merge = wrap(nn.Linear(width + hidden, hidden)) if self.embed else None
        self.score = wrap(nn.Linear(hidden if self.embed else width, 1))
        if self.project:
            wrap(self.project.table)

    def forward(self, h: Float[Tensor, "n d"], condition: Tensor | None = None) -> Float[Tensor, "n"]:
        if self.merge and self.embed and condition is not None:
            h = leaky_relu(self.merge(torch.cat([h, self.embed(condition)], 1)), 0.2)
        score: Tensor = self.score(h).squeeze(1)
        return score if self.project is None or condition is None else score + (h * self.project(condition)).sum(1)

    def classify(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Logits of each class, or of each attribute (its value, where it is continuous)."""
        if self.classifier is None:
            raise ValueError("only a conditional head by auxiliary classification can classify")
        logits: Tensor = self.classifier(h)
        return logits
