"""Schedules: progress -> value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivals.core.schedules import Schedule, constant, cosine, linear, value

numbers, parts = st.floats(-1e3, 1e3, allow_subnormal=False), st.floats(0, 1, allow_subnormal=False)


@pytest.mark.parametrize("make", [linear, cosine])
@given(start=numbers, end=numbers, until=st.floats(0.05, 1))
def test_ends(make: type[Schedule], start: float, end: float, until: float) -> None:
    schedule = make(start, end, until)
    assert schedule(0) == pytest.approx(start, abs=1e-9)
    assert schedule(until) == schedule(1) == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("make", [linear, cosine])
@given(start=numbers, end=numbers, until=st.floats(0.05, 1), one=parts, other=parts)
def test_monotone_and_between_the_ends(
    make: type[Schedule], start: float, end: float, until: float, one: float, other: float
) -> None:
    early, late = (make(start, end, until)(progress) for progress in sorted((one, other)))
    assert (late - early) * (end - start) >= -1e-6
    assert min(start, end) - 1e-6 <= early <= max(start, end) + 1e-6


def test_by_hand() -> None:
    assert linear(1, 0)(0.25) == 0.75
    assert linear(0, 4, until=0.5)(0.25) == 2
    assert cosine(2, 0)(0.5) == pytest.approx(1)
    assert cosine(1, 0)(0.25) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert constant(3)(0.7) == 3


def test_value_takes_numbers_and_schedules() -> None:
    assert value(0.5, 0.9) == 0.5
    assert value(linear(0, 1), 0.9) == 0.9
