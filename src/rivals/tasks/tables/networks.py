"""A generator that makes a row column by column, each knowing those before it, and a discriminator of rows.

A level is drawn by the Gumbel trick, argmax(logits + gumbel), and its gradient is that of the softmax (straight through: Jang et
al. 2017, arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712).
"""

import torch
from torch import nn
from torch.nn.functional import leaky_relu, one_hot

from rivals.core.types import Float, Scores, Tensor
from rivals.nn.residual import scaled
from rivals.tasks.tables.layout import Layout

SMALLEST = 1e-6


class Residual(nn.Module):
    """x + W act(V act(x)), at first x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.last = scaled(nn.Linear(width, width)), nn.Linear(width, width)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.last(act(self.first(act(x))))
        return x + change


def act(x: Tensor) -> Tensor:
    return leaky_relu(x, 0.2)


def gumbel(normal: Tensor) -> Tensor:
    """Standard Gumbel noise from standard normal noise."""
    uniform: Tensor = torch.special.ndtr(normal.float()).clamp(SMALLEST, 1 - SMALLEST)
    return -(-uniform.log()).log()


def chosen(logits: Float[Tensor, "n k"], normal: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """A level drawn from softmax(logits), one-hot; its gradient is the softmax's, at temperature 1."""
    noisy = logits.float() + gumbel(normal)
    hard = one_hot(noisy.argmax(1), logits.shape[1]).to(noisy.dtype)
    if not logits.requires_grad:
        return hard
    soft = noisy.softmax(1)
    return hard + soft - soft.detach()


class Column(nn.Module):
    """Logits of a block's levels, or of a number's bins and its place in one, from the state; and what the state learns of it."""

    def __init__(self, levels: int, told: int, width: int, *, number: bool) -> None:
        super().__init__()
        self.hidden, self.logits = scaled(nn.Linear(width, width // 2)), scaled(nn.Linear(width // 2, levels), 0.5)
        self.tell = nn.Linear(told, width, bias=False)
        nn.init.normal_(self.tell.weight, std=0.3)
        self.place = (
            nn.Sequential(scaled(nn.Linear(width // 2 + levels + 1, 32)), nn.LeakyReLU(0.2), nn.Linear(32, 1)) if number else None
        )

    def seen(self, state: Tensor) -> Float[Tensor, "n hidden"]:
        return act(self.hidden(act(state)))


class Generator(nn.Module):
    """(n, noises) normal noise and conditions (n, 2) -> wide rows (n, width), exact in their forward values.

    A condition is (block, level), block -1 for none: that block then is that level.
    """

    def __init__(self, layout: Layout, *, latent: int, width: int) -> None:
        super().__init__()
        self.layout, self.latent = layout, latent
        self.draws = [b.width if b.kind == "choice" else layout.bins + 1 for b in layout.blocks]
        self.noises = latent + sum(self.draws)
        self.start, self.wanted = scaled(nn.Linear(latent, width)), nn.Embedding(layout.levels + 1, width)
        nn.init.normal_(self.wanted.weight, std=0.3)
        self.trunk = nn.Sequential(Residual(width), Residual(width))
        self.columns = nn.ModuleList(
            Column(block.width if block.kind == "choice" else layout.bins, told, width, number=block.kind == "number")
            for block, told in zip(layout.blocks, layout.widths, strict=True)
        )

    def forward(self, z: Float[Tensor, "n noises"], condition: Tensor | None = None) -> Float[Tensor, "n width"]:
        latent, *draws = z.split([self.latent, *self.draws], 1)
        if condition is None:
            condition = torch.full((len(z), 2), -1.0, device=z.device)
        state = self.trunk(self.start(latent) + self.wanted(self.layout.level(condition)))
        parts: list[Tensor] = []
        for at, (block, column, noise) in enumerate(zip(self.layout.blocks, self.columns, draws, strict=True)):
            seen = column.seen(state)
            if block.kind == "choice":
                part = self._forced(chosen(column.logits(seen), noise), condition, at)
            else:
                part = self._number(column, seen, noise)
                part = part * parts[block.gate[0]][:, block.gate[1], None] if block.gate else part
            parts.append(part)
            state = state + column.tell(part.to(state.dtype))
        return torch.cat(parts, 1)

    def _forced(self, made: Float[Tensor, "n k"], condition: Tensor, at: int) -> Float[Tensor, "n k"]:
        block, level = condition.long().unbind(1)
        asked = one_hot(level.clamp(0, made.shape[1] - 1), made.shape[1]).to(made.dtype)
        return torch.where((block == at)[:, None], asked, made)

    def _number(self, column: nn.Module, seen: Tensor, noise: Tensor) -> Float[Tensor, "n told"]:
        bins = chosen(column.logits(seen), noise[:, :-1])
        place = column.place(torch.cat([seen, bins.to(seen.dtype), noise[:, -1:]], 1)).sigmoid()
        return torch.cat([bins, place.to(bins.dtype), self.layout.number(bins, place.to(bins.dtype))], 1)


class Discriminator(nn.Module):
    """Wide rows (n, width) and conditions (n, 2) -> scores (n,)."""

    pack = 1

    def __init__(self, layout: Layout, *, width: int) -> None:
        super().__init__()
        self.layout, self.see = layout, scaled(nn.Linear(layout.width, width))
        self.wanted = nn.Embedding(layout.levels + 1, width)
        nn.init.normal_(self.wanted.weight, std=0.3)
        self.trunk, self.score = nn.Sequential(Residual(width), Residual(width)), scaled(nn.Linear(width, 1))

    def forward(self, rows: Float[Tensor, "n width"], condition: Tensor | None = None) -> Scores:
        x = self.see(rows)
        if condition is not None:
            x = x + self.wanted(self.layout.level(condition))
        score: Tensor = self.score(act(self.trunk(x)))
        return score.squeeze(1)
