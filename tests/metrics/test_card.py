import json

import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import MetricCard, bootstrap, frechet, proportion
from rivals.metrics.card import Interval

CARD = MetricCard("frechet", 12.345, 11.0, 13.5, "digits-cnn", "ab" * 32, "test", 1000, 7, {"bound": 0.5, "note": "x"})


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_card_survives_json():
    assert MetricCard.from_dict(json.loads(json.dumps(CARD.as_dict()))) == CARD
    assert hash(CARD) == hash(MetricCard.from_dict(CARD.as_dict()))


def test_card_is_one_line_with_all_that_matters():
    line = str(CARD)
    assert line == ("frechet 12.35 [11, 13.5] (backbone digits-cnn abababab, split test, n 1000, seed 7, bound 0.5, note x)")


@pytest.mark.usefixtures("unchecked")
def test_card_names_what_is_wrong():
    plain = CARD.as_dict()
    with pytest.raises(UserError, match=r"^this metric card lacks low, has unknown colour; write it with"):
        MetricCard.from_dict({name: each for name, each in plain.items() if name != "low"} | {"colour": 1})
    with pytest.raises(UserError, match=r"^this metric card cannot be read \(could not convert string"):
        MetricCard.from_dict(plain | {"value": "high"})
    with pytest.raises(UserError, match=r"^this metric card cannot be read \(extra is a list, not a mapping\)"):
        MetricCard.from_dict(plain | {"extra": []})


@pytest.mark.usefixtures("undisturbed")
def test_bootstrap_depends_on_its_seed_alone():
    sample = rows(60, 2, 0)
    first, again, other = (bootstrap(lambda x: float(x.mean()), sample, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("n", [400, 101])
def test_bootstrap_of_a_mean_is_the_textbook_interval(n: int):
    sample = rows(n, 1, 3)
    found = bootstrap(lambda x: float(x.mean()), sample, draws=2000)
    reach = 1.96 * float(sample.std()) / n**0.5
    assert found.low == pytest.approx(float(sample.mean()) - reach, abs=0.08 * reach)
    assert found.high == pytest.approx(float(sample.mean()) + reach, abs=0.08 * reach)


def test_bootstrap_resamples_each_tensor_on_its_own():
    sample = rows(200, 1, 4)
    found = bootstrap(lambda x, y: float(x.mean() - y.mean()), sample, sample, draws=500)
    reach = 1.96 * float(sample.std()) * (2 / 200) ** 0.5
    assert found.high - found.low == pytest.approx(2 * reach, rel=0.15)


def test_bootstrap_of_a_biased_distance_holds_its_expectation():
    pairs = [(rows(100, 6, 2 * i), 1.2 * rows(100, 6, 2 * i + 1)) for i in range(40)]
    expected = sum(frechet(*pair) for pair in pairs) / 40
    held = [bootstrap(frechet, *pair, draws=40) for pair in pairs]
    assert sum(low <= expected <= high for low, high in held) >= 36


@pytest.mark.usefixtures("unchecked")
def test_bootstrap_names_the_mistake():
    with pytest.raises(UserError, match=r"^an interval needs samples of at least two rows each"):
        bootstrap(lambda x: 0.0, rows(1, 1, 0))
    with pytest.raises(UserError, match=r"^draws is 5; a 95 % interval needs at least 20$"):
        bootstrap(lambda x: 0.0, rows(9, 1, 0), draws=5)


def test_proportion_is_wilsons_interval():
    low, high = proportion(0, 100)
    assert low == 0.0
    assert high == pytest.approx(0.0370, abs=1e-4)
    assert proportion(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert proportion(100, 100).high == 1.0


def test_an_interval_holds_its_figure_and_stays_in_its_range() -> None:
    """Halves of few rows may all lie on one side of the figure of the whole."""
    assert Interval(-0.2, -0.1).about(0.0, 0.0, 1.0) == (0.0, 0.0)
    assert Interval(0.8, 1.3).about(0.9, 0.0, 1.0) == (0.8, 1.0) and Interval(0.2, 0.3).about(0.5) == (0.2, 0.5)
