"""Stream: an endless, seeded order of samples that can start after any number of them.

Sample k of the stream is item `permutation(seed, k // length)[k % length]`: a function of (seed, k) alone, so a
resumed run, another number of loader workers or of processes meets the same samples in the same order.
"""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader

from rivals.core.batch import Batch
from rivals.core.errors import UserError, within
from rivals.core.types import Int, Tensor

B = TypeVar("B", bound=Batch)

Data = Callable[[int, int, int], Iterator[B]]
"""data(seen, size, stride): batches of `size` samples; the first starts at sample `seen`, each next one `stride` later."""


def mix(*parts: int) -> int:
    """One 63-bit seed from several whole numbers (splitmix64 over each, Steele et al. 2014)."""
    state = 0
    for part in parts:
        state = (state ^ (part & 0xFFFFFFFFFFFFFFFF)) + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


@lru_cache(maxsize=4)
def _order(length: int, seed: int, epoch: int) -> Int[Tensor, "length"]:
    return torch.randperm(length, generator=torch.Generator().manual_seed(mix(seed, epoch)))


class Stream(Generic[B]):
    """An endless shuffled stream over `length` items.

    fetch: item numbers (a LongTensor of n) -> Batch of n samples; for tensors in memory see `Stream.over`.
    It must be a function of the item numbers alone. `workers` processes call it ahead of time (0: in this process).
    Raises UserError on an empty set.
    """

    def __init__(self, fetch: Callable[[Tensor], B], length: int, *, seed: int = 0, workers: int = 0) -> None:
        within(0, 256, workers=workers)
        if length < 1:
            raise UserError("the data holds no sample: give a file or folder with at least one")
        self.fetch, self.length, self.seed, self.workers = fetch, length, seed, workers

    @classmethod
    def over(cls, table: B, *, seed: int = 0, workers: int = 0) -> "Stream[B]":
        """The stream over the rows of one Batch in memory."""
        return Stream(partial(_rows, table), len(table), seed=seed, workers=workers)

    def items(self, start: int, size: int) -> Int[Tensor, "size"]:
        """The item numbers of samples start .. start + size."""
        pieces = []
        while size > 0:
            epoch, offset = divmod(start, self.length)
            piece = _order(self.length, self.seed, epoch)[offset : offset + size]
            pieces.append(piece)
            start, size = start + len(piece), size - len(piece)
        return torch.cat(pieces)  # copies even one piece: what `fetch` does to its items stays out of _order's cache

    def _positions(self, seen: int, size: int, stride: int) -> Iterator[Int[Tensor, "size"]]:
        while True:
            yield self.items(seen, size)
            seen += stride

    def __call__(self, seen: int, size: int, stride: int) -> Iterator[B]:
        """Batches of `size` samples from sample `seen` on; the starts of two batches lie `stride` samples apart."""
        positions = self._positions(seen, size, stride)
        if self.workers == 0:
            return map(self.fetch, positions)
        # Its own generator: the loader would else draw its base seed from the global one, once after each resume.
        own = torch.Generator().manual_seed(self.seed)
        return iter(DataLoader(_Items(self.fetch), sampler=positions, batch_size=None, num_workers=self.workers,
                               generator=own, worker_init_fn=_apart))  # fmt: skip


def _rows(table: B, items: Int[Tensor, "size"]) -> B:  # no lambda: it must reach workers that are spawned, not forked
    return table.map(lambda t: t[items])


class _Items(torch.utils.data.Dataset[B]):
    def __init__(self, fetch: Callable[[Tensor], B]) -> None:
        self.fetch = fetch

    def __getitem__(self, items: Tensor) -> B:
        return self.fetch(items)


def _apart(_: int) -> None:
    """A worker has one thread, and a process group of its own: a signal to the run's whole group must not end it."""
    torch.set_num_threads(1)
    os.setpgid(0, 0)
