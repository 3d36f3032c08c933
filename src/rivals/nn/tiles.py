"""Tiles: a picture of any size through a network a piece at a time, so that memory is bounded by the tile, without seams.

Neighbouring tiles share `overlap` pixels. Over the middle half of that band their results are mixed, w and 1 - w with w from
0 to 1; the outer quarters, which have seen a tile's border, are cut off. A network whose receptive field reaches at most
overlap / 4 pixels far gives what it would give for the whole picture.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch.nn.functional import pad

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor

Network = Callable[[Tensor], Tensor]


def tiled(
    network: Network, picture: Float[Tensor, "1 c h w"], *, tile: int = 0, overlap: int = 32, scale: int = 1, multiple: int = 1
) -> Float[Tensor, "1 k hh ww"]:
    """network(picture), of `scale` times the size, in tiles of at most tile x tile pixels of the picture.

    tile: 0 for the whole picture at once. overlap: pixels that neighbours share; a tile is at least twice as large. multiple:
    what the network's sides must be divisible by; the picture is padded by its mirror image, and the result cut back.
    Raises UserError for a tile that is too small.
    """
    height, width = picture.shape[2:]
    whole = padded(picture, multiple)
    side = tile // multiple * multiple
    shared = max(-(-overlap // (2 * multiple)) * 2 * multiple, 2 * multiple)
    if tile and side < 2 * shared:
        raise UserError(f"tile is {tile}: give at least {2 * shared}, or 0 for whole pictures")
    if not tile or max(whole.shape[2:]) <= side:
        return network(whole)[:, :, : height * scale, : width * scale]
    rows, columns = (_places(length, side, shared) for length in whole.shape[2:])
    result = torch.empty(0)
    for top, row_weight in zip(rows, _weights(rows, side, shared, scale), strict=True):
        for left, column_weight in zip(columns, _weights(columns, side, shared, scale), strict=True):
            made = network(whole[:, :, top : top + side, left : left + side])
            if not len(result):
                result = made.new_zeros(1, made.shape[1], whole.shape[2] * scale, whole.shape[3] * scale)
            down, right = made.shape[2:]
            weight = row_weight.to(made)[:down, None] * column_weight.to(made)[:right]
            result[:, :, top * scale :, left * scale :][:, :, :down, :right] += made * weight
    return result[:, :, : height * scale, : width * scale]


def padded(picture: Float[Tensor, "n c h w"], multiple: int) -> Float[Tensor, "n c hh ww"]:
    """The picture with its mirror image below and at the right until `multiple` divides its sides."""
    for axis in (2, 3):
        while lacking := -picture.shape[axis] % multiple:
            step = min(lacking, picture.shape[axis] - 1)  # a mirror image has one row or column less
            sizes = (0, 0, 0, step or lacking) if axis == 2 else (0, step or lacking, 0, 0)
            picture = pad(picture, sizes, mode="reflect" if step else "replicate")
    return picture


def _places(length: int, side: int, shared: int) -> list[int]:
    """Where tiles begin along an axis; the last one ends with the picture."""
    last = max(length - side, 0)
    return [*range(0, last, side - shared), last]


def _weights(places: list[int], side: int, shared: int, scale: int) -> list[Tensor]:
    """Of each tile along an axis, for the pixels of its result; of all tiles together they sum to 1 everywhere."""

    def rise(start: int, middle: float) -> Tensor:
        """From 0 to 1 over half of the shared band about `middle`, the last tile's too, which may share more."""
        pixels = torch.arange(side * scale) + 0.5 + start * scale
        return ((pixels - middle * scale) / (shared / 2 * scale) + 0.5).clamp(0, 1)

    middles = [(before + side + start) / 2 for before, start in pairwise(places)]
    found = []
    for index, start in enumerate(places):
        weight = rise(start, middles[index - 1]) if index else torch.ones(side * scale)
        found.append(weight * (1 - rise(start, middles[index])) if index < len(middles) else weight)
    return found
