"""What a restoration has to beat: bicubic enlargement, the best linear filter, harmonic fill, grey and the mean colour."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import torch
from torch.nn.functional import conv2d, pad, pixel_shuffle, pixel_unshuffle, unfold

from rivals.core.types import Float, Tensor
from rivals.games.translation import Pair
from rivals.media.gallery import values
from rivals.nn.lab import to_lab
from rivals.tasks.restoration.damage import Damage, larger, pixels_of_values
from rivals.tasks.restoration.data import Good

Simple = Callable[[Pair], Tensor]
"""Pairs, of which only the sources are read -> results like the targets."""
WINDOWS = 512  # of training pictures, from which a filter is fitted
RIDGE = 1e-4


def baselines(good: Good, damage: Damage) -> dict[str, Simple]:
    """By name, fitted on the training pictures alone."""
    if damage.job == "colour":
        return {"grey": lambda pair: tinted(pair, torch.zeros(2)), "mean colour": _mean_colour(good)}
    if damage.job == "inpaint":
        mean = torch.stack([values([each]).mean((0, 2, 3)) for each in good.train.pixels[:WINDOWS]]).mean(0)
        return {"mean fill": lambda pair: filled(pair, mean), "harmonic fill": harmonic}
    first: dict[str, Simple] = {"bicubic": lambda pair: bicubic(pair.source, damage.scale)}
    if damage.scale == 1:
        first = {"input": lambda pair: pair.source}
    return first | {"linear filter": linear_filter(good, damage, 5 if damage.scale > 1 else 7)}


def bicubic(source: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c hh ww"]:
    """By Pillow, of whole levels."""
    return values([larger(each, scale) for each in pixels_of_values(source)])


def linear_filter(good: Good, damage: Damage, side: int) -> Simple:
    """The linear map from side x side pixels, of all channels, to the pixel, or scale x scale pixels, in their middle that has
    the least mean squared error on windows of the training pictures; its weights solve (X'X + ridge) W = X'Y."""
    crop = min(48, *(min(each.shape[:2]) for each in good.train.pixels)) // damage.scale * damage.scale
    pair_up, both = good.stream(damage, crop)(0, 16, 16), [torch.zeros(()), torch.zeros(())]
    for pair in islice(pair_up, WINDOWS // 16):
        columns = unfold(_edged(pair.source, side), side)
        rows = torch.cat([columns, torch.ones_like(columns[:, :1])], 1).transpose(1, 2).flatten(0, 1).double()
        wanted = pixel_unshuffle(pair.target, damage.scale).flatten(2).transpose(1, 2).flatten(0, 1).double()
        both = [both[0] + rows.T @ rows, both[1] + rows.T @ wanted]
    solved = torch.linalg.solve(both[0] + RIDGE * torch.eye(len(both[0])), both[1]).float().T
    weight, bias = solved[:, :-1].reshape(len(solved), -1, side, side), solved[:, -1]
    return lambda pair: pixel_shuffle(conv2d(_edged(pair.source, side), weight, bias), damage.scale)


def _edged(source: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n c hh ww"]:
    return pad(source, (side // 2,) * 4, mode="replicate")


def filled(pair: Pair, colour: Float[Tensor, "c"]) -> Float[Tensor, "n c h w"]:
    """One colour in the hole."""
    return torch.where(pair.source[:, -1:] > 0, colour[:, None, None], pair.source[:, :-1])


def harmonic(pair: Pair) -> Float[Tensor, "n c h w"]:
    """Each missing pixel is the mean of its four neighbours (Laplace's equation), by Jacobi's iteration."""
    hole = pair.source[:, -1:] > 0
    x = filled(pair, pair.source[:, :-1].mean((0, 2, 3)))
    deepest = int(min(hole.any(3).sum(2).max(), hole.any(2).sum(2).max()))
    for _ in range(min(2 * deepest**2, 5000)):
        edged = pad(x, (1, 1, 1, 1), mode="replicate")
        mean = (edged[:, :, 2:, 1:-1] + edged[:, :, :-2, 1:-1] + edged[:, :, 1:-1, 2:] + edged[:, :, 1:-1, :-2]) / 4
        x = torch.where(hole, mean, x)
    return x


def tinted(pair: Pair, ab: Float[Tensor, "2"]) -> Float[Tensor, "n 3 h w"]:
    """L with the same a and b everywhere."""
    n, _, height, width = pair.source.shape
    return torch.cat([pair.source, ab[None, :, None, None].expand(n, 2, height, width)], 1)


def _mean_colour(good: Good) -> Simple:
    rows = np.linspace(0, len(good.train) - 1, min(WINDOWS, len(good.train))).astype(int)
    mean = torch.stack([to_lab(values([good.train.pixels[row]]))[:, 1:].mean((0, 2, 3)) for row in rows]).mean(0)
    return lambda pair: tinted(pair, mean)
