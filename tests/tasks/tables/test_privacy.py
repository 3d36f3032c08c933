"""Copies, distances and attacks: a memoriser and a copier of one row in ten are caught, fresh rows are not."""

import numpy as np
import pandas as pd
import pytest
from made_tables import PEOPLE, people

from rivals.core.errors import UserError
from rivals.metrics.roc import Roc
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.judging import privacy
from rivals.tasks.tables.judging.attacks import Membership, attributes, membership
from rivals.tasks.tables.judging.privacy import aligned, closest, copies, distances, nearest

TRAIN, HELD, FRESH = people(1000, 0), people(1200, 1), people(1000, 2)


def test_exact_copies_are_counted_beside_chance() -> None:
    fake = pd.concat([FRESH.iloc[:900], TRAIN.iloc[:100]], ignore_index=True)
    found = copies(TRAIN, HELD, fake, PEOPLE)
    assert found.share == pytest.approx(0.1, abs=0.01) and found.low < found.share < found.high
    assert found.expected < 0.01 and found.verdict == "caught"
    assert copies(TRAIN, HELD, FRESH, PEOPLE).verdict == "no sign"


def test_a_copy_is_one_by_every_cell_missing_ones_too() -> None:
    schema = Schema((Column("a", "number"), Column("b", "category"), Column("name", "id")))
    train = pd.DataFrame({"a": [0.0, np.nan, 2], "b": pd.Series(["u", None, ""], dtype=object), "name": ["1", "2", "3"]})
    fake = pd.DataFrame({"a": [-0.0, np.nan, 2.0, 2], "b": pd.Series(["u", None, None, "u"], dtype=object), "name": ["7"] * 4})
    assert copies(train, train, fake, schema).share == 0.5  # the second last has a missing cell, not an empty text


def test_gower_distances() -> None:
    schema = Schema((Column("a", "number"), Column("b", "category")))
    one = pd.DataFrame({"a": [0.0, 10, np.nan], "b": pd.Series(["u", "v", None], dtype=object)})
    rows, other = aligned([one, pd.DataFrame({"a": [5.0, np.nan, 99], "b": pd.Series(["u", None, "w"], dtype=object)})], schema)
    assert distances(rows, other).tolist() == [[0.5, 2, 2], [1.5, 2, 2], [2, 0, 2]]
    near, which = nearest(other, rows)
    assert near.tolist() == [0.25, 0, 1] and which.tolist()[:2] == [0, 2]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = closest(TRAIN, HELD, FRESH, PEOPLE, seed=0)
    monkeypatch.setattr(privacy, "CELLS", 7)
    assert closest(TRAIN, HELD, FRESH.iloc[:20], PEOPLE, seed=0).held_median == expected.held_median
    assert len(privacy.chunks(*aligned([TRAIN, TRAIN], PEOPLE))) == 1000


def test_distances_to_closest_records() -> None:
    found, copied = (closest(TRAIN, HELD, fake, PEOPLE, seed=0) for fake in (FRESH, TRAIN))
    assert found.low <= found.median <= found.high and found.near < found.median
    assert found.median == pytest.approx(found.held_median, rel=0.2)
    assert copied.median == copied.near == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_memoriser_is_caught_by_every_attack_and_fresh_rows_by_none(seed: int) -> None:
    copied = membership(TRAIN, HELD, TRAIN.sample(1000, replace=True, random_state=seed), PEOPLE, seed=seed)
    assert copied.verdict == "caught" and copied.people == 600
    assert copied.attacks["distance"].auc > 0.7 and copied.attacks["density"].auc > 0.7 and copied.attacks["detector"].auc > 0.52
    fresh = membership(TRAIN, HELD, people(1000, 10 + seed), PEOPLE, seed=seed)
    assert fresh.verdict != "caught" and fresh.attacks[fresh.strongest].auc < 0.56


@pytest.mark.parametrize("seed", range(6))
def test_a_generator_that_copies_one_row_in_ten_is_caught(seed: int) -> None:
    fake = pd.concat([people(900, 20 + seed), TRAIN.sample(100, random_state=seed)], ignore_index=True)
    found = membership(TRAIN, HELD, fake, PEOPLE, seed=seed)
    assert found.verdict == "caught" and copies(TRAIN, HELD, fake, PEOPLE).verdict == "caught"


def test_verdicts_follow_the_limits() -> None:
    def verdict(auc: float, hits: float, people: int) -> str:
        return Membership({"a": Roc(0.5, 0.48, 0.52, 0.01), "b": Roc(auc, auc - 0.02, auc + 0.02, hits)}, people).verdict

    assert verdict(0.55, 0.02, 2000) == "no sign"
    assert verdict(0.56, 0.02, 2000) == "caught"
    assert verdict(0.50, 0.04, 2000) == "caught"
    assert verdict(0.50, 0.04, 25) == "unclear"


def test_attributes_of_members_are_guessed_better_where_rows_are_copied() -> None:
    copied, fresh = (attributes(TRAIN, HELD, fake, PEOPLE, seed=0) for fake in (TRAIN, FRESH))
    assert set(copied) == {"work", "grade", "rich"}
    assert copied["work"].members == 1 and copied["work"].advantage > 0.3
    for secret in fresh.values():
        assert abs(secret.advantage) < 4 * secret.deviation


def test_too_few_rows_to_attack() -> None:
    with pytest.raises(UserError, match="too few to attack"):
        membership(TRAIN, HELD.iloc[:3], FRESH, PEOPLE, seed=0)
