"""How well a score tells two sets apart: the area under the ROC curve, its interval, and the hits at few false alarms.

AUC = P(a positive scores higher than a negative) + P(equal) / 2. Its variance from the placements of each score among the
other set's: DeLong et al. 1988, "Comparing the areas under two or more correlated ROC curves", Biometrics 44.
"""

from typing import NamedTuple

import numpy as np

from rivals.core.errors import UserError


class Roc(NamedTuple):
    """AUC (0.5: no better than chance), the ends of its 95 % interval, and the share of positives above all but `alarms` of
    the negatives."""

    auc: float
    low: float
    high: float
    hits: float


def roc(positive: np.ndarray, negative: np.ndarray, *, alarms: float = 0.01) -> Roc:
    """What scores of positives (n,) and negatives (m,) say, where higher means more likely positive.

    `alarms` is the share of false alarms at which `hits` is read (TPR at 1 % FPR by default); a score that ties with the
    threshold is no hit, so a constant score has none. Raises UserError for an empty set or scores that are not finite.
    """
    positive, negative = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    if not len(positive) or not len(negative) or not (np.isfinite(positive).all() and np.isfinite(negative).all()):
        raise UserError("a ROC curve needs finite scores of at least one positive and one negative")
    above, below = _placed(positive, negative), 1 - _placed(negative, positive)
    area = float(above.mean())
    spread = sum(float(each.var(ddof=1)) / len(each) if len(each) > 1 else 0.25 for each in (above, below)) ** 0.5
    threshold = np.sort(negative)[::-1][int(alarms * len(negative))] if alarms < 1 else -np.inf
    hits = float((positive > threshold).mean())
    return Roc(area, max(0.0, area - 1.96 * spread), min(1.0, area + 1.96 * spread), hits)


def _placed(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of `others` below each score, ties counted half."""
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (left + right) / (2 * len(others))
