"""Layout: rows as networks see them. A choice is a one-hot vector; a number is the bin it falls in, its place there, and itself.

Bins hold equal shares of a standard normal, which an encoded number is: a network says sharp things about a bin (no row between
two clusters) and smooth ones about the place in it.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import one_hot

from rivals.core.types import Float, Tensor
from rivals.tasks.tables.data import Block

EDGE = 3.5  # encoded numbers end here


class Layout(nn.Module):
    """Compact rows (n, blocks), as a Form encodes them, to wide rows (n, width) and back; it has no weights.

    bins: of each number; 0 for the number alone. A number that its gate says is not there is zeros.
    """

    edges: Tensor

    def __init__(self, blocks: Sequence[Block], bins: int) -> None:
        super().__init__()
        self.blocks, self.bins = tuple(blocks), bins
        shares = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1] if bins else torch.empty(0)
        ends = torch.cat([torch.tensor([-EDGE]), torch.special.ndtri(shares).float(), torch.tensor([EDGE])])
        self.register_buffer("edges", ends, persistent=False)
        self.widths = [block.width if block.kind == "choice" else bins + 1 + bool(bins) for block in self.blocks]
        self.width = sum(self.widths)
        starts = torch.tensor([0, *(block.width if block.kind == "choice" else 0 for block in self.blocks)]).cumsum(0)
        self.register_buffer("starts", starts, persistent=False)  # of each block's levels among those of all blocks
        self.levels = int(starts[-1])

    def wide(self, rows: Float[Tensor, "n blocks"]) -> Float[Tensor, "n width"]:
        """What the players see of rows."""
        parts = []
        for at, block in enumerate(self.blocks):
            if block.kind == "choice":
                parts.append(one_hot(rows[:, at].long(), block.width).to(rows.dtype))
                continue
            number = rows[:, at : at + 1]
            there = (rows[:, block.gate[0]] == block.gate[1])[:, None].to(rows.dtype) if block.gate else torch.ones_like(number)
            parts.append(torch.cat([*self._binned(number), number], 1) * there)
        return torch.cat(parts, 1)

    def _binned(self, number: Float[Tensor, "n 1"]) -> list[Tensor]:
        if not self.bins:
            return []
        number = number.clamp(-EDGE, EDGE)
        found = torch.bucketize(number, self.edges[1:-1].to(number.dtype))
        low, high = self.edges[found], self.edges[found + 1]
        return [one_hot(found[:, 0], self.bins).to(number.dtype), (number - low) / (high - low)]

    def number(self, chosen: Float[Tensor, "n bins"], place: Float[Tensor, "n 1"]) -> Float[Tensor, "n 1"]:
        """The number at `place`, 0 to 1, in the bin that is chosen."""
        low = chosen @ self.edges[:-1, None].to(chosen.dtype)
        return low + place * (chosen @ self.edges.diff()[:, None].to(chosen.dtype))

    def compact(self, wide: Float[Tensor, "n width"]) -> Float[Tensor, "n blocks"]:
        """The rows that wide ones tell of."""
        parts = zip(self.blocks, wide.split(self.widths, 1), strict=True)
        return torch.stack([part.argmax(1).to(wide.dtype) if block.kind == "choice" else part[:, -1] for block, part in parts], 1)

    def level(self, condition: Float[Tensor, "n 2"]) -> Tensor:
        """(n,) the level that a condition (block, level) asks for, counted over all blocks from 1; 0 for block -1, none."""
        block, level = condition.long().unbind(1)
        return torch.where(block < 0, 0, self.starts[block.clamp(min=0)] + level + 1)
