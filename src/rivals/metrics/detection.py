"""Detection: how well a classifier tells held-out real rows from synthetic ones; AUC 0.5 is the aim, 1 is told at a glance.

The classifier two-sample test of Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", arXiv:1610.06545, with
gradient-boosted trees, which see what a linear model cannot, or logistic regression. Two-fold: each half is scored by the
classifier that the other half trained.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from rivals.core.errors import UserError
from rivals.metrics.roc import roc

LEAST = 20
Classifier = Literal["boosting", "logistic"]


class Detection(NamedTuple):
    """AUC and the ends of its 95 % interval, the classifiers held fixed; and the number of rows of each set."""

    auc: float
    low: float
    high: float
    rows: int


def detection(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    seed: int,
    classifier: Classifier = "boosting",
    categorical: Sequence[int] = (),
    rows: int = 10_000,
) -> Detection:
    """AUC of telling `real` (n, d), which the generator did not train on, from `fake` (m, d); float, NaN where missing.

    categorical: columns that hold codes from 0 (up to 254), not numbers. rows: at most this many of each set are used, and
    as many of one as of the other. seed: of rows, folds and classifier. Raises UserError for other widths or few rows.
    """
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"real rows of shape {real.shape} and synthetic of {fake.shape}: give two matrices of equal width")
    count = min(len(real), len(fake), rows)
    if count < LEAST:
        raise UserError(f"{count} rows of each set are too few to tell them apart: give at least {LEAST}")
    draw = np.random.default_rng(seed)
    folds = [np.array_split(part[draw.permutation(len(part))[:count]], 2) for part in (real, fake)]
    found = []
    for learnt, scored in ((0, 1), (1, 0)):
        model = _model(classifier, list(categorical), seed)
        model.fit(np.concatenate([folds[0][learnt], folds[1][learnt]]), np.repeat([0, 1], [len(each[learnt]) for each in folds]))
        found.append(roc(*(model.predict_proba(folds[side][scored])[:, 1] for side in (1, 0))))
    area = (found[0].auc + found[1].auc) / 2
    reach = sum(((each.high - each.low) / 2) ** 2 for each in found) ** 0.5 / 2  # two folds of different rows
    return Detection(area, max(0.0, area - reach), min(1.0, area + reach), count)


def _model(classifier: Classifier, categorical: list[int], seed: int) -> Any:
    if classifier == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(categorical_features=categorical or None, early_stopping=False, random_state=seed)
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=50)
    filled = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    parts = make_column_transformer((levels, categorical), remainder=filled, sparse_threshold=0)
    return make_pipeline(parts, LogisticRegression(max_iter=1000))
