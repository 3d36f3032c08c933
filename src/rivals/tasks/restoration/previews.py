"""Sheets: source, result and target of pictures side by side, as pictures are looked at."""

from typing import Any

import torch
from PIL.Image import Image
from torch.nn.functional import interpolate

from rivals.core.trainer import Report, Trainer, Watcher
from rivals.core.types import Float, Tensor
from rivals.games.translation import Pair
from rivals.media.pictures import grid, scale_of
from rivals.nn.lab import to_rgb
from rivals.nn.tiles import padded, tiled
from rivals.tasks.restoration.damage import Damage

TILE, OVERLAP = 512, 64  # pixels of the source


def seen(source: Tensor, damage: Damage) -> Float[Tensor, "n c h w"]:
    """Sources as pictures of the targets' size: the small one enlarged without smoothing, L as grey, a hole as mid grey."""
    if damage.job == "colour":
        return to_rgb(torch.cat([source, torch.zeros_like(source), torch.zeros_like(source)], 1))
    if damage.job == "inpaint":
        return source[:, :-1]
    return interpolate(source, scale_factor=damage.scale) if damage.scale > 1 else source


def restored(network: Any, source: Tensor, damage: Damage) -> Float[Tensor, "n c h w"]:
    """Results of any size, as the network gives them: what it cannot take is padded, and cut back; a large one in tiles."""
    if len(source) == 1:
        return tiled(network, source, tile=TILE, overlap=OVERLAP, scale=damage.scale, multiple=network.multiple)
    made = network(padded(source, network.multiple))
    return made[:, :, : source.shape[2] * damage.scale, : source.shape[3] * damage.scale]


def sheet(pair: Pair, made: Tensor, damage: Damage, *, across: int = 1) -> Image:
    """Rows of source | result | target, `across` of them side by side; made: results as pictures."""
    source, target = seen(pair.source, damage), damage.shown(pair.target)
    tiles = torch.stack([source.cpu(), made.float().cpu(), target.cpu()], 1).flatten(0, 1)
    return grid(tiles, 3 * across, scale=scale_of(*target.shape[2:]))


def previews(pair: Pair, damage: Damage) -> Watcher:
    """A watcher that writes samples/<seen>.png: source | result | target of held-out pictures, two a row."""

    def preview(trainer: Trainer[Any], report: Report) -> None:
        if trainer.store is None:
            return
        with trainer.averaged() as average:
            made = restored(average.generator, pair.source.to(trainer.device), damage)
            image = sheet(pair, damage.shown(made), damage, across=2)
        trainer.store.write(f"samples/{report.seen:012d}.png", lambda file: image.save(file, "PNG"))

    return preview
