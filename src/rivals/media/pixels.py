"""Tables of pictures by number: arrays in memory or memory-mapped, or files that are decoded when they are asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from rivals.core.types import Float, Tensor


class Table(Protocol):
    """Pictures of one shape (height, width, channels) and dtype (uint8 or uint16)."""

    shape: tuple[int, int, int]
    dtype: np.dtype

    def rows(self, items: np.ndarray) -> np.ndarray:
        """Item numbers (n,) -> pixels (n, height, width, channels): a function of the numbers alone."""
        ...


class Arrays:
    """Arrays (n_i, height, width, channels) end to end."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = list(arrays)
        self.shape, self.dtype = self.arrays[0].shape[1:], self.arrays[0].dtype
        self.ends = np.cumsum([len(array) for array in self.arrays])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def rows(self, items: np.ndarray) -> np.ndarray:
        if len(self.arrays) == 1:
            found: np.ndarray = self.arrays[0][items]
            return found
        which = np.searchsorted(self.ends, items, side="right")
        found = np.empty((len(items), *self.shape), self.dtype)
        for shard in np.unique(which):
            here = which == shard
            first = self.ends[shard - 1] if shard else 0
            found[here] = self.arrays[shard][items[here] - first]
        return found


class Mapped(Arrays):
    """Arrays in .npy files, memory-mapped; a process that it is sent to maps the files itself and copies nothing."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        super().__init__([np.load(file, mmap_mode="r") for file in self.files])

    def __reduce__(self) -> tuple[type["Mapped"], tuple[list[Path]]]:
        return Mapped, (self.files,)


class Decoding:
    """Pictures that are decoded each time: picture(item) -> pixels of one shape."""

    def __init__(self, picture: Callable[[int], np.ndarray], shape: tuple[int, int, int], dtype: np.dtype) -> None:
        self.picture, self.shape, self.dtype = picture, shape, dtype

    def rows(self, items: np.ndarray) -> np.ndarray:
        found = np.empty((len(items), *self.shape), self.dtype)
        for row, item in enumerate(items):
            found[row] = self.picture(int(item))
        return found


def values(pixels: np.ndarray) -> Float[Tensor, "n c h w"]:
    """Pixels (n, h, w, c) -> x / 127.5 - 1, or x / 32767.5 - 1 of 16 bits: from -1 to 1, as float32."""
    half = 32767.5 if pixels.dtype == np.uint16 else 127.5
    planes = np.ascontiguousarray(np.moveaxis(pixels, 3, 1))  # moved while a value is one byte, not four
    x = torch.from_numpy(planes.astype(np.float32))
    return x.div_(half).sub_(1)
