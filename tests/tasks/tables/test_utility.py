"""A model of synthetic rows asked about real ones: good rows teach, torn ones do not, and what gives the answer is hidden."""

import numpy as np
import pandas as pd
import pytest
from made_tables import PEOPLE, people

from rivals.core.errors import UserError
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.judging.features import features
from rivals.tasks.tables.judging.utility import balanced, targets, utility

TRAIN, HELD, FRESH = people(500, 0), people(500, 1), people(500, 2)
TORN = pd.DataFrame({name: FRESH[name].sample(frac=1, random_state=k).to_numpy() for k, name in enumerate(FRESH)})


@pytest.mark.parametrize(("target", "measure"), [("rich", "AUC"), ("work", "macro F1"), ("pay", "R2")])
def test_rows_of_the_same_source_teach_as_much_as_the_training_rows(target: str, measure: str) -> None:
    found, torn = (utility(TRAIN, HELD, rows, PEOPLE, target) for rows in (FRESH, TORN))
    assert found.measure == measure
    assert found.low <= found.value <= found.high and found.bound_low <= found.bound <= found.bound_high
    assert found.value == pytest.approx(found.bound, abs=0.12)
    assert torn.value < found.value - 0.15 and torn.bound == found.bound


def test_balanced_accuracy_and_its_targets() -> None:
    assert targets(TRAIN, PEOPLE) == ["work", "grade", "rich"]
    real, torn = (balanced(TRAIN, HELD, rows, PEOPLE) for rows in (TRAIN, TORN))
    assert set(real.targets) == {"work", "grade", "rich"}
    assert real.low < real.mean < real.high
    assert torn.mean == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 2]), abs=0.08)
    assert real.mean > torn.mean + 0.15


def test_a_column_that_gives_the_target_away_is_left_out() -> None:
    assert balanced(TRAIN, HELD, TRAIN, PEOPLE, only=["grade"]).mean < 0.8  # level would make it 1


def test_rows_of_one_class_alone_teach_a_guess() -> None:
    assert utility(TRAIN, HELD, FRESH.assign(rich="yes"), PEOPLE, "rich").value == 0.5
    assert balanced(TRAIN, HELD, FRESH.assign(rich="yes"), PEOPLE, only=["rich"]).mean == 0.5


def test_targets_that_cannot_be_predicted() -> None:
    with pytest.raises(UserError, match="target 'nobody' is no column to predict"):
        utility(TRAIN, HELD, FRESH, PEOPLE, "nobody")
    with pytest.raises(UserError, match="fewer than two rows"):
        utility(TRAIN, HELD, FRESH.assign(pay=np.nan), PEOPLE, "pay")


def test_features_of_dates_and_many_levels() -> None:
    schema = Schema((Column("day", "datetime"), Column("town", "category"), Column("kind", "category")))
    table = pd.DataFrame({"day": pd.to_datetime(["1970-01-01 01:00", None] * 150)})
    table["town"] = pd.Series([f"t{i // 2 * 2}" if i % 7 else None for i in range(300)], dtype=object)
    table["town"] = table["town"].where(table.index > 270, pd.Series([f"s{i}" for i in range(300)], dtype=object))
    table["kind"] = pd.Series(["a", None, "b"] * 100, dtype=object)
    found = features([table, table.iloc[:10]], schema)
    assert found.columns == ["day", "day", "day", "town", "kind"] and found.categorical == [4]
    assert found.tables[0][0].tolist() == [3600, 3600, 4, 2, 0]
    assert np.isnan(found.tables[0][1, [0, 1, 2, 4]]).all()
    assert (found.tables[1] == found.tables[0][:10])[~np.isnan(found.tables[1])].all()
