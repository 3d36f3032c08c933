"""All cards of a synthetic table, and its pictures."""

import numpy as np
import pandas as pd
import pytest
from made_tables import FIXED, PEOPLE, fixed, people

from rivals.core.errors import UserError
from rivals.metrics import Judging, MetricCard
from rivals.report.beside import attacks, caught, samplers
from rivals.report.meaning import meaning, notes
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.judging import cards as module
from rivals.tasks.tables.judging import judge
from rivals.tasks.tables.judging.baselines import SAMPLERS
from rivals.tasks.tables.judging.charts import charts

TRAIN, HELD = people(200, 0), people(200, 1)
ALIKE = ["shapes", "pair-trends", "pairs", "missing", "boundaries", "levels"]
REST = ["detection", "detection-logistic", "utility", "balanced-accuracy", "exact-copies", "closest", "membership", "attributes"]


@pytest.fixture(scope="module")
def cards() -> dict[str, MetricCard]:
    torn = SAMPLERS["independent"](TRAIN, PEOPLE, 200, None, 5)
    return judge(TRAIN, HELD, torn, PEOPLE, target="rich", constraints_broken=3)


def test_every_measure_has_a_card_with_an_interval_and_a_name(cards: dict[str, MetricCard]) -> None:
    assert list(cards) == [*ALIKE, *REST, "constraints"]
    for name, card in cards.items():
        assert card.metric == name and card.low <= card.value <= card.high, card
        assert MetricCard.from_dict(card.as_dict()) == card and np.isfinite(card.value)
        assert meaning(name).plain, name
        assert isinstance(card.extra.get("bound", 0.0), float)
    assert cards["constraints"].value == 3


def test_simple_samplers_stand_beside_and_a_worse_table_is_told_so(cards: dict[str, MetricCard]) -> None:
    found = samplers(cards)
    assert found.names == list(SAMPLERS)
    assert {card.metric for card, _ in found.rows} > {"shapes", "pair-trends", "detection", "utility", "membership"}
    for name in ("pair-trends", "detection", "utility", "balanced-accuracy"):
        assert "worse than the" in str(cards[name].extra["verdict"])
    assert "beside" not in notes(cards["detection"])


def test_the_memoriser_is_caught_in_the_table_of_attacks(cards: dict[str, MetricCard]) -> None:
    assert [each.name for each in attacks(cards)] == ["distance", "density", "detector"]
    assert caught(cards)["memoriser"] == "caught" and next(iter(caught(cards))) == "this run"
    assert cards["exact-copies"].beside["memoriser"] == 1
    assert cards["attributes"].beside["memoriser"] > 0.1


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two simple samplers only, since each takes seconds."""
    monkeypatch.setattr(module, "SAMPLERS", {name: SAMPLERS[name] for name in ("per-class copula", "memoriser")})
    monkeypatch.setattr(module, "TEACHERS", ())


@pytest.mark.usefixtures("few")
def test_the_same_seed_gives_the_same_cards_and_a_good_table_wins() -> None:
    fresh = people(200, 2)
    one, other = (judge(TRAIN, HELD, fresh, PEOPLE, judging=Judging(seed=1)) for _ in range(2))
    assert one == other and "utility" not in one and "constraints" not in one
    assert one["detection"].extra["verdict"] == "better than every simple sampler"
    assert one["detection"].value == pytest.approx(0.5, abs=0.15)


@pytest.mark.usefixtures("few")
def test_tables_of_numbers_alone_or_of_categories_alone() -> None:
    for names in (["age", "level"], ["work", "rich"]):
        schema = Schema(tuple(PEOPLE.column(name) for name in names))
        found = judge(TRAIN[names], HELD[names], people(60, 3)[names], schema)
        assert {"shapes", "detection", "membership"} <= found.keys()


def test_a_target_that_is_none() -> None:
    with pytest.raises(UserError, match="no column to predict"):
        judge(TRAIN, HELD, TRAIN, PEOPLE, target="nobody")


def test_pictures_of_every_kind_of_column() -> None:
    made = charts(fixed(0), fixed(1), FIXED)
    assert list(made) == ["columns", "pairs", "associations"]
    for image in made.values():
        assert image.mode == "RGB" and len(image.getcolors(1_000_000) or []) > 10
    assert charts(fixed(0), fixed(1), Schema((Column("code", "id"),))) == {}


def test_pictures_of_odd_columns() -> None:
    schema = Schema((Column("a", "number"), Column("b", "category"), Column("c", "number")))
    real = pd.DataFrame({"a": [np.nan] * 4, "b": pd.Series(["x" * 300, None, "\n", "y"], dtype=object), "c": [1.0] * 4})
    assert set(charts(real, real, schema)) == {"columns", "pairs", "associations"}
