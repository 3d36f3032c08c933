"""Constraints: read from text, refused with their place where the table breaks them, and held in every row that is made."""

import numpy as np
import pandas as pd
import pytest
import torch

from rivals.core.errors import UserError
from rivals.tasks.tables.data.constraints import Constraint, broken, read_constraint
from rivals.tasks.tables.data.find import decided, find_constraints
from rivals.tasks.tables.data.form import Form
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import format_table, parse
from rivals.tasks.tables.data.schema import Schema

Table = tuple[pd.DataFrame, Schema]


def trips(rows: int = 600, *, missing: bool = False) -> Table:
    """Start and end, three amounts that add up, a town and its region, a code that differs."""
    random = np.random.default_rng(0)
    start = np.datetime64("2019-03-01") + random.integers(0, 30 * 86400, rows).astype("m8[s]")
    end = start + random.integers(1, 3600, rows).astype("m8[s]")
    fare, tip = random.integers(100, 5000, rows), random.integers(0, 900, rows) * random.integers(0, 2, rows)
    town = random.integers(0, 6, rows)
    columns = {
        "start": np.datetime_as_string(start, unit="s"), "the end": np.datetime_as_string(end, unit="s"),
        "fare": [f"{each / 100:.2f}" for each in fare], "tip": [f"{each / 100:.2f}" for each in tip],
        "total": [f"{each / 100:.2f}" for each in fare + tip],
        "bill": [f"{each / 100:.2f}" for each in fare + tip + random.integers(0, 300, rows)],
        "town": np.array(list("abcdef"))[town], "number": (town * 11 + 2).astype(str), "region": np.array(list("xyxxyy"))[town],
        "code": (random.permutation(rows) * 3).astype(str),
    }  # fmt: skip
    text = pd.DataFrame({name: pd.Series(cells).astype("str") for name, cells in columns.items()})
    if missing:
        text.loc[::7, "the end"] = None
        text.loc[::5, ["total", "bill"]] = None
        text.loc[::11, "town"] = None
    schema = infer(text)
    return parse(text, schema), schema


def anything(form: Form, rows: int, seed: int = 0) -> torch.Tensor:
    """What the worst network might give."""
    noise = torch.Generator().manual_seed(seed)
    columns = [torch.randint(block.width, (rows,), generator=noise).float() if block.kind == "choice"
               else 3 * torch.randn(rows, generator=noise) for block in form.blocks]  # fmt: skip
    return torch.stack(columns, 1)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("fare < total", "fare < total"),
        ("  total>=fare ", "fare <= total"),
        ('start < "the end"', 'start < "the end"'),
        ("`the end` > start", 'start < "the end"'),
        ("fare + tip = total", "fare + tip = total"),
        ("total == fare+tip", "fare + tip = total"),
        ("bill >= fare + tip", "fare + tip <= bill"),
        ("unique code", "unique code"),
        ("unique town, code", "unique town code"),
        ("positive fare", "positive fare"),
        ("fixed town number region", "fixed town number region"),
    ],
)
def test_declarations_are_read_and_written(text: str, same: str) -> None:
    _, schema = trips(60)
    made = read_constraint(text, schema)
    assert made.text == same and read_constraint(made.text, schema) == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give `a < b`"),
        ("fare", "give `a < b`"),
        ("fare <", "give `a < b`"),
        ("fare < tip < total", "give `a < b`"),
        ("fare tip = total", "give `a < b`"),
        ("fare + = total", "give `a < b`"),
        ("fare + tip = total + bill", "one side must be a single column"),
        ("fare < price", "no column 'price': the table has start"),
        ('start < "the end', "is a quote not closed"),
        ("fare < fare", "a column comes twice"),
        ("town < fare", "'town' is category: numbers or dates are needed"),
        ("start < fare", "of dates only two can be compared"),
        ("positive start", "of dates only two can be compared"),
        ("fixed town", "fixed needs two columns"),
        ("positive fare tip", "positive takes one column"),
        ("__import__('os')", "give `a < b`"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, words: str) -> None:
    _, schema = trips(60)
    with pytest.raises(UserError, match=words):
        read_constraint(text, schema)


def test_names_that_are_words_or_signs() -> None:
    schema = infer(pd.DataFrame({name: ["1", "2"] for name in ("unique", "a + b", 'say "x"', "education-num", "<")}, dtype="str"))
    for text in ('unique < "a + b"', '`say "x"` <= education-num', '"<" = "unique"', 'positive "a + b"'):
        made = read_constraint(text, schema)
        assert read_constraint(made.text, schema) == made


@pytest.mark.parametrize(
    ("text", "count", "first"),
    [("tip < fare", 2, 4), ("fare + tip = total", 1, 8), ("positive tip", None, 1), ("unique town", None, 7)],
)
def test_a_table_that_breaks_one_is_refused(text: str, count: int | None, first: int) -> None:
    frame, schema = trips()
    frame.loc[:, "tip"] = np.where(frame["tip"] < frame["fare"], frame["tip"], 0.0)
    frame["total"] = np.round(frame["fare"] + frame["tip"], 2)
    frame.loc[[3, 5], ["tip", "total"]] = frame.loc[[3, 5], ["fare", "total"]].to_numpy()
    frame["total"] = np.round(frame["fare"] + frame["tip"], 2)
    frame.loc[7, "total"] += 0.01
    frame.loc[0, "tip"] = 0.0
    frame.loc[0, "total"] = frame.loc[0, "fare"]
    frame["town"] = list("abcdef") * 100
    with pytest.raises(UserError, match=rf"of 600 rows of the table break it, the first is row {first}$") as error:
        Form.fit(frame, schema, constraints=[text])
    assert count is None or f": {count} of 600" in str(error.value)


ALL = ['start < "the end"', "fare + tip = total", "total <= bill", "fixed town number region", "positive fare", "nonnegative tip",
       "unique code"]  # fmt: skip


@pytest.mark.parametrize(("missing", "modes"), [(False, False), (True, False), (True, True)])
def test_whatever_a_network_gives_every_constraint_holds(missing: bool, modes: bool) -> None:
    frame, schema = trips(missing=missing)
    form = Form.fit(frame, schema, constraints=ALL, modes=modes)
    made = form.decode(anything(form, 2000), seed=0)
    text = format_table(made, schema)
    again = parse(text.mask(text == ""), schema)  # what is written holds too
    for table in (made, again):
        for constraint in ALL:
            assert not broken(read_constraint(constraint, schema), table, schema).any(), constraint
        seen = set(frame[["town", "number", "region"]].fillna("").itertuples(index=False, name=None))
        assert set(table[["town", "number", "region"]].fillna("").itertuples(index=False, name=None)) <= seen
    both = made[["fare", "tip", "total"]].dropna()
    assert len(both) > 100 and ((both["fare"] * 100).round() + (both["tip"] * 100).round() == (both["total"] * 100).round()).all()
    assert made["code"].is_unique
    assert list(made.columns) == list(frame.columns) and (made.dtypes == frame.dtypes).all()


@pytest.mark.parametrize("missing", [False, True])
def test_the_table_itself_comes_back(missing: bool) -> None:
    frame, schema = trips(missing=missing)
    form = Form.fit(frame, schema, constraints=ALL)
    made = form.decode(form.encode(frame), seed=0)
    assert len(made) == len(frame)
    pd.testing.assert_frame_equal(made[["town", "number", "region"]], frame[["town", "number", "region"]])
    for name in frame:
        assert (made[name].isna() == frame[name].isna()).all()
    for name in ("fare", "tip", "total", "bill"):
        assert (made[name] - frame[name]).abs().max() < 0.5
    assert Form.from_dict(form.as_dict()) == form


def test_what_is_computed_has_no_block_and_says_so() -> None:
    frame, schema = trips()
    form = Form.fit(frame, schema, constraints=ALL)
    names = [block.column for block in form.blocks]
    assert "total" not in names and "total (rest)" not in names and "bill (rest)" in names and "the end" not in names
    assert form.values("total") is None and form.values("fare") is None
    found = form.values("number")
    assert (
        found is not None
        and form.blocks[found[0]].column == "town + number + region"
        and set(found[1]) == {2, 13, 24, 35, 46, 57}
    )
    assert "a | 2 | x" in form.levels(form.blocks[found[0]])


def test_chains_and_columns_in_several_constraints() -> None:
    random = np.random.default_rng(0)
    low = random.integers(0, 100, 500)
    text = pd.DataFrame({"a": low, "b": low + random.integers(1, 50, 500), "c": low + random.integers(60, 90, 500),
                         "z": low - random.integers(0, 9, 500)}).astype("str")  # fmt: skip
    schema = infer(text)
    frame = parse(text, schema)
    several = ["a < b", "b < c", "a < c", "z <= a", "z < c"]
    form = Form.fit(frame, schema, constraints=several)
    made = form.decode(anything(form, 5000), seed=0)
    for constraint in several:
        assert not broken(read_constraint(constraint, schema), made, schema).any()
    assert len(made) > 1000  # some rows were left out for what no change could hold
    with pytest.raises(UserError, match="none of its columns can be computed"):
        wrong = frame.assign(b=frame["a"], c=frame["a"])
        Form.fit(wrong, schema, constraints=["a = b", "b = c", "a = c"])


def test_dates_of_different_steps() -> None:
    text = pd.DataFrame({"made": ["2019-03-01 10:30", "2019-03-05 23:59", "2019-03-09 00:00"] * 20,
                         "due": ["2019-03-02", "2019-03-06", "2019-04-09"] * 20}, dtype="str")  # fmt: skip
    schema = infer(text)
    frame = parse(text, schema)
    form = Form.fit(frame, schema, constraints=["made < due"])
    pd.testing.assert_frame_equal(form.decode(form.encode(frame), seed=0), frame)
    made = form.decode(anything(form, 500), seed=0)
    assert (made["made"] < made["due"]).all() and (made["due"] == made["due"].dt.floor("D")).all()


def test_floats_without_decimals_hold_as_far_as_floats_do() -> None:
    random = np.random.default_rng(0)
    a, b = random.random(300), random.random(300)
    text = pd.DataFrame({"a": a, "b": b, "c": a + b}).map(repr).astype("str")
    schema = infer(text)
    frame = parse(text, schema)
    assert schema.column("a").decimals is None
    form = Form.fit(frame, schema, constraints=["a + b = c", "a < c"])
    made = form.decode(anything(form, 500), seed=0)
    np.testing.assert_allclose(made["a"] + made["b"], made["c"], rtol=1e-12)
    assert (made["a"] < made["c"]).all() and len(made) > 400


def test_constraints_are_found() -> None:
    frame, schema = trips()
    assert find_constraints(frame, schema) == ["fixed town number", 'start < "the end"', "fare + tip = total"]
    assert decided(frame, schema) == [("town", "region"), ("number", "region")]
    assert find_constraints(frame.iloc[:10], schema) == []
    some, schema = trips(missing=True)
    found = find_constraints(some, schema)
    assert "fare + tip = total" in found and 'start < "the end"' in found and not any(each.startswith("fixed") for each in found)
    Form.fit(some, schema, constraints=found)


def test_copies_are_found_once() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 10**6, (2, 300))
    text = pd.DataFrame({"a": a, "b": b, "c": a, "d": a + b, "e": a + b}).astype("str")
    schema = infer(text)
    frame = parse(text, schema)
    found = find_constraints(frame, schema)
    assert found == ["a = c", "d = e", "a + b = d"]
    form = Form.fit(frame, schema, constraints=found)
    assert [block.column for block in form.blocks] == ["a", "b"]
    pd.testing.assert_frame_equal(form.decode(form.encode(frame), seed=0)[["a"]], frame[["a"]])


def test_a_constraint_object_is_as_good_as_its_text() -> None:
    frame, schema = trips()
    made = Constraint(("fare",), None, "<=", "total")
    assert Form.fit(frame, schema, constraints=[made, "fare <= total"]).kept.constraints == (made,)
