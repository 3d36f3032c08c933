"""Sheets: source, result and target of some pairs, a column a pair."""

from collections.abc import Mapping
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.types import Float, Tensor
from rivals.games.translation import Pair
from rivals.media.pictures import grid, scale_of
from rivals.tasks.translation.maps import coloured


def seen(source: Float[Tensor, "n k h w"], facts: Mapping[str, Any]) -> Float[Tensor, "n 3 h w"]:
    """Sources as pictures to look at: label maps in colours, grey as three equal channels."""
    if facts.get("label_classes"):
        colours = facts.get("palette")
        return coloured(source, [tuple(each) for each in colours] if colours else None)
    return rgb(source)


def rgb(values: Float[Tensor, "n k h w"]) -> Float[Tensor, "n 3 h w"]:
    """Three channels of pictures of one, three or more."""
    return values[:, :3].float().cpu() if values.shape[1] >= 3 else values[:, :1].expand(-1, 3, -1, -1).float().cpu()


def sheet(pair: Pair, made: Float[Tensor, "n c h w"], facts: Mapping[str, Any]) -> Image:
    """Rows of source, result and target."""
    rows = torch.cat([seen(pair.source, facts), rgb(made), rgb(pair.target)])
    return grid(rows, len(made), scale=scale_of(*made.shape[2:]))
