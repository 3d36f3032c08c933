"""Simple samplers: none invents a cell, each keeps what it should and loses what it must."""

import numpy as np
import pandas as pd
import pytest
from made_tables import FIXED, PEOPLE, fixed, people

from rivals.tasks.tables.judging.baselines import SAMPLERS
from rivals.tasks.tables.judging.pairs import pairs
from rivals.tasks.tables.judging.shapes import missing, shapes

TRAIN = people(2000, 0)


def trend(frame: pd.DataFrame, one: str, other: str) -> float:
    return next(each.similarity for each in pairs(TRAIN, frame, PEOPLE).pairs if (each.one, each.other) == (one, other))


@pytest.mark.parametrize("name", SAMPLERS)
def test_shapes_dtypes_and_missing_cells_are_kept(name: str) -> None:
    made = SAMPLERS[name](TRAIN, PEOPLE, 1500, "rich", 0)
    assert len(made) == 1500 and made.dtypes.equals(TRAIN.dtypes) and list(made.index) == list(range(1500))
    assert shapes(TRAIN, made, PEOPLE).mean > 0.96 and missing(TRAIN, made, PEOPLE).mean > 0.97
    for column in TRAIN:
        assert set(made[column].dropna()) <= set(TRAIN[column].dropna())
    assert SAMPLERS[name](TRAIN, PEOPLE, 1500, "rich", 0).equals(made)
    assert not SAMPLERS[name](TRAIN, PEOPLE, 1500, "rich", 1).equals(made)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("target", [None, "day", "flag", "letter"])
def test_every_kind_of_column_and_target(name: str, target: str | None) -> None:
    train = fixed(0)
    made = SAMPLERS[name](train, FIXED, 90, target, 0)
    assert len(made) == 90 and made.dtypes.equals(train.dtypes)


def test_what_each_keeps() -> None:
    made = {name: draw(TRAIN, PEOPLE, 2000, "rich", 0) for name, draw in SAMPLERS.items()}
    found = {name: pairs(TRAIN, each, PEOPLE).trends for name, each in made.items()}
    assert found["independent"] < found["per class"] < found["per-class copula"] < found["memoriser"]
    assert found["independent"] < found["copula"]
    assert trend(made["independent"], "pay", "rich") < 0.9 < trend(made["per class"], "pay", "rich")
    assert made["independent"]["age"].corr(made["independent"]["level"]) == pytest.approx(0, abs=0.08)
    assert made["copula"]["age"].corr(made["copula"]["level"]) == pytest.approx(TRAIN["age"].corr(TRAIN["level"]), abs=0.08)


def test_small_and_constant_tables() -> None:
    one = TRAIN.iloc[:1]
    flat = TRAIN.assign(age=40, work="desk")
    for draw in SAMPLERS.values():
        assert len(draw(one, PEOPLE, 5, "rich", 0)) == 5
        assert (draw(flat, PEOPLE, 50, None, 0)["age"] == 40).all()
    assert np.isfinite(SAMPLERS["copula"](flat, PEOPLE, 50, None, 0)["level"]).all()
