"""One column's blocks: what goes in comes out, spikes and missing cells apart, nothing outside what was seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivals.tasks.tables.data.encode import Choice, Quantile
from rivals.tasks.tables.data.modes import Modes


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_choice_keeps_order_and_missing_cells() -> None:
    cells = np.array(["b", None, "a", "b"], object)
    choice = Choice.fit(cells, ("a", "b", "c"))
    (block,) = choice.blocks("x", 0)
    assert (block.kind, block.width, block.gate) == ("choice", 4, None)
    values = choice.encode(cells, random())
    assert values[:, 0].tolist() == [1, 3, 0, 1] and choice.decode(values).tolist() == cells.tolist()
    assert choice.encode(np.array(["new"], object), random())[0, 0] == 1  # the most frequent
    assert choice.decode(np.array([[-3.0], [99.0], [np.nan]])).tolist() == ["a", None, "a"]  # whatever a network gives


def test_few_numbers_are_levels_and_others_go_to_the_nearest() -> None:
    cells = np.array([1.0, 2.5, np.nan, 10.0])
    choice = Choice.fit(cells, (1.0, 2.5, 10.0))
    back = choice.decode(choice.encode(cells, random()))
    np.testing.assert_array_equal(back, cells)
    assert choice.encode(np.array([-5.0, 1.8, 7.0, 99.0]), random())[:, 0].tolist() == [0, 1, 2, 2]


def test_one_level_needs_no_block() -> None:
    choice = Choice.fit(np.array([5.0, 5.0]), (5.0,))
    assert choice.blocks("x", 0) == [] and choice.encode(np.array([5.0]), random()).shape == (1, 0)
    assert choice.decode(np.zeros((3, 0))).tolist() == [5.0] * 3
    empty = Choice.fit(np.array([None, None], object), ())
    assert empty.decode(np.zeros((2, 0))).tolist() == [None, None]


def test_spikes_are_levels_that_come_back_exactly() -> None:
    noise = np.round(np.random.default_rng(1).exponential(1000, 5000))
    cells = np.where(np.arange(5000) % 10 < 8, 0.0, noise)
    cells[::97] = np.nan
    made = Quantile.fit(cells, 0)
    choice, number = made.blocks("gain", 4)
    assert made.special == (0.0,)
    assert choice.width == 3 and number.gate == (4, 0)
    values = made.encode(cells, random())
    assert set(values[:, 0][cells == 0]) == {2} and set(values[:, 0][np.isnan(cells)]) == {1}
    assert np.all(values[values[:, 0] > 0, 1] == 0)
    back = made.decode(values)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(cells))
    assert np.all(back[cells == 0] == 0) and np.nanmax(np.abs(back - cells)) <= 0.002 * np.nanmax(cells)


def test_a_smooth_peak_is_no_spike() -> None:
    cells = np.round(np.random.default_rng(1).normal(40, 8, 20_000))  # 5 % of the rows are 40, as many as 39
    made = Quantile.fit(cells, 0)
    assert made.special == () and len(made.blocks("age", 0)) == 1


def test_repeated_values_come_back_exactly_and_as_normal_numbers() -> None:
    cells = np.round(np.random.default_rng(1).gamma(2, 10, 20_000))
    made = Quantile.fit(cells, 0)
    values = made.encode(cells, random())
    np.testing.assert_array_equal(made.decode(values), cells)
    assert abs(values.mean()) < 0.02 and abs(values.std() - 1) < 0.02 and np.abs(values).max() <= 3.5
    assert len(np.unique(values)) > 19_000  # ties are spread over their share


@given(st.integers(0, 2**32 - 1), st.integers(100, 3000), st.integers(0, 3), st.integers(2, 6))
def test_quantiles_never_leave_the_range_and_keep_the_order(seed: int, rows: int, scale: int, decimals: int) -> None:
    cells = np.round(np.random.default_rng(seed).standard_t(4, rows) * 10.0**scale, decimals)
    made = Quantile.fit(cells, decimals)
    z = np.linspace(-9, 9, 301)[:, None]
    back = made.decode(np.concatenate([np.zeros((301, int(made.width > 1))), z], 1))
    assert back.min() >= cells.min() and back.max() <= cells.max() and np.all(np.diff(back) >= 0)
    again = made.decode(made.encode(cells, random()))
    assert np.abs(again - cells).max() <= max(np.diff(np.unique(cells)).max(initial=0), 10.0**-decimals) + 1e-9


def test_quantiles_of_many_rows_are_within_the_knots_step() -> None:
    cells = np.round(np.random.default_rng(2).lognormal(3, 1, 100_000), 2)
    made = Quantile.fit(cells, 2)
    back = made.decode(made.encode(cells, random()))
    assert len(made.knots) <= 1000 and not made.counts
    step = np.diff(made.knots)[np.clip(np.searchsorted(made.knots, cells) - 1, 0, len(made.knots) - 2)]
    assert np.all(np.abs(back - cells) <= step + 0.01)
    assert abs(np.mean(back) - cells.mean()) < 0.01 * cells.mean()


def test_modes_of_a_mixture() -> None:
    rows = np.random.default_rng(3)
    cells = np.concatenate([rows.normal(-50, 1, 1000), rows.normal(10, 5, 1000), [np.nan] * 500])
    made = Modes.fit(cells, 3, seed=0)
    choice, number = made.blocks("x", 0)
    assert choice.width == len(made.means) + 1 and number.gate is None and 2 <= len(made.means) <= 10
    assert min(abs(mean + 50) for mean in made.means) < 0.5
    values = made.encode(cells, random())
    assert np.abs(values[:, 1]).max() <= 1 and np.all(values[2000:, 1] == 0)
    back = made.decode(values)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(cells))
    assert np.nanmax(np.abs(back - cells)) < 0.01
    np.testing.assert_array_equal(values, made.encode(cells, random()))  # the mode is drawn by the seed
    assert Modes.fit(cells, 3, seed=0) == made


def test_a_value_between_two_modes_falls_into_either_by_its_posterior() -> None:
    made = Modes((0.0, 4.0), (1.0, 1.0), (0.5, 0.5), False, None, -5.0, 9.0)
    mode = made.encode(np.full(4000, 2.0), random())[:, 0]
    assert abs(mode.mean() - 0.5) < 0.03
    # P(mode 1 | x = 2.5) = 1 / (1 + exp(-(2.5 - 2) * 4)) = 0.8808
    assert made.encode(np.full(4000, 2.5), random())[:, 0].mean() == pytest.approx(0.8808, abs=0.02)
