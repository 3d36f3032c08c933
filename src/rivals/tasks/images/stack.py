"""Grey pictures stacked three and three at random, as the channels of one: a mode for each triple of classes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from rivals.core.stream import Stream
from rivals.core.types import Float, Tensor
from rivals.games.gan import Sample
from rivals.media.collection.pictures import Pictures

LENGTH = 1_000_000  # stacked pictures in an epoch, of count^3 that there could be


def triples(items: Tensor, count: int, seed: int) -> np.ndarray:
    """(n, 3) numbers from 0 to count - 1, a function of the item numbers and the seed (splitmix64, Steele et al. 2014)."""
    state = (items.numpy().astype(np.uint64)[:, None] * np.uint64(3) + np.arange(3, dtype=np.uint64)) + np.uint64(seed << 40)
    with np.errstate(over="ignore"):
        state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((state ^ (state >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def stacked(fetch: Callable[[Tensor], Sample], count: int, seed: int, items: Tensor) -> Sample:
    """The stacked pictures (n, 3, h, w) of some item numbers; `fetch` gives grey ones by their numbers."""
    rows = torch.from_numpy(triples(items, count, seed))
    grey: Float[Tensor, "m 1 h w"] = fetch(rows.flatten()).data
    return Sample(grey.reshape(len(items), 3, *grey.shape[2:]))


def stack(pictures: Pictures, seed: int, workers: int) -> Pictures:
    """The same set, its grey pictures stacked at random; held-out ones of held-out pictures."""
    fetch = partial(stacked, pictures.fetch, pictures.count, seed)
    aside = partial(stacked, lambda rows: Sample(pictures.held_out.data[rows]), len(pictures.held_out), seed)
    return replace(
        pictures,
        form=pictures.form._replace(channels=3, classes=0),
        names=[],
        train=Stream(fetch, LENGTH, seed=seed, workers=workers),
        held_out=aside(torch.arange(2000)),
        count=LENGTH,
        fetch=fetch,
    )
