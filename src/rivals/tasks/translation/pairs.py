"""Pairs: the training stream, the held-out pairs and the facts of a user's paired pictures."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.translation import Pair
from rivals.media.decode import Header, indices
from rivals.media.fit import parse
from rivals.media.gallery import Gallery, Windows, digest, gallery, values
from rivals.media.source import Encoded, Part, Source, part
from rivals.media.split import tenth
from rivals.tasks.translation import maps
from rivals.tasks.translation.edges import outlines
from rivals.tasks.translation.layout import Matched, matched
from rivals.tasks.translation.maps import Palette

JITTER = 1.1  # pictures are held so much larger than what is trained on, so that windows move


class Wish(NamedTuple):
    """How a person wants pairs to be read; see OPTIONS in training.py."""

    source: str | None = None
    target: str | None = None
    held_out: Path | None = None
    size: str | None = None
    crop: str | None = None
    classes: int | None = None
    palette: Path | None = None
    mirror: bool = True
    allow_bad: bool = False


@dataclass(frozen=True)
class Pairs:
    """train: endless, of windows of training pairs. held_out: whole pairs, up to 64 for looking at; each(row) gives any of the
    `held` pairs whole. facts: what run.json keeps. count: training pairs.
    """

    train: Stream[Pair]
    held_out: Pair
    each: Callable[[int], Pair]
    held: int
    facts: dict[str, Any]
    count: int
    fetch: Callable[[Tensor], Pair]


class Indexed(Part):
    """Pictures of which the palette's numbers are taken where they have one."""

    def picture(self, item: int) -> tuple[np.ndarray, Header, bytes]:
        pixels, told, digest = super().picture(item)
        numbers = self.indices(item)
        return (pixels if numbers is None else numbers), told, digest

    def indices(self, item: int) -> np.ndarray | None:
        """The palette's numbers, None where the file has no palette."""
        whole = self.whole
        return indices(whole.read(self.names[item])) if isinstance(whole, Encoded) else None


def indexed(source: Source, names: list[str]) -> Indexed:
    """The pictures of these names as label maps."""
    chosen = part(source, names)
    return Indexed(path=chosen.path, kind="maps", names=names, whole=source, rows=chosen.rows)


class Kind(NamedTuple):
    """What the sources are: maps of so many classes (0: pictures), in these colours or by number; channels of both sides."""

    classes: int
    palette: Palette | None
    source_channels: int
    target_channels: int


def load(data: Path, wish: Wish, *, seed: int = 0, workers: int = 0) -> Pairs:
    """The pairs at `data`, decoded and checked, a tenth held out where the data or `wish.held_out` set none aside.

    Raises UserError for whatever a person can mend.
    """
    size, crop = (parse(each) if each else None for each in (wish.size, wish.crop))
    found = matched(data, wish.source, wish.target)
    aside = matched(wish.held_out, wish.source, wish.target) if wish.held_out else None
    kind = _kind(found, wish)
    flags = found.held_out() if aside is None else None
    if aside is None and flags is None:
        flags = _by_hash(found.stems)
    shown = crop or size
    larger = None if size is None else tuple(round(each * JITTER) for each in size) if crop is None else size
    rows = [row for row in range(len(found.stems)) if not (flags and flags[row])]
    train = _read(found, rows, kind, larger, wish.allow_bad)
    rest = [row for row in range(len(found.stems)) if flags and flags[row]]
    held = _read(aside or found, list(range(len(aside.stems))) if aside else rest, kind, size, wish.allow_bad)
    shown = shown or _same_size(train)
    sizes = [each.shape[:2] for each in train[1].pixels]
    windows = Windows(train[1].names, sizes, *shown, mirror=wish.mirror, seed=seed)
    fetch = partial(_windows, train, windows, kind.classes)
    each = partial(_whole, held, kind.classes)
    facts = {
        "data": digest((*train, *held)),
        "size": list(size) if size else None,
        "window": list(shown),
        "source_channels": kind.classes or kind.source_channels,
        "target_channels": kind.target_channels,
        "label_classes": kind.classes,
        "palette": kind.palette,
        "edges": found.edges,
    }
    what = (
        f"maps of {kind.classes} classes" if kind.classes else "outlines" if found.edges else f"{kind.source_channels} channels"
    )
    print(f"{data}: {len(train[0])} pairs to train on, {len(held[0])} held out; source: {what}; trained on "
          f"{shown[0]}x{shown[1]} (height x width){'' if size else ', at full size'}", file=sys.stderr)  # fmt: skip
    return Pairs(Stream(fetch, len(windows), seed=seed, workers=workers), _together(each, len(held[0])), each, len(held[0]),
                 facts, len(train[0]), fetch)  # fmt: skip


def _kind(found: Matched, wish: Wish) -> Kind:
    """By the headers of up to 50 pictures of each side, and for label maps by all of their values."""
    target = _channels(found, found.targets)
    if found.side >= 0:
        return Kind(0, None, target, target)
    if found.edges:
        return Kind(0, None, 1, target)
    if wish.palette:
        return Kind(len(colours := maps.palette(wish.palette)), colours, 3, target)
    source = indexed(found.source, found.sources)
    if wish.classes is not None:
        if not 2 <= wish.classes <= maps.UNLABELLED:
            raise UserError(f"classes is {wish.classes}: give 2 to {maps.UNLABELLED}, or leave it out for pictures")
        return Kind(wish.classes, None, 1, target)
    channels = _channels(found, found.sources)
    paletted = source.indices(0) is not None
    if channels == 1 or paletted:
        few = gallery(indexed(found.source, found.sources[:50]), size=None, channels=1)
        if maps.looks_like_maps(few):
            return Kind(maps.classes_of(gallery(source, size=None, channels=1, allow_bad=wish.allow_bad)), None, 1, target)
    return Kind(0, None, channels, target)


def _channels(found: Matched, names: list[str]) -> int:
    """As most pictures have; what is transparent is laid over white."""
    source = part(found.source, names)
    told = [min(source.header(item).channels, 3) for item in range(0, len(names), max(len(names) // 50, 1))]
    return max(set(told), key=told.count)


def _read(found: Matched, rows: list[int], kind: Kind, size: Any, allow_bad: bool) -> tuple[Gallery, Gallery]:
    """Sources and targets of these rows, class numbers in the place of label maps."""
    if not rows:
        raise UserError(f"{found.source.path}: no pair is left to {'hold out' if size else 'train on'}: add pictures")
    names = [[side[row] for row in rows] for side in (found.sources, found.targets)]
    encoded = [part(found.source, each) for each in names]
    if found.side >= 0:
        both = gallery(
            encoded[0], size=(size[0], 2 * size[1]) if size else None, channels=kind.target_channels, allow_bad=allow_bad
        )
        halves = [Gallery(both.names, [_half(name, each, side) for name, each in zip(both.names, both.pixels, strict=True)])
                  for side in (0, 1)]  # fmt: skip
        return halves[found.side], halves[1 - found.side]
    targets = gallery(encoded[1], size=size, channels=kind.target_channels, allow_bad=allow_bad)
    if found.edges:
        return Gallery(targets.names, [outlines(each) for each in targets.pixels]), targets
    if kind.classes:
        sources = _maps(found, names[0], kind, size)
    else:
        sources = gallery(encoded[0], size=size, channels=kind.source_channels, allow_bad=allow_bad)
    return _aligned(found, sources, targets, names)


def _maps(found: Matched, names: list[str], kind: Kind, size: Any) -> Gallery:
    if kind.palette:
        read = maps.by_palette(gallery(part(found.source, names), size=None, channels=3), kind.palette)
    else:
        read = maps.numbers(gallery(indexed(found.source, names), size=None, channels=1), kind.classes)
    return read if size is None else Gallery(read.names, [maps.nearest(each, *size) for each in read.pixels])


def _aligned(found: Matched, sources: Gallery, targets: Gallery, names: list[list[str]]) -> tuple[Gallery, Gallery]:
    """Both sides without the pairs of which one half cannot be read. Raises UserError for a pair of two sizes."""
    if len(sources) < len(names[0]) or len(targets) < len(names[1]):
        good = [(a, b) for a, b in zip(*names, strict=True) if a in set(sources.names) and b in set(targets.names)]
        sources = sources.take([sources.names.index(a) for a, _ in good])
        targets = targets.take([targets.names.index(b) for _, b in good])
    for name, one, other in zip(sources.names, sources.pixels, targets.pixels, strict=True):
        if one.shape[:2] != other.shape[:2]:
            raise UserError(f"{found.source.path}: {name} is {one.shape[0]}x{one.shape[1]} and its target "
                            f"{other.shape[0]}x{other.shape[1]} (height x width): give --size, or mend the pair")  # fmt: skip
    return sources, targets


def _half(name: str, pixels: np.ndarray, side: int) -> np.ndarray:
    width = pixels.shape[1]
    if width % 2:
        raise UserError(f"{name} is {width} pixels wide: a pair side by side has two halves of the same width")
    return np.ascontiguousarray(pixels[:, : width // 2] if side == 0 else pixels[:, width // 2 :])


def _same_size(sides: tuple[Gallery, Gallery]) -> tuple[int, int]:
    sizes = {each.shape[:2] for each in sides[1].pixels}
    if len(sizes) > 1:
        raise UserError(f"the pictures have {len(sizes)} sizes: give --size to scale them, as 64, or --crop to train on windows")
    return sizes.pop()


def _by_hash(stems: list[str]) -> list[bool]:
    if len(stems) < 4:
        raise UserError(f"{len(stems)} pairs are too few: give at least 4")
    held = tenth(stems, 2)
    return [stem in held for stem in stems]


def _tensor(pixels: list[np.ndarray], classes: int) -> Tensor:
    """Class numbers as planes, others as values in [-1, 1]."""
    if not classes:
        return values(pixels)
    return maps.planes(torch.from_numpy(np.stack([np.ascontiguousarray(each.transpose(2, 0, 1)) for each in pixels])), classes)


def _windows(sides: tuple[Gallery, Gallery], windows: Windows, classes: int, items: Tensor) -> Pair:
    """The windows of these items, at the same place in both pictures."""
    found = [windows(int(item)) for item in items]
    source, target = ([each.of(side.pixels[each.picture], windows.height, windows.width) for each in found] for side in sides)
    return Pair(values(target), _tensor(source, classes))


def _whole(sides: tuple[Gallery, Gallery], classes: int, row: int) -> Pair:
    return Pair(values([sides[1].pixels[row]]), _tensor([sides[0].pixels[row]], classes))


def _together(each: Callable[[int], Pair], count: int) -> Pair:
    """The first pairs of one size, for sheets."""
    found = [each(row) for row in range(min(count, 64))]
    alike = [pair for pair in found if pair.target.shape == found[0].target.shape]
    return Pair(torch.cat([pair.target for pair in alike]), torch.cat([pair.source for pair in alike]))
