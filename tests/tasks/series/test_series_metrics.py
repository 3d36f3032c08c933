"""The measures of series: what real data and the cheap samplers get, and what must fail."""

from pathlib import Path

import numpy as np
import pytest
from series_files import walk

from rivals.tasks.series.baselines import NAMES, baseline
from rivals.tasks.series.data import Columns, Data, Windows, load
from rivals.tasks.series.layout import Series
from rivals.tasks.series.metrics import (
    attribute_distance,
    autocorrelation,
    autocorrelation_distance,
    cross_correlation,
    cross_correlation_distance,
    detection,
    length_distance,
    prediction_error,
)
from rivals.tasks.series.post_hoc import discriminative_score, predictive_score


def of(values: np.ndarray, lengths: np.ndarray | None = None, attributes: np.ndarray | None = None) -> Series:
    count = len(values)
    ends = np.full(count, values.shape[1]) if lengths is None else lengths
    return Series(values, ends, np.zeros((count, 0)) if attributes is None else attributes, np.zeros(count), np.arange(count))


@pytest.fixture(scope="module")
def waves() -> Series:
    """Two channels, a sine and its negative, of random phase."""
    phase = np.random.default_rng(0).uniform(0, 6.283, (600, 1))
    wave = np.sin(phase + np.arange(24) * np.pi / 6)
    return of(np.stack([wave, -wave], 2))


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return load(walk(tmp_path_factory.mktemp("walks") / "w.csv", 1500), Columns(), Windows(length=8))


def test_autocorrelation_of_a_sine(waves: Series) -> None:
    found = autocorrelation(waves)
    lags = np.arange(1, 13)
    assert np.allclose(found[:, 0], np.cos(lags * np.pi / 6) * (24 - lags) / 24, atol=0.03)
    assert np.allclose(cross_correlation(waves), -1)


def test_the_end_of_a_series_counts_for_nothing(waves: Series) -> None:
    spoilt = waves.values.copy()
    spoilt[:, 12:] = 99
    half = np.full(len(waves), 12)
    assert np.allclose(autocorrelation(of(spoilt, half), 6), autocorrelation(of(waves.values, half), 6))
    assert np.allclose(cross_correlation(of(spoilt, half)), -1)


def test_distances_are_0_for_equals_and_not_for_others(waves: Series) -> None:
    noise = of(np.random.default_rng(1).normal(size=waves.values.shape))
    for distance in (autocorrelation_distance, cross_correlation_distance):
        assert distance(waves, waves) == 0 and distance(waves, noise) > 0.3
    still = of(np.ones((20, 6, 2)))
    assert np.isfinite(autocorrelation(still)).all() and np.isfinite(cross_correlation(still)).all()


def test_lengths_and_attribute_means() -> None:
    values, lengths = np.zeros((100, 10, 1)), np.repeat([5, 10], 50)
    real, other = of(values, lengths), of(values, np.repeat([5, 10], [80, 20]))
    assert length_distance(real, real) == 0 and length_distance(real, other) == pytest.approx(0.3)
    from rivals.tasks.series.layout import Attribute, Channel, Clock, Layout

    layout = Layout((Channel("a", False, 0, 1, 0, 1, 0),), (Attribute("k", ("x", "y")),), 10, (), Clock())
    kinds = np.repeat([0.0, 1.0], 50)[:, None]
    level = np.random.default_rng(0).normal(size=(100, 10, 1)) + 4 * kinds[:, :, None]
    one, swapped = of(level, None, kinds), of(level[::-1].copy(), None, kinds)
    assert attribute_distance(layout, one, one) == 0 and attribute_distance(layout, one, swapped) > 1


def test_the_cheap_samplers_are_told_where_they_are_wrong(walks: Data) -> None:
    made = {name: baseline(name, walks.layout, walks.train, 600) for name in NAMES}
    real = walks.held_out

    def apart(name: str) -> float:
        halves = [made[name].rows(np.arange(300)), made[name].rows(np.arange(300, 600))]
        return detection((walks.train, halves[0]), (real, halves[1])).apart

    assert apart("independent") > 0.45
    assert apart("random walk") < 0.2 and apart("multivariate normal") < 0.3, "a random walk is one, and nearly normal"
    for name in NAMES:
        assert made[name].values.shape == (600, 8, 2) and np.isfinite(made[name].values).all()
    errors = {name: prediction_error(made[name], real) for name in NAMES}
    assert errors["random walk"] < 1.2 * prediction_error(walks.train, real) < errors["independent"] / 2


def test_real_series_are_not_told_from_real(walks: Data) -> None:
    draw = np.random.default_rng(0).normal(size=(1200, 6, 2))
    parts = [of(part) for part in np.split(draw, 4)]
    assert detection((parts[0], parts[1]), (parts[2], parts[3])).apart < 0.08


def test_the_published_scores_tell_other_levels_and_noise_and_not_sines_from_sines(waves: Series) -> None:
    six = np.concatenate([waves.values] * 3, 2)
    real, other = six[:300, :12], six[300:, :12]
    assert discriminative_score(real, other + 2, steps=400) > 0.3 > discriminative_score(real, other, steps=100)
    noise = np.random.default_rng(0).uniform(-1, 1, real.shape)
    assert predictive_score(real, noise, steps=300) > 1.2 * predictive_score(real, other, steps=300)


def test_nothing_depends_on_the_global_random_state(waves: Series, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = discriminative_score(waves.values[:50], waves.values[50:100], steps=3)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert one == discriminative_score(waves.values[:50], waves.values[50:100], steps=3)
