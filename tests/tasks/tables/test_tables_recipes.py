"""The table recipes from a file to rows: what is learnt, kept and refused, in Python and on the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rivals import load, tasks
from rivals.core.errors import UserError
from rivals.metrics import Judging
from rivals.tasks import tables
from rivals.tasks.tables import ctgan, training, tvae
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.judged import broken_rows
from rivals.tasks.tables.sampling import rows

RECIPES = {"tables": tables.recipe, "tables.ctgan": ctgan.recipe, "tables.tvae": tvae.recipe}


def shop(path: Path, count: int = 600) -> Path:
    """Customers: a city that sets the price, a fee that is often 0, a total, dates, missing cells, codes with leading zeros."""
    random = np.random.default_rng(0)
    city = random.choice(["Aachen", "Bergen", "Cork"], count, p=[0.5, 0.3, 0.2])
    price = np.round(random.normal(np.select([city == "Aachen", city == "Bergen"], [10, 20], 40), 2).clip(1), 2)
    fee = np.where(random.random(count) < 0.6, 0.0, np.round(random.exponential(3, count), 2))
    frame = pd.DataFrame(
        {
            "code": [f"{each:06d}" for each in random.permutation(count)],
            "city": city,
            "price": [f"{each:.2f}" for each in price],
            "fee": [f"{each:.2f}" for each in fee],
            "total": [f"{each:.2f}" for each in price + fee],
            "ordered": (pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 200, count), "D")).strftime("%Y-%m-%d"),
            "member": random.choice(["yes", "no"], count),
            "age": random.integers(18, 90, count).astype(str),
        }
    )
    frame.loc[random.random(count) < 0.2, "age"] = ""
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop") / "shop.csv")


def test_the_recipes_are_found() -> None:
    assert set(RECIPES) <= set(tasks.names())


def test_rows_behave_like_the_files(data: Path, tmp_path: Path) -> None:
    trainer = tables.recipe(data, samples=40_000, batch=32, rate=2e-3, width=64, out=tmp_path / "run", device="cpu").fit(
        progress=False
    )
    made, real = trainer.sample(2000), pd.read_csv(data, dtype={"code": str}, parse_dates=["ordered"])
    assert list(made) == list(real)
    assert made["age"].isna().mean() == pytest.approx(real["age"].isna().mean(), abs=0.06)
    assert (made["fee"] == 0).mean() == pytest.approx((real["fee"] == 0).mean(), abs=0.1)
    assert made["city"].isin(["Aachen", "Bergen", "Cork"]).all() and made["member"].isin(["yes", "no"]).all()
    means, true = (frame.groupby("city")["price"].mean() for frame in (made, real))
    assert means["Aachen"] < means["Bergen"] < means["Cork"], "the game has learnt that the city sets the price"
    assert (means - true).abs().max() < 6
    assert (made["price"] + made["fee"] - made["total"]).abs().max() < 1e-9, "amounts add up: found in the data, held in the rows"
    assert made["code"].is_unique and made["code"][:500].str.fullmatch(r"\d{6}").all()
    assert pd.api.types.is_datetime64_any_dtype(made["ordered"]) and made["ordered"].between("2024-01-01", "2024-07-20").all()
    pd.testing.assert_frame_equal(trainer.sample(50, seed=3), trainer.sample(50, seed=3))
    asked = trainer.sample(200, where=["city=Cork", "price>=30"])
    assert (asked["city"] == "Cork").all() and (asked["price"] >= 30).all()


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_is_loaded_and_scores_rows(name: str, data: Path, tmp_path: Path) -> None:
    trainer = RECIPES[name](data, samples=3000, batch=100, out=tmp_path / "run", device="cpu").fit(progress=False)
    model = load(tmp_path / "run")
    json.dumps(model.record)
    scores = model.score([data])
    assert len(scores) == 600 and all(0 <= each.probability <= 1 for each in scores)
    pd.testing.assert_frame_equal(rows(model.game, Form.from_dict(model.record["facts"]["form"]), 20), trainer.sample(20))


def test_a_run_is_judged(data: Path, tmp_path: Path) -> None:
    tables.recipe(data, target="city", samples=3000, batch=100, width=16, out=tmp_path / "run", device="cpu").fit(progress=False)
    model = load(tmp_path / "run")
    cards = model.evaluate(Judging(samples=100))
    assert {"shapes", "pairs", "detection", "utility", "membership", "exact-copies"} <= set(cards)
    assert cards["constraints"].value == 0, "price + fee = total was found, and holds"
    assert cards["exact-copies"].value < 0.02 < 0.98 < cards["exact-copies"].beside["memoriser"]
    with pytest.raises(UserError, match="backbone"):
        model.evaluate(Judging(backbone="inception"))
    with pytest.raises(UserError, match="shapes"):
        model.evaluate(Judging(metric="frechet"))


def test_a_changed_file_is_not_judged_by(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_bytes(data.read_bytes())
    tables.recipe(copy, samples=1000, width=16, out=tmp_path / "run", device="cpu").fit(progress=False)
    copy.write_text(copy.read_text() + copy.read_text().splitlines()[-1] + "\n")
    with pytest.raises(UserError, match="has changed"):
        load(tmp_path / "run").evaluate()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"target": "town"}, "no column 'town'"),
        ({"target": "code"}, "target 'code' is id"),
        ({"rows": 600}, "some must be held out"),
        ({"rows": 0}, "rows is 0"),
        ({"told": 2.0}, "told is 2.0"),
        ({"delta": 1e-5}, "give --epsilon too"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"constraint": ["fee > 1"]}, "fee"),
        ({"constraint": ["price < fee"]}, "rows"),
        ({"types": ["age"]}, "column=kind"),
        ({"types": ["years=integer"]}, "years"),
        ({"types": ["age=colour"]}, "colour"),
    ],
)
def test_mistakes_are_told_in_one_line(options: dict[str, object], told: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told) as raised:
        tables.recipe(data, **options, out=tmp_path / "run")
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_rows_that_break_a_constraint_are_counted(data: Path) -> None:
    table = training.load(data, None, None, 0)
    form = Form.fit(table.train, table.schema, constraints=["price + fee = total", "fixed city member"])
    assert broken_rows(form, table.train) == 0
    wrong = table.train.copy()
    wrong.loc[:4, "total"] += 1
    wrong.loc[4:9, "city"] = "Delft"
    assert broken_rows(form, wrong) == 10


def test_packs_must_fit_the_batch(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not divide"):
        ctgan.recipe(data, batch=55, out=tmp_path / "run")


def test_constraints_can_be_left_out(data: Path, tmp_path: Path) -> None:
    trainer = tables.recipe(data, constraint=["none"], samples=2000, width=16, out=tmp_path / "run", device="cpu").fit(
        progress=False
    )
    made = trainer.sample(300)
    assert (made["price"] + made["fee"] - made["total"]).abs().max() > 0.01
