"""Mode-specific normalisation (CTGAN, https://arxiv.org/abs/1907.00503): a mode of a Gaussian mixture, and the place within it.

A variational Bayesian mixture of at most 10 normals finds the modes; x falls into mode k with its posterior probability, and
becomes k and alpha = (x - mean_k) / (4 std_k), clipped to [-1, 1].
"""

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rivals.tasks.tables.data.encode import Array, Block, level, rounded

MODES, PRIOR, KEPT, ROWS, ITERATIONS, WIDE = 10, 1e-3, 5e-3, 10_000, 100, 4.0


@dataclass(frozen=True)
class Modes:
    """means, deviations, weights: of the modes, in the column's unit; missing: one more level. Never outside [low, high]."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    missing: bool
    decimals: int | None
    low: float
    high: float

    @classmethod
    def fit(cls, cells: Array, decimals: int | None, seed: int) -> "Modes":
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import BayesianGaussianMixture

        missing = np.isnan(cells)
        present = cells[~missing]
        rows = present if len(present) <= ROWS else np.random.default_rng(seed).choice(present, ROWS, replace=False)
        centre, scale = float(rows.mean()), float(rows.std()) or 1.0
        mixture = BayesianGaussianMixture(
            n_components=min(MODES, len(np.unique(rows))), weight_concentration_prior_type="dirichlet_process",
            weight_concentration_prior=PRIOR, max_iter=ITERATIONS, random_state=seed,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 100 steps are enough for what is wanted of it
            mixture.fit(((rows - centre) / scale)[:, None])
        kept = np.flatnonzero(mixture.weights_ > KEPT)
        means = mixture.means_[kept, 0] * scale + centre
        deviations = np.sqrt(mixture.covariances_[kept, 0, 0]) * scale
        weights = mixture.weights_[kept] / mixture.weights_[kept].sum()
        modes, spread, share = (tuple(each.tolist()) for each in (means, deviations, weights))
        return cls(modes, spread, share, bool(missing.any()), decimals, float(present.min()), float(present.max()))

    @property
    def width(self) -> int:
        return len(self.means) + self.missing

    def blocks(self, column: str, at: int) -> list[Block]:
        number = Block(column, "number", 1, None)
        return [Block(column, "choice", self.width, None), number] if self.width > 1 else [number]

    def levels(self) -> list[str]:
        return [*(f"about {mean:.6g}" for mean in self.means), *(["missing"] if self.missing else [])] if self.width > 1 else []

    def encode(self, cells: Array, random: np.random.Generator) -> Array:
        means, deviations, weights = (np.array(each) for each in (self.means, self.deviations, self.weights))
        missing = np.isnan(cells)
        x = np.where(missing, means[0], cells)[:, None]
        log = np.log(weights / deviations) - 0.5 * ((x - means) / deviations) ** 2
        mode = np.argmax(log + random.gumbel(size=log.shape), 1)  # a draw from the posterior
        alpha = np.clip((x[:, 0] - means[mode]) / (WIDE * deviations[mode]), -1, 1)
        alpha[missing] = 0
        if self.missing:
            mode[missing] = len(means)
        return np.stack([mode.astype(float), alpha], 1) if self.width > 1 else alpha[:, None]

    def decode(self, values: Array) -> Array:
        """NaN where missing."""
        mode = level(values[:, 0], self.width) if self.width > 1 else np.zeros(len(values), np.int64)
        means, deviations = (np.append(each, np.nan)[mode] for each in (self.means, self.deviations))
        made = means + WIDE * deviations * np.clip(np.nan_to_num(values[:, -1]), -1, 1)
        return np.clip(rounded(made, self.decimals), self.low, self.high)

    def as_dict(self) -> dict[str, Any]:
        return {"way": "modes", **asdict(self)}
