"""A trained translation on a person's own files: at the scale that it was trained on, in tiles, and back to the file's size."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import interpolate

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.media.convert import Change, Taken, convert, take
from rivals.media.decode import indices
from rivals.media.fit import with_channels
from rivals.media.gallery import Gallery
from rivals.media.wanted import Trained
from rivals.nn.tiles import tiled
from rivals.tasks.translation import maps

OVERLAP = 64


class How(NamedTuple):
    """tile: pixels of a piece, 0 for whole pictures. full: at the file's own size, although the run was trained on pictures
    scaled down. back: from target to source. compare, sheets: see media.convert.
    """

    tile: int = 512
    full: bool = False
    back: bool = False
    compare: Path | None = None
    sheets: bool = False


def translate(model: Trained, files: Sequence[Path], out: Path, how: How) -> list[Path]:
    """Translates picture files and folders of them into `out`; returns the files written. Raises UserError."""
    facts = model.record["facts"]
    if how.back and not facts.get("both_ways"):
        raise UserError(f"{model.run} goes from source to target only: --back is for translation.cyclegan")
    if how.tile < 0:
        raise UserError(f"tile is {how.tile}: give pixels, or 0 for whole pictures")
    channels = 3 if facts.get("label_classes") else int(facts["target_channels" if how.back else "source_channels"])
    if channels not in (1, 3):
        raise UserError(f"{model.run} takes pictures of {channels} channels, which no picture file holds")
    read = partial(_map_of, facts) if facts.get("label_classes") else None
    return convert(files, out, _change(model, how), channels=channels, compare=how.compare, sheets=how.sheets, read=read)


def _colours(facts: Mapping[str, Any]) -> maps.Palette:
    """Of each class, and black for no class where the map holds numbers."""
    told = facts["palette"]
    return [(red, green, blue) for red, green, blue in told] if told else [*maps.colours_of(facts["label_classes"]), (0, 0, 0)]


def _map_of(facts: Mapping[str, Any], file: Path) -> Taken:
    """A label map in colours; raises UserError for a class or colour that the run does not know."""
    taken, colours = take(file), _colours(facts)
    if facts["palette"]:
        maps.by_palette(Gallery([str(file)], [with_channels(taken.colour, 3)]), colours)
        return taken
    numbers = indices(file.read_bytes())
    numbers = taken.colour if numbers is None else numbers
    if numbers.shape[2] > 1:
        raise UserError(f"{file} is in colours, and this run's label maps hold class numbers: save it as grey, or with a palette")
    maps.numbers(Gallery([str(file)], [numbers]), facts["label_classes"])
    return Taken(np.array(colours, np.uint8)[np.minimum(numbers[..., 0], facts["label_classes"])], None, b"")


def _change(model: Trained, how: How) -> Change:
    facts, options = model.record["facts"], {"back": True} if how.back else {}

    def network(source: Tensor) -> Tensor:
        made: Tensor = model.task.change(model.game, source, **options)
        return made

    def change(values: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 k h w"]:
        source = _planes(values, facts) if facts.get("label_classes") else values
        height, width = source.shape[2:]
        scaled = _scaled(source, None if how.full else facts["size"], smooth=not facts.get("label_classes"))
        made = tiled(network, scaled, tile=how.tile, overlap=OVERLAP, multiple=facts["multiple"])
        if made.shape[2:] == (height, width):
            return made
        return interpolate(made, size=(height, width), mode="bicubic", antialias=True).clamp(-1, 1)

    return change


def _planes(values: Float[Tensor, "1 c h w"], facts: Mapping[str, Any]) -> Float[Tensor, "1 k h w"]:
    """The planes of a label map in colours."""
    pixels = ((values[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    numbers = maps.by_palette(Gallery(["the label map"], [pixels]), _colours(facts)).pixels[0]
    return maps.planes(torch.from_numpy(np.ascontiguousarray(numbers.transpose(2, 0, 1)))[None], facts["label_classes"])


def _scaled(source: Tensor, size: Sequence[int] | None, *, smooth: bool) -> Tensor:
    """The whole picture as large as those that the run was trained on, which covered `size`."""
    height, width = source.shape[2:]
    ratio = 1.0 if size is None else max(size[0] / height, size[1] / width)
    wanted = max(round(height * ratio), 1), max(round(width * ratio), 1)
    if wanted == (height, width):
        return source
    if smooth:
        return interpolate(source, size=wanted, mode="bicubic", antialias=True).clamp(-1, 1)
    return interpolate(source, size=wanted, mode="nearest-exact")
