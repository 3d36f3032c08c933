"""Pictures of two domains that do not go together: a user's files -> a stream of both, and held-out pictures of each."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.core.stream import Stream, mix
from rivals.core.types import Float, Tensor
from rivals.games.cycle import Domains
from rivals.media.checking import common
from rivals.media.fit import parse
from rivals.media.gallery import VARIANTS, Gallery, Windows, cut, digest, gallery, values
from rivals.media.opening import open_source
from rivals.media.source import Encoded, Source
from rivals.media.split import tenth

SIZE = "64"  # where neither a size nor a crop is given


class Wish(NamedTuple):
    """What a person said of the data: see OPTIONS in `unpaired_training`."""

    data: Path | None = None
    source: str = "trainA"
    target: str = "trainB"
    size: str | None = None
    crop: str | None = None
    mirror: bool = True
    allow_bad: bool = False


class Side(NamedTuple):
    """One domain: its name, its training and its held-out pictures."""

    name: str
    train: Gallery
    held_out: Gallery


@dataclass(frozen=True)
class Unpaired:
    """train: endless, a picture of each domain a sample. held_out: (n, c, h, w) of a, (m, k, h, w) of b, the middle windows.
    facts: what run.json keeps of the data. sources, targets: the training pictures. window: (height, width) trained on.
    """

    train: Stream[Domains]
    held_out: tuple[Tensor, Tensor]
    facts: dict[str, Any]
    sources: Gallery
    targets: Gallery
    window: tuple[int, int]

    def fetch(self, items: Tensor) -> Float[Tensor, "n k h w"]:
        """The middle windows of training pictures of the target domain, by number."""
        return middles(self.targets.take(items.tolist()), *self.window)


def load(wish: Wish, *, alike: bool, seed: int = 0, workers: int = 0) -> Unpaired:
    """Both domains, decoded and checked, their held-out pictures apart. alike: both need as many channels.

    Held out are the folders testA and testB beside trainA and trainB, what an array file calls x_test, or a tenth by the hash
    of the names. Raises UserError for whatever a person can mend.
    """
    if wish.source == wish.target:
        raise UserError(f"source and target are both {wish.source}: give two different ones")
    size, crop = (parse(each) if each else None for each in (wish.size, wish.crop))
    if size is None and crop is None:
        size = parse(SIZE)
    if size and crop and (crop[0] > size[0] or crop[1] > size[1]):
        raise UserError(f"crop {wish.crop} is larger than size {wish.size}: windows are cut from the scaled pictures")
    found = [_find(wish, name) for name in (wish.source, wish.target)]
    channels = [min(common(each, size or (1, 1), None).channels, 3) for each, _ in found]
    if alike:
        channels = [max(channels)] * 2
    sides = [_side(wish, at, *each, size, count)
             for at, (each, count) in enumerate(zip(found, channels, strict=True))]  # fmt: skip
    window = crop or size
    assert window
    a, b = (Windows(side.train.names, [each.shape[:2] for each in side.train.pixels], *window, mirror=wish.mirror,
                    seed=mix(seed, at)) for at, side in enumerate(sides))  # fmt: skip
    fetch = Both(sides[0].train, sides[1].train, a, b, 1 if size == window and not wish.mirror else VARIANTS, seed)
    facts = {
        "data": digest(part for side in sides for part in (side.train, side.held_out)),
        "size": list(size) if size else None,
        "window": list(window),
        "source_channels": channels[0],
        "target_channels": channels[1],
    }
    told = ", ".join(f"{side.name}: {len(side.train)} pictures to train on, {len(side.held_out)} held out" for side in sides)
    print(
        f"{told}; windows of {window[0]}x{window[1]} (height x width), {channels[0]} to {channels[1]} channels", file=sys.stderr
    )
    held = (middles(sides[0].held_out, *window), middles(sides[1].held_out, *window))
    return Unpaired(Stream(fetch, len(fetch), seed=seed, workers=workers), held, facts, sides[0].train, sides[1].train, window)


@dataclass(frozen=True)
class Both:
    """Item numbers -> windows of both domains; which of b comes with which of a is drawn once from the seed.

    variants: windows of each picture until the order begins anew. The smaller domain is gone through more often.
    """

    a: Gallery
    b: Gallery
    windows_a: Windows
    windows_b: Windows
    variants: int
    seed: int

    def __len__(self) -> int:
        return max(len(self.a), len(self.b)) * self.variants

    def __call__(self, items: Tensor) -> Domains:
        other = [mix(self.seed, 2, int(item)) for item in items] if self.variants > 1 else self._shuffled(items)
        others = torch.tensor([each % (len(self.b) * self.variants) for each in other])
        return Domains(cut(self.a, self.windows_a, items % (len(self.a) * self.variants)), cut(self.b, self.windows_b, others))

    def _shuffled(self, items: Tensor) -> list[int]:
        """Each picture of b once, where each has one window."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(mix(self.seed, 2)))
        return [int(each) for each in order[items]]


def middles(pictures: Gallery, height: int, width: int) -> Float[Tensor, "n c h w"]:
    """The middle window of each picture, as values in [-1, 1]; raises UserError for a picture smaller than that."""
    found = []
    for name, pixels in zip(pictures.names, pictures.pixels, strict=True):
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        if top < 0 or left < 0:
            raise UserError(f"{name} is {pixels.shape[0]}x{pixels.shape[1]}, smaller than the {height}x{width} (height x width) "
                            "that are trained on: take smaller ones, or leave the picture out")  # fmt: skip
        found.append(pixels[top : top + height, left : left + width])
    return values(found)


def _find(wish: Wish, name: str) -> tuple[Source, Source | None]:
    """A domain's pictures, and those that the data set aside themselves, or None."""
    if wish.data is None:
        if not Path(name).exists():
            raise UserError(f"{name} does not exist: give --data with two folders in it, or --source PATH --target PATH")
        return open_source(Path(name)), None
    found = open_source(wish.data)
    if not isinstance(found, Encoded):
        raise UserError(f"{wish.data} holds one domain of pictures: give each its own file, as --source PATH --target PATH")
    folders = _folders(found, {wish.source, wish.target})
    if name not in folders:
        there = f"it has {', '.join(sorted(folders))}" if folders else "it has no sub-folders"
        raise UserError(f"{wish.data} has no folder {name} with pictures: {there}; name two as --source NAME --target NAME")
    aside = folders.get("test" + name.removeprefix("train")) if name.startswith("train") else None
    return replace(found, names=folders[name]), replace(found, names=aside) if aside else None


def _folders(source: Encoded, wanted: set[str]) -> dict[str, list[str]]:
    """The files' names by the first folder in which they differ, or whose name is wanted."""
    parts, depth = {name: PurePosixPath(name).parts for name in source.names}, 0
    while all(len(each) > depth + 1 for each in parts.values()):
        tops = {each[depth] for each in parts.values()}
        if len(tops) > 1 or tops & wanted:
            break
        depth += 1
    folders: dict[str, list[str]] = {}
    for name, each in parts.items():
        if len(each) > depth + 1:
            folders.setdefault(each[depth], []).append(name)
    return folders


def _side(wish: Wish, at: int, source: Source, aside: Source | None, size: tuple[int, int] | None, channels: int) -> Side:
    name = (wish.source, wish.target)[at]
    read = partial(gallery, size=size, channels=channels, allow_bad=wish.allow_bad)
    whole = read(source)
    if len(whole) < 2:
        raise UserError(f"{name} holds one picture that can be read: a domain needs two at least")
    if aside is not None:
        return Side(name, whole, read(aside))
    told = source.told(np.arange(len(source))).test
    test = tenth(whole.names, 1)
    if told is not None:
        test = {each for each, out in zip(source.names, told, strict=True) if out} & set(whole.names) or test
    rows = [[row for row, each in enumerate(whole.names) if (each in test) is out] for out in (False, True)]
    if not rows[0]:
        raise UserError(f"{name} has no picture to train on, only held-out ones: add some")
    return Side(name, whole.take(rows[0]), whole.take(rows[1]))


def wish_of(arguments: Mapping[str, Any]) -> Wish:
    """What a run's arguments, as run.json keeps them, say of its data."""
    found = Wish(**{name: arguments[name] for name in Wish._fields})
    return found._replace(data=None if found.data is None else Path(found.data))
