"""Gallery: pictures in memory, each of its own size, and random windows of them that are a function of the item's number."""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.core.stream import mix
from rivals.core.types import Float, Tensor
from rivals.media.checking import refuse_bad, threads
from rivals.media.decode import Unreadable, bombs_are_errors
from rivals.media.fit import Shape, fit
from rivals.media.source import Source

MOST = 1 << 33  # bytes of pictures in memory
VARIANTS = 256  # windows of one picture before the order begins anew


@dataclass(frozen=True)
class Gallery:
    """names, and pixels (h, w, c) uint8 or uint16 of each, in order."""

    names: list[str]
    pixels: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def channels(self) -> int:
        return self.pixels[0].shape[2]

    def take(self, rows: Sequence[int]) -> "Gallery":
        return Gallery([self.names[row] for row in rows], [self.pixels[row] for row in rows])


def gallery(source: Source, *, size: tuple[int, int] | None, channels: int, allow_bad: bool = False) -> Gallery:
    """Every picture of a source, decoded, with `channels` and 8 bits a channel. size: (height, width) to which each is scaled and
    cut; None for each as it is. Raises UserError where more than 5 % cannot be read, or all together would not fit into memory.
    """
    total = 0

    def load(item: int) -> np.ndarray | str:
        nonlocal total
        try:
            pixels, told, _ = source.picture(item)
        except Unreadable as error:
            return str(error)
        height, width = size or (told.height, told.width)
        fitted = fit(pixels, Shape(height, width, channels, 8))
        total += fitted.nbytes
        if total > MOST:
            raise UserError(f"{source.path}: more than {MOST >> 30} GiB of pictures: give --size to have them smaller, or fewer")
        return fitted

    with bombs_are_errors():
        found = threads(load, range(len(source)))
    bad = [(source.names[row], each) for row, each in enumerate(found) if isinstance(each, str)]
    refuse_bad(source, bad, allow_bad=allow_bad)
    if bad:
        print(f"{source.path}: {len(bad)} of {len(found)} files left out, as they cannot be read "
              f"({bad[0][0]}: {bad[0][1]})", file=sys.stderr)  # fmt: skip
    kept = {name: each for name, each in zip(source.names, found, strict=True) if not isinstance(each, str)}
    return Gallery(list(kept), list(kept.values()))


def digest(galleries: Iterable[Gallery]) -> str:
    """SHA-256 over the names, sizes and pixels of all pictures, in order."""
    sha = hashlib.sha256()
    for each in galleries:
        for name, pixels in zip(each.names, each.pixels, strict=True):
            sha.update(f"{len(name)}:{name}{pixels.shape}".encode("utf8", "surrogateescape"))
            sha.update(np.ascontiguousarray(pixels))
    return sha.hexdigest()


@dataclass(frozen=True)
class Window:
    """Where a crop lies: the picture's number, its first row and column, and whether it is mirrored left to right."""

    picture: int
    top: int
    left: int
    mirrored: bool

    def of(self, pixels: np.ndarray, height: int, width: int) -> np.ndarray:
        cut = pixels[self.top : self.top + height, self.left : self.left + width]
        return cut[:, ::-1] if self.mirrored else cut


@dataclass(frozen=True)
class Windows:
    """Item number -> Window of (height, width) in pictures of these sizes; items count from 0 to len - 1.

    step: windows begin at multiples of it. Raises UserError for a picture that is smaller than a window.
    """

    names: list[str]
    sizes: list[tuple[int, int]]
    height: int
    width: int
    mirror: bool = False
    seed: int = 0
    step: int = 1

    def __post_init__(self) -> None:
        for name, (height, width) in zip(self.names, self.sizes, strict=True):
            if height < self.height or width < self.width:
                raise UserError(f"{name} is {height}x{width}, smaller than the {self.height}x{self.width} (height x width) "
                                "that are trained on: take smaller ones, or leave the picture out")  # fmt: skip

    def __len__(self) -> int:
        return len(self.sizes) * VARIANTS

    def __call__(self, item: int) -> Window:
        picture = item % len(self.sizes)
        height, width = self.sizes[picture]
        drawn = mix(self.seed, item)
        top = drawn % ((height - self.height) // self.step + 1) * self.step
        left = (drawn >> 20) % ((width - self.width) // self.step + 1) * self.step
        return Window(picture, top, left, self.mirror and bool(drawn >> 40 & 1))


def values(pixels: Sequence[np.ndarray]) -> Float[Tensor, "n c h w"]:
    """Pixels (h, w, c) of one size as values in [-1, 1]."""
    stacked = np.stack([each.transpose(2, 0, 1) for each in pixels])
    return torch.from_numpy(np.ascontiguousarray(stacked)).float().div_(np.iinfo(stacked.dtype).max / 2).sub_(1)


def cut(gallery: Gallery, windows: Windows, items: Tensor) -> Float[Tensor, "n c h w"]:
    """The windows of these items as values in [-1, 1]."""
    found = [windows(int(item)) for item in items]
    return values([each.of(gallery.pixels[each.picture], windows.height, windows.width) for each in found])
