"""The cheap samplers that a GAN of series must beat, each fitted to the training series alone."""

import numpy as np

from rivals.tasks.series.layout import Layout, Series, seen, unseen

NAMES = ("multivariate normal", "normal as seen", "random walk", "independent")


def baseline(name: str, layout: Layout, train: Series, count: int, *, seed: int = 0) -> Series:
    """`count` series; lengths and attributes are those of random training series.

    multivariate normal: mean and covariance of all steps and channels, in the file's units. normal as seen: the same where
    skewed channels are logarithms, as the networks see them. random walk: a real first step and real steps after it, shuffled
    over all series. independent: each step is any real step.
    """
    draw = np.random.default_rng(seed)
    rows = draw.integers(len(train), size=count)
    made = {
        "multivariate normal": lambda: _normal(train.values, count, draw),
        "normal as seen": lambda: unseen(layout, _normal(seen(layout, train.values), count, draw)),
        "random walk": lambda: _walk(train, rows, draw),
        "independent": lambda: _any_step(train, count, draw),
    }[name]()
    lengths = train.lengths[rows]
    place = np.minimum(np.arange(made.shape[1]), lengths[:, None] - 1)
    held = np.take_along_axis(made, place[:, :, None], 1)
    return Series(held, lengths, train.attributes[rows], train.starts[rows], train.entities[rows])


def _normal(values: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """By the singular vectors of the centred rows, which no near-singular covariance upsets."""
    flat = values.reshape(len(values), -1)
    mean = flat.mean(0)
    _, size, axes = np.linalg.svd(flat - mean, full_matrices=False)
    drawn = draw.normal(size=(count, len(size))) * size / np.sqrt(max(len(flat) - 1, 1))
    made: np.ndarray = (mean + drawn @ axes).reshape(count, *values.shape[1:])
    return made


def _walk(train: Series, rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    there = np.arange(1, train.values.shape[1]) < train.lengths[:, None]
    steps = np.diff(train.values, axis=1)[there]
    taken = steps[draw.integers(len(steps), size=(len(rows), train.values.shape[1] - 1))]
    first = train.values[rows, :1]
    return np.concatenate([first, first + np.cumsum(taken, 1)], 1)


def _any_step(train: Series, count: int, draw: np.random.Generator) -> np.ndarray:
    there = np.arange(train.values.shape[1]) < train.lengths[:, None]
    every = train.values[there]
    made: np.ndarray = every[draw.integers(len(every), size=(count, train.values.shape[1]))]
    return made
