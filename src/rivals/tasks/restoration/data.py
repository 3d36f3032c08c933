"""The good pictures of a restoration: windows of them to train on, damaged as they are drawn, and whole ones held out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rivals.core.errors import UserError
from rivals.core.stream import Stream, mix
from rivals.core.types import Tensor
from rivals.games.translation import Pair
from rivals.media.fit import parse
from rivals.media.gallery import Gallery, Windows, digest, gallery
from rivals.media.opening import open_source
from rivals.media.split import split
from rivals.tasks.restoration.damage import Damage

MOST = 5000  # held-out pictures that are kept
TOGETHER = 1 << 17  # pixels that are restored at once


@dataclass(frozen=True)
class Good:
    """Good pictures, split: of any size, (h, w, c) uint8. digest: changes with any of their pixels."""

    train: Gallery
    held_out: Gallery
    digest: str

    def stream(self, damage: Damage, crop: int, *, seed: int = 0, mirror: bool = True, workers: int = 0) -> Stream[Pair]:
        """Endless pairs of crop x crop pixels, each damaged by a seed of its own; a function of the item's number."""
        sizes = [each.shape[:2] for each in self.train.pixels]
        windows = Windows(self.train.names, sizes, crop, crop, mirror=mirror, seed=seed)
        return Stream(partial(_fetch, self.train, windows, damage), len(windows), seed=seed, workers=workers)

    def whole(self, damage: Damage, rows: Sequence[int]) -> Pair:
        """Held-out pictures of one size in full, cut to a multiple of the scale; the same pairs at each call."""
        height, width = (side // damage.scale * damage.scale for side in self.held_out.pixels[rows[0]].shape[:2])
        pixels = [self.held_out.pixels[row][:height, :width] for row in rows]
        return damage.pair(pixels, [mix(row) for row in rows], centred=True)

    def groups(self, most: int) -> list[list[int]]:
        """The first `most` held-out pictures by number: small ones of one size together, so that they go quickly."""
        found: list[list[int]] = []
        sizes = [each.shape for each in self.held_out.pixels]
        for row in range(min(most, len(sizes))):
            last = found[-1] if found else []
            if last and sizes[row] == sizes[last[0]] and (len(last) + 1) * sizes[row][0] * sizes[row][1] <= TOGETHER:
                last.append(row)
            else:
                found.append([row])
        return found

    def crops(self, damage: Damage, rows: Sequence[int], most: int) -> Pair:
        """Windows in the middle of held-out pictures, of at most `most` pixels a side, all of one size."""
        side = min(most, *(min(self.held_out.pixels[row].shape[:2]) for row in rows))
        side = max(side // damage.scale * damage.scale, damage.scale)
        found = []
        for row in rows:
            height, width = self.held_out.pixels[row].shape[:2]
            top, left = (height - side) // 2, (width - side) // 2
            found.append(np.ascontiguousarray(self.held_out.pixels[row][top : top + side, left : left + side]))
        return damage.pair(found, [mix(row) for row in rows], centred=True)


def _fetch(pictures: Gallery, windows: Windows, damage: Damage, items: Tensor) -> Pair:
    cut = []
    for item in items.tolist():
        window = windows(item)
        cut.append(np.ascontiguousarray(window.of(pictures.pixels[window.picture], windows.height, windows.width)))
    return damage.pair(cut, [mix(windows.seed, item, 1) for item in items.tolist()])


def load(
    data: Path, held_out: Path | None = None, *, size: str | None = None, channels: int = 3, allow_bad: bool = False
) -> Good:
    """Every picture at `data` (a folder, .zip, .npz or .npy) in memory; those of `held_out`, or a tenth by the hash of their
    names, are set aside. size: to which they are scaled and cut, None for as they are. Raises UserError.
    """
    if channels not in (1, 3):
        raise UserError(f"channels is {channels}: give 1 or 3")
    sized = parse(size) if size else None
    source = open_source(data)
    found = gallery(source, size=sized, channels=channels, allow_bad=allow_bad)
    if held_out is None:
        row = {name: index for index, name in enumerate(source.names)}
        told = source.told(np.array([row[name] for name in found.names]))._replace(labels=None)
        test = split(found.names, told, found.pixels[0].size, str(data))
        train, held = found.take(np.flatnonzero(~test).tolist()), found.take(np.flatnonzero(test)[:MOST].tolist())
    else:
        train, held = found, gallery(open_source(held_out), size=sized, channels=channels, allow_bad=allow_bad)
        held = held.take(range(min(len(held), MOST)))
    print(
        f"{data}: {len(train)} pictures to train on, {len(held)} held out{f' of {held_out}' if held_out else ''}", file=sys.stderr
    )
    return Good(train, held, digest((train, held)))
