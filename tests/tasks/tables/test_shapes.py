"""Column shapes, missing cells, boundaries and coverage; the golden figures are those of the package sdmetrics."""

import numpy as np
import pandas as pd
import pytest
from made_tables import FIXED, PEOPLE, fixed, people

from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.judging.cells import codes, numbers
from rivals.tasks.tables.judging.shapes import boundaries, coverage, missing, shapes

# QualityReport of sdmetrics 0.32.0 on fixed(0) and fixed(1), as benchmarks/sdmetrics_agreement.py calls it.
GOLDEN = {
    "x": 0.902229845626072,
    "y": 0.95,
    "count": 0.8333333333333334,
    "letter": 0.9018169112508735,
    "word": 0.9166666666666666,
    "flag": 0.9833333333333333,
    "day": 0.9686274509803922,
}


def test_agreement_with_sdmetrics() -> None:
    found = shapes(fixed(0), fixed(1), FIXED)
    assert found.columns == pytest.approx(GOLDEN, abs=1e-9)  # and no figure for the id
    assert found.mean == pytest.approx(0.922287, abs=1e-6)


def test_a_table_is_like_itself_and_unlike_a_shifted_one() -> None:
    one = people(300, 0)
    assert shapes(one, one, PEOPLE).mean == 1
    assert shapes(one, one.assign(age=one["age"] + 1000), PEOPLE).columns["age"] == 0
    assert shapes(one, one.assign(work="else"), PEOPLE).columns["work"] == pytest.approx(0)


def test_columns_of_missing_cells_alone() -> None:
    schema = Schema((Column("a", "number"), Column("b", "category")))
    empty = pd.DataFrame({"a": [np.nan] * 3, "b": pd.Series([None] * 3, dtype=object)})
    full = pd.DataFrame({"a": [1.0, 2, 3], "b": pd.Series(list("uvu"), dtype=object)})
    assert shapes(empty, empty, schema).mean == 1
    assert shapes(empty, full, schema).mean == shapes(full, empty, schema).mean == 0


def test_missing_rates_of_columns_that_have_any() -> None:
    one = people(1000, 0)
    found = missing(one, one.assign(work="desk"), PEOPLE)
    assert set(found.columns) == {"pay", "work"}
    assert found.columns["work"] == pytest.approx(1 - one["work"].isna().mean())
    assert missing(one[["age"]], one[["age"]], Schema((Column("age", "integer"),))).mean == 1


def test_boundaries_and_levels() -> None:
    real = people(500, 0)
    fake = real.copy()
    fake.loc[:49, "age"] = 1000
    fake["grade"] = "A"
    assert boundaries(real, fake, PEOPLE).columns["age"] == pytest.approx(0.9)
    assert coverage(real, fake, PEOPLE).columns["grade"] == pytest.approx(1 / 4)
    assert coverage(real, real, PEOPLE).mean == boundaries(real, real, PEOPLE).mean == 1


def test_cells_of_every_dtype() -> None:
    assert numbers(pd.Series([1, None], dtype="Int64")).tolist()[0] == 1.0
    day = pd.Series(pd.to_datetime(["1970-01-02", None]))
    assert numbers(day)[0] == 86_400 and np.isnan(numbers(day)[1])
    assert numbers(day.astype("datetime64[ns]"))[0] == 86_400
    (one, other), levels = codes(pd.Series([True, None], dtype="boolean"), pd.Series([False, True]))
    assert (one.tolist(), other.tolist(), levels) == ([0, -1], [1, 0], 2)
