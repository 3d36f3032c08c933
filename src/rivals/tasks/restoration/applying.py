"""A trained restoration on a person's own files: at their own size, in tiles, by a network between the run's two stages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn.functional import interpolate as resized

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.media.convert import Change, Taken, convert, pictures_of, take
from rivals.media.fit import parse, with_channels
from rivals.media.wanted import Trained
from rivals.nn.lab import to_lab, to_rgb
from rivals.nn.tiles import tiled
from rivals.tasks.restoration.damage import covered
from rivals.tasks.restoration.game import between
from rivals.tasks.restoration.previews import OVERLAP, TILE
from rivals.tasks.restoration.training import damage_of


class How(NamedTuple):
    """tile: pixels of a piece, 0 for whole pictures. sharpness: 0 for the faithful network, 1 for the adversarial one. masks: of
    inpaint, where pictures are missing, in white: a picture, or a folder with the pictures' names. compare, sheets: see
    media.convert.
    """

    tile: int = TILE
    sharpness: float = 1.0
    masks: Path | None = None
    compare: Path | None = None
    sheets: bool = False


def restore(model: Trained, files: Sequence[Path], out: Path, how: How) -> list[Path]:
    """Restores picture files and folders of them into `out`; returns the files written. Raises UserError."""
    damage = damage_of(model.record["facts"])
    if how.tile < 0:
        raise UserError(f"tile is {how.tile}: give pixels, or 0 for whole pictures")
    if not 0 <= how.sharpness <= 1:
        raise UserError(f"sharpness is {how.sharpness}: give a number from 0, faithful, to 1, adversarial")
    if (how.masks is None) != (damage.job != "inpaint"):
        lacking = "fills holes: give --masks, pictures that are white where something is missing"
        raise UserError(f"{model.run} {lacking if damage.job == 'inpaint' else f'does {damage.job}: --masks is for inpaint'}")
    network, read = between(model.game, how.sharpness), None
    if how.masks is not None:
        filling = Filling(network, how.tile, _masks(how.masks, files))
        change, read = filling.change, filling.read
    elif damage.job == "colour":
        change = _colouring(network, how.tile, model.record["arguments"].get("size"))
    else:
        change = _in_tiles(network, how.tile, damage.scale)
    return convert(files, out, change, channels=damage.channels, compare=how.compare, sheets=how.sheets, read=read)


def _in_tiles(network: Any, tile: int, scale: int = 1) -> Change:
    def change(values: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 k hh ww"]:
        return tiled(network, values, tile=tile, overlap=OVERLAP, scale=scale, multiple=network.multiple)

    return change


def _colouring(network: Any, tile: int, size: str | None) -> Change:
    """L stays the picture's own; a and b are made at the scale that the run was trained on, if its pictures were scaled."""
    colours = _in_tiles(network, tile)

    def change(values: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 3 h w"]:
        light = to_lab(values)[:, :1]
        height, width = light.shape[2:]
        small = light
        if size:
            ratio = max(wanted / side for wanted, side in zip(parse(size), (height, width), strict=True))
            scaled = max(round(height * ratio), 1), max(round(width * ratio), 1)
            small = resized(light, size=scaled, mode="bicubic", antialias=True)
        ab = resized(colours(small)[:, 1:], size=(height, width), mode="bilinear", align_corners=False)
        return to_rgb(torch.cat([light, ab], 1))

    return change


class Filling:
    """Reads a picture and its mask, and fills the hole. masks: of each picture file."""

    def __init__(self, network: Any, tile: int, masks: dict[Path, Path]) -> None:
        self.fill, self.masks, self.hole = _in_tiles(network, tile), masks, torch.zeros(1, 1, 1, 1)

    def read(self, file: Path) -> Taken:
        """The picture, as it is; raises UserError where its mask has another size."""
        taken, mask = take(file), take(self.masks[file]).colour
        if mask.shape[:2] != taken.colour.shape[:2]:
            (high, wide), (height, width) = mask.shape[:2], taken.colour.shape[:2]
            raise UserError(f"{self.masks[file]} is {wide}x{high}, but {file} is {width}x{height}: a mask has its picture's size")
        self.hole = torch.from_numpy(with_channels(mask, 1) > mask.max() // 2).permute(2, 0, 1)[None].float()
        return taken

    def change(self, values: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h w"]:
        """The picture with the hole filled, and nothing else changed."""
        return torch.where(self.hole > 0, self.fill(covered(values, self.hole)), values)


def _masks(masks: Path, files: Sequence[Path]) -> dict[Path, Path]:
    """The mask of each picture file, by its name without the ending; raises UserError where one lacks."""
    if not masks.exists():
        raise UserError(f"{masks} does not exist: give --masks a folder of masks with the names of the pictures")
    found = pictures_of(files)
    if masks.is_file():
        return {each.file: masks for each in found}
    known = {each.result.with_suffix(""): each.file for each in pictures_of([masks])}
    if lacking := [each.file for each in found if each.result.with_suffix("") not in known]:
        raise UserError(f"{masks} holds no mask for {lacking[0]} (and {len(lacking) - 1} others): it needs the same names")
    return {each.file: known[each.result.with_suffix("")] for each in found}
