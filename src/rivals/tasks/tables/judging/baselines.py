"""Simple samplers that any generator of tables should beat, and one that cheats: their figures stand beside the GAN's.

Each takes the training rows and draws n rows. No cell is invented: every sampler says, for each cell, from which training row it
is taken, so decimals, dates and missing cells stay as they are. The Gaussian copula (Nelsen 2006, "An introduction to copulas"):
z ~ N(0, R), cell_j = F_j^-1(Phi(z_j)), R the correlation of the columns' normal scores, F_j the empirical distribution.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import numbers, numeric

Sampler = Callable[[pd.DataFrame, Schema, int, str | None, int], pd.DataFrame]
PARTS = 10  # classes that a number is cut into where it is the target


def memoriser(train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """Training rows drawn with replacement: perfect by every measure but privacy."""
    return train.iloc[np.random.default_rng(seed).integers(0, len(train), n)].reset_index(drop=True)


def independent(train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """Each column on its own: right shapes, no trends."""
    draw = np.random.default_rng(seed)
    return _taken(train, {name: draw.integers(0, len(train), n) for name in train.columns})


def per_class(train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """Columns independent within each class of the target (naive Bayes); without a target, `independent`."""
    return _per_class(independent, train, schema, n, target, seed)


def copula(train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """A Gaussian copula over all columns. A category's levels are put in order of frequency, missing cells last."""
    if len(train) < 3:
        return independent(train, schema, n, target, seed)
    draw = np.random.default_rng(seed)
    placed = np.stack([_placed(train, name, schema) for name in train.columns], 1)
    order = placed.argsort(0, kind="stable")
    middle = (pd.DataFrame(placed).rank().to_numpy() - 0.5) / len(train)  # cells that are equal share their ranks' mean
    scores = torch.special.ndtri(torch.from_numpy(middle)).numpy()
    scores -= scores.mean(0)
    scale = scores.std(0)
    scores /= np.where(scale > 1e-9, scale, 1)
    correlation = scores.T @ scores / len(train)
    np.fill_diagonal(correlation, 1.0)
    latent = draw.multivariate_normal(np.zeros(len(correlation)), correlation, n, method="eigh")
    share = torch.special.ndtr(torch.from_numpy(latent)).numpy()
    rows = np.minimum((share * len(train)).astype(int), len(train) - 1)
    return _taken(train, {name: order[rows[:, column], column] for column, name in enumerate(train.columns)})


def per_class_copula(train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """A Gaussian copula within each class of the target; without a target, `copula`."""
    return _per_class(copula, train, schema, n, target, seed)


SAMPLERS: dict[str, Sampler] = {
    "independent": independent,
    "per class": per_class,
    "copula": copula,
    "per-class copula": per_class_copula,
    "memoriser": memoriser,
}


def _per_class(sampler: Sampler, train: pd.DataFrame, schema: Schema, n: int, target: str | None, seed: int) -> pd.DataFrame:
    """Rows of each class in the share that it has, in random order."""
    if target is None:
        return sampler(train, schema, n, target, seed)
    draw = np.random.default_rng(seed)
    values = _placed(train, target, schema)
    if target in numeric(schema):
        values = np.searchsorted(np.quantile(values, np.arange(1, PARTS) / PARTS), values, "right")
    levels, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    wanted = draw.multinomial(n, counts / len(train))
    parts = [
        sampler(train[codes == level].reset_index(drop=True), schema, int(wanted[level]), None, seed + level)
        for level in range(len(levels))
        if wanted[level]
    ]
    return pd.concat(parts, ignore_index=True).iloc[draw.permutation(n)].reset_index(drop=True)


def _taken(train: pd.DataFrame, rows: dict[str, np.ndarray]) -> pd.DataFrame:
    """A frame of the training cells at these rows, column by column."""
    return pd.DataFrame({name: train[name].iloc[where].reset_index(drop=True) for name, where in rows.items()})


def _placed(train: pd.DataFrame, name: str, schema: Schema) -> np.ndarray:
    """A column's cells as numbers to sort by: numbers by value, categories by how rare their level is, missing cells last."""
    if name in numeric(schema):
        values = numbers(train[name])
        return np.where(np.isnan(values), np.inf, values)
    found, _ = pd.factorize(train[name].astype(object), use_na_sentinel=True)
    counts = np.bincount(found[found >= 0])
    rank = np.append(np.argsort(np.argsort(-counts, kind="stable"), kind="stable"), len(counts))
    placed: np.ndarray = rank[found].astype(float)
    return placed
