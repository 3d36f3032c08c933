"""ROC curves against their definition, and classifiers that tell two samples apart only where they differ."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rivals.core.errors import UserError
from rivals.metrics.detection import Detection, detection
from rivals.metrics.roc import roc


def normal(rows: int, seed: int, shift: float = 0.0, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (rows, width))


def test_the_area_is_scikit_learns_ties_included() -> None:
    positive, negative = np.round(normal(200, 0, 0.5, 1)[:, 0], 1), np.round(normal(300, 1, 0, 1)[:, 0], 1)
    expected = roc_auc_score(np.repeat([1, 0], [200, 300]), np.concatenate([positive, negative]))
    assert roc(positive, negative).auc == pytest.approx(expected)
    assert roc(np.ones(5), np.ones(9)) == (0.5, 0.5, 0.5, 0)
    assert roc(np.ones(5), np.zeros(9))[:2] == (1, 1)


def test_intervals_hold_the_true_area() -> None:
    truth, inside = 0.6382, 0  # Phi(0.5 / sqrt 2)
    for seed in range(200):
        found = roc(normal(80, 2 * seed, 0.5, 1)[:, 0], normal(80, 2 * seed + 1, 0, 1)[:, 0])
        inside += found.low <= truth <= found.high
    assert 180 <= inside <= 199


def test_hits_at_few_false_alarms() -> None:
    negative = np.arange(1000.0)
    assert roc(np.array([989.0, 989.5, 995, 2000]), negative).hits == 0.75  # the tenth false alarm is at 990
    assert roc(np.full(9, 999.0), negative).hits == 1
    assert roc(np.array([5.0]), np.array([3.0])).hits == 1


def test_scores_that_make_no_curve() -> None:
    for positive in (np.array([]), np.array([np.nan])):
        with pytest.raises(UserError, match="finite scores"):
            roc(positive, np.ones(3))


@pytest.mark.parametrize("classifier", ["boosting", "logistic"])
def test_equal_samples_are_not_told_apart_and_shifted_ones_are(classifier: str) -> None:
    same, other = (detection(normal(400, 0), normal(500, 1, shift), seed=0, classifier=classifier) for shift in (0.0, 1.5))
    assert same.auc == pytest.approx(0.5, abs=0.08) and same.rows == 400
    assert other.auc > 0.9 and other.low < other.auc < other.high
    assert detection(normal(400, 0), normal(500, 1), seed=0, classifier=classifier) == same


def test_boosting_sees_what_a_linear_model_cannot() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 1))
    real, fake = np.hstack([x, x]), np.hstack([x, draw.permutation(x)])
    assert detection(real, fake, seed=0).auc > 0.9
    assert detection(real, fake, seed=0, classifier="logistic").auc < 0.6


@pytest.mark.parametrize("classifier", ["boosting", "logistic"])
def test_codes_and_missing_cells(classifier: str) -> None:
    draw = np.random.default_rng(0)
    real, fake = (
        np.stack([draw.choice(4, 300, p=p), draw.normal(size=300)], 1) for p in ([0.4, 0.1, 0.4, 0.1], [0.1, 0.4, 0.1, 0.4])
    )
    fake[::3, 1] = real[::50, 0] = np.nan
    found = detection(real, fake, seed=0, classifier=classifier, categorical=[0])
    assert isinstance(found, Detection) and found.auc > 0.8


def test_matrices_that_cannot_be_compared() -> None:
    with pytest.raises(UserError, match="equal width"):
        detection(normal(30, 0), normal(30, 1, width=4), seed=0)
    with pytest.raises(UserError, match="too few"):
        detection(normal(30, 0), normal(9, 1), seed=0)
