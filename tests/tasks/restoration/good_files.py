"""Small good pictures for the tests of restoration."""

from pathlib import Path

import numpy as np
from PIL import Image


def good(seed: int, height: int = 28, width: int = 36, channels: int = 3) -> np.ndarray:
    """A smooth picture with an edge in it, (height, width, channels) uint8."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (4, 5, channels), dtype=np.uint8)
    planes = [Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    pixels = np.stack([np.asarray(plane) for plane in planes], axis=-1).copy()
    pixels[height // 3 : height // 2, width // 4 :] //= 2
    return pixels


def folder(path: Path, count: int = 12, **shape: int) -> Path:
    """PNG files 00.png ... of `good`."""
    path.mkdir(parents=True)
    for i in range(count):
        pixels = good(i, **shape)
        Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]).save(path / f"{i:02d}.png")
    return path
