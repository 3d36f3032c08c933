"""Pair trends; the golden figures are those of the package sdmetrics."""

import numpy as np
import pandas as pd
import pytest
from made_tables import FIXED, PEOPLE, fixed, people

from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.judging import pairs as module
from rivals.tasks.tables.judging.pairs import pairs

# Of sdmetrics 0.32.0 on fixed(0) and fixed(1): ContingencySimilarity and CorrelationSimilarity, and the quality report with
# its Cramer's V or |r|, as benchmarks/sdmetrics_agreement.py calls them.
SINGLE = {
    ("x", "y"): 0.9983347060675642,
    ("x", "count"): 0.972948124286597,
    ("x", "letter"): 0.6333333333333333,
    ("x", "word"): 0.75,
    ("x", "flag"): 0.6333333333333333,
    ("x", "day"): 1.0,
    ("count", "flag"): 0.5166666666666667,
    ("count", "day"): 0.9943658598124627,
    ("letter", "word"): 0.65,
    ("letter", "flag"): 0.85,
    ("letter", "day"): 0.5666666666666667,
    ("flag", "day"): 0.7333333333333334,
}
REPORT = {
    ("x", "y"): (0.998335, 0.963644),
    ("x", "letter"): (0.583333, 0.707090),
    ("x", "word"): (0.866667, 0.918937),
    ("x", "flag"): (0.816667, 0.443375),
    ("x", "day"): (1.0, 1.0),
    ("y", "letter"): (0.65, 0.641231),
    ("y", "word"): (0.85, 0.872417),
    ("y", "day"): (0.997837, 0.962850),
    ("count", "word"): (0.783333, 0.390850),
    ("letter", "word"): (0.65, 0.803761),
    ("letter", "day"): (0.566667, 0.795006),
    ("word", "day"): (0.766667, 1.0),
    ("flag", "day"): (0.716667, 0.549170),
}


def test_agreement_with_the_metrics_of_sdmetrics() -> None:
    found = pairs(fixed(0), fixed(1), FIXED)
    assert len(found.pairs) == 21
    told = {(each.one, each.other): each.similarity for each in found.pairs}
    assert {pair: told[pair] for pair in SINGLE} == pytest.approx(SINGLE, abs=1e-9)


def test_agreement_with_the_report_of_sdmetrics() -> None:
    found = pairs(fixed(0), fixed(1), FIXED, report=True)
    trends = {(each.one, each.other): (each.similarity, each.strength) for each in found.pairs if each.trend}
    assert trends.keys() == REPORT.keys()
    for pair, figures in REPORT.items():
        assert trends[pair] == pytest.approx(figures, abs=1e-6), pair
    assert found.trends == pytest.approx(0.788167, abs=1e-6)


def test_torn_columns_lose_their_trends_but_not_all_pairs() -> None:
    real = people(2000, 0)
    torn = pd.DataFrame({name: real[name].sample(frac=1, random_state=place).to_numpy() for place, name in enumerate(real)})
    whole, found = pairs(real, real, PEOPLE), pairs(real, torn, PEOPLE)
    assert whole.mean == whole.trends == 1
    assert found.trends < 0.75 and found.trends + 0.05 < found.mean < 0.9
    grade = next(each for each in found.pairs if (each.one, each.other) == ("grade", "level"))
    assert grade.strength == pytest.approx(1) and grade.similarity < 0.5


def test_large_joint_tables_are_counted_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = pairs(fixed(0), fixed(1), FIXED)
    monkeypatch.setattr(module, "DENSE", 3)
    found = pairs(fixed(0), fixed(1), FIXED)
    for one, other in zip(found.pairs, expected.pairs, strict=True):
        assert (one.similarity, one.strength) == pytest.approx((other.similarity, other.strength))


def test_columns_that_do_not_vary() -> None:
    schema = Schema((Column("a", "number"), Column("b", "number"), Column("c", "category")))
    real = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 4, 6, 8], "c": pd.Series(list("uvuv"), dtype=object)})
    flat = real.assign(b=5.0)
    assert pairs(real, flat, schema).pairs[0].similarity == pytest.approx(0.5)  # r 1 and, of a constant, 0
    assert [(each.one, each.other) for each in pairs(flat, real, schema).pairs] == [("a", "c"), ("b", "c")]
    gone = real.assign(b=np.nan)
    assert 0 <= pairs(gone, real, schema).mean <= 1
    assert pairs(real[["a"]], real[["a"]], Schema(schema.columns[:1])).mean == 1
