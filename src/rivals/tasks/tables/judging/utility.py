"""Utility: what a model is worth that learns from synthetic rows alone and is asked about real ones (TSTR).

Esteban et al. 2017, "Real-valued (medical) time series generation with recurrent conditional GANs", arXiv:1706.02633: train on
synthetic, test on real, beside the same model trained on the real rows (the bound). The model is gradient-boosted trees.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.metrics.roc import roc
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import CHOICE, choices, codes, judged, numbers
from rivals.tasks.tables.judging.features import features

MANY, MOST = 20, 8  # levels up to which a category is a target of `balanced`, and how many of them are
STUDENT = 4.303  # 97.5 % point of Student's t with two degrees of freedom: the interval of a mean of three


class Utility(NamedTuple):
    """What is measured ("AUC", "macro F1" or "R2"), on synthetic rows with its 95 % interval, and the same on real rows."""

    measure: str
    value: float
    low: float
    high: float
    bound: float
    bound_low: float
    bound_high: float


class Balanced(NamedTuple):
    """Mean balanced accuracy over all targets with its 95 % interval, the model held fixed, and each target's figure."""

    mean: float
    low: float
    high: float
    targets: dict[str, float]


def utility(
    train: pd.DataFrame,
    held: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    target: str,
    seeds: int = 3,
) -> Utility:
    """How well `target` of the held-out rows is predicted from all other columns, learning from synthetic and from real rows.

    AUC for two classes, macro F1 for more, R^2 for a number. Each of `seeds` rounds learns from another nine tenths of the
    rows and asks about another bootstrap of the held-out ones; mean and Student interval over the rounds. A target of which
    the synthetic rows hold one value alone gives 0.5, or what guessing it gives. Raises UserError for an unknown target or one
    that is not a category, a number or a date.
    """
    task = _task(train, held, synthetic, schema, target)
    found = np.array([[_round(task, learnt, seed) for learnt in (task.synthetic, task.train)] for seed in range(seeds)])
    (value, low, high), (bound, bound_low, bound_high) = (_mean(found[:, side], task.measure) for side in (0, 1))
    return Utility(task.measure, value, low, high, bound, bound_low, bound_high)


def balanced(
    train: pd.DataFrame, held: pd.DataFrame, learnt: pd.DataFrame, schema: Schema, *, only: Sequence[str] = (), seed: int = 0
) -> Balanced:
    """Balanced accuracy (mean recall of the real classes) of predicting each category of the held-out rows from all other
    columns by a model of the rows `learnt`: synthetic ones, or `train` for the bound.

    Targets are those of `only`, by default `targets`. A column that determines the target one to one among the training rows
    is left out. 1 / classes is what a guess reaches.
    """
    found, spread = {}, 0.0
    for target in only or targets(train, schema):
        task = _task(train, held, learnt, schema, target)
        rows, truth = task.held
        right = _fitted(task, *task.synthetic, seed).predict(rows) == truth
        recalls = [right[truth == level] for level in np.unique(truth)]
        found[target] = float(np.mean([each.mean() for each in recalls]))
        spread += sum(each.var() / len(each) for each in recalls) / len(recalls) ** 2
    if not found:
        return Balanced(1.0, 1.0, 1.0, {})
    mean, reach = float(np.mean(list(found.values()))), 1.96 * float(spread) ** 0.5 / len(found)
    return Balanced(mean, max(0.0, mean - reach), min(1.0, mean + reach), found)


def targets(train: pd.DataFrame, schema: Schema) -> list[str]:
    """The first eight categories and booleans of 2 to 20 levels."""
    return [name for name in choices(schema) if 2 <= train[name].nunique() <= MANY][:MOST]


class _Constant:
    """A model of rows that hold one class alone."""

    def __init__(self, level: float) -> None:
        self.level = level

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), self.level)


class _Task(NamedTuple):
    measure: str
    classes: int
    categorical: list[int]
    train: tuple[np.ndarray, np.ndarray]
    held: tuple[np.ndarray, np.ndarray]
    synthetic: tuple[np.ndarray, np.ndarray]


def _task(train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, target: str) -> _Task:
    """The matrices without the target and what determines it, and the target's codes or numbers, where it is present."""
    frames = [train, held, synthetic]
    if target not in judged(schema):
        raise UserError(f"target {target!r} is no column to predict: give one of {', '.join(judged(schema))}")
    kind = {column.name: column.kind for column in schema.columns}[target]
    made = features(frames, schema)
    hidden = {target} | {name for name in judged(schema) if name != target and _one_to_one(train, name, target)}
    kept = [index for index, name in enumerate(made.columns) if name not in hidden]
    categorical = [place for place, index in enumerate(kept) if index in made.categorical]
    if kind in CHOICE:
        values, classes = codes(*(frame[target] for frame in frames))
        wanted, measure = [each.astype(float) for each in values], "AUC" if classes == 2 else "macro F1"
        present = [each >= 0 for each in values]
    else:
        wanted, measure, classes = [numbers(frame[target]) for frame in frames], "R2", 0
        present = [~np.isnan(each) for each in wanted]
    sides = [(table[:, kept][there], value[there]) for table, value, there in zip(made.tables, wanted, present, strict=True)]
    if min(len(values) for _, values in sides) < 2:
        raise UserError(f"target {target!r} has fewer than two rows where it is present: choose another")
    return _Task(measure, classes, categorical, *sides)


def _one_to_one(frame: pd.DataFrame, one: str, other: str) -> bool:
    levels = [frame[name].nunique() for name in (one, other)]
    if min(levels) < 0.9 * max(levels):  # missing cells may hide a few
        return False
    both = frame[[one, other]].dropna()
    distinct = both[one].nunique()
    return bool(1 < distinct == both[other].nunique() == len(both.drop_duplicates()) < len(both))


def _fitted(task: _Task, rows: np.ndarray, values: np.ndarray, seed: int) -> Any:
    """A model of the rows; with many classes, each of which costs a tree a step, fewer and bolder steps."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if len(np.unique(values)) == 1:
        return _Constant(float(values[0]))
    steps, rate = (100, 0.1) if task.classes <= 2 else (25, 0.2)
    model = HistGradientBoostingClassifier if task.classes else HistGradientBoostingRegressor
    fitted = model(
        max_iter=steps,
        learning_rate=rate,
        max_leaf_nodes=31 if task.classes <= 2 else 15,
        categorical_features=task.categorical or None,
        early_stopping=False,
        random_state=seed,
    )
    return fitted.fit(rows, values)


def _round(task: _Task, learnt: tuple[np.ndarray, np.ndarray], seed: int) -> float:
    draw = np.random.default_rng(seed)
    rows, values = learnt
    pick = draw.permutation(len(rows))[: max(2, round(0.9 * len(rows)))]
    asked = draw.integers(0, len(task.held[0]), len(task.held[0]))
    model, (questions, truth) = _fitted(task, rows[pick], values[pick], seed), (each[asked] for each in task.held)
    if task.measure == "AUC":
        if isinstance(model, _Constant) or len(np.unique(truth)) < 2:
            return 0.5
        chance = model.predict_proba(questions)[:, 1]
        return roc(chance[truth == 1], chance[truth == 0]).auc
    guess = model.predict(questions)
    if task.measure == "R2":
        return 1 - float(((truth - guess) ** 2).mean()) / max(float(truth.var()), 1e-300)
    return _macro_f1(truth, guess)


def _macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """The mean over the real classes of 2 hits / (asked + guessed)."""
    return float(
        np.mean([2 * ((truth == k) & (guess == k)).sum() / ((truth == k).sum() + (guess == k).sum()) for k in np.unique(truth)])
    )


def _mean(found: np.ndarray, measure: str) -> tuple[float, float, float]:
    reach = STUDENT * float(found.std(ddof=1)) / len(found) ** 0.5 if len(found) > 1 else 0.0
    middle = float(found.mean())
    least, most = (-np.inf, 1.0) if measure == "R2" else (0.0, 1.0)
    return middle, max(least, middle - reach), min(most, middle + reach)
