"""Pixels of any size, channels and bits -> those that a run trains on.

Scaled to cover the wanted size and cut at the centre, by Pillow's area-aware filters: box (the mean over each new pixel's
area) where it shrinks to half or less, Lanczos else. Transparency is laid over white.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from rivals.core.errors import UserError

FILTER = "box where it shrinks to half or less, else lanczos"


class Shape(NamedTuple):
    """What every picture of a run is: pixels, channels, bits a channel."""

    height: int
    width: int
    channels: int
    bits: int

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16 if self.bits == 16 else np.uint8)


def parse(size: str) -> tuple[int, int]:
    """(height, width) of "64" or "112x92"; raises UserError."""
    sides = size.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and 1 <= int(side) <= 4096 for side in sides):
        raise UserError(f"size is {size!r}: give pixels from 1 to 4096, as 64 or as 112x92 (height x width)")
    return int(sides[0]), int(sides[-1])


def fit(pixels: np.ndarray, shape: Shape) -> np.ndarray:
    """Pixels (h, w, c) in the wanted shape; raises UserError where its channels cannot become those."""
    return scaled(with_bits(with_channels(pixels, shape.channels), shape.bits), shape.height, shape.width)


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Grey to RGB by repeating, RGB to grey by luma (ITU-R 601), alpha over white, or opaque where there was none."""
    have = pixels.shape[-1]
    if have == channels:
        return pixels
    if have not in (1, 3, 4) or channels not in (1, 3, 4):
        raise UserError(f"pictures of {have} channels cannot become {channels}: leave out --channels")
    top = np.iinfo(pixels.dtype).max
    colour: np.ndarray = pixels[..., :3].astype(np.float32)
    if have == 4 and channels < 4:
        alpha = pixels[..., 3:].astype(np.float32) / top
        colour = colour * alpha + top * (1 - alpha)
    if channels == 1:
        colour = colour @ np.array([[0.299], [0.587], [0.114]], np.float32)
    elif have == 1:
        colour = np.repeat(colour, 3, axis=-1)
    found = np.rint(colour).astype(pixels.dtype)
    return np.concatenate([found, np.full_like(found[..., :1], top)], axis=-1) if channels == 4 else found


def with_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """8 bits to 16 without loss (times 257), 16 to 8 by rounding."""
    if pixels.dtype == (np.uint16 if bits == 16 else np.uint8):
        return pixels
    return pixels.astype(np.uint16) * 257 if bits == 16 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def scaled(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scaled to cover (height, width), cut at the centre."""
    h, w, c = pixels.shape
    if (h, w) == (height, width):
        return pixels
    ratio, box = min(h / height, w / width), covering(h, w, height, width)
    by = Image.Resampling.BOX if ratio >= 2 else Image.Resampling.LANCZOS
    if pixels.dtype == np.uint8 and c in (1, 3, 4):
        image = Image.fromarray(pixels[..., 0] if c == 1 else np.ascontiguousarray(pixels))  # RGBA: Pillow weighs by alpha
        return np.asarray(image.resize((width, height), by, box)).reshape(height, width, c)
    planes = [Image.fromarray(plane.astype(np.float32)).resize((width, height), by, box) for plane in np.moveaxis(pixels, 2, 0)]
    top_value = np.iinfo(pixels.dtype).max
    return np.stack([np.rint(np.asarray(plane).clip(0, top_value)) for plane in planes], axis=-1).astype(pixels.dtype)


def covering(h: int, w: int, height: int, width: int) -> tuple[float, float, float, float]:
    """What of a picture (h, w) is kept where it is scaled to cover (height, width): left, top, right, bottom in its pixels."""
    ratio = min(h / height, w / width)  # source pixels for a new one; the smaller covers
    left, top = (w - width * ratio) / 2, (h - height * ratio) / 2
    return max(left, 0.0), max(top, 0.0), min(left + width * ratio, float(w)), min(top + height * ratio, float(h))
