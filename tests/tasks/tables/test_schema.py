"""Kinds of columns are found as a user would name them, overridden at will, and cells come back as they were written."""

import json

import numpy as np
import pandas as pd
import pytest

from rivals.core.errors import UserError
from rivals.tasks.tables.data import dates
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import format_table, parse
from rivals.tasks.tables.data.schema import Column, Schema


def text(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})


def only(*cells: str | None, types: str = "", name: str = "c") -> Column:
    return infer(text(**{name: list(cells)}), {name: types} if types else None).columns[0]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3"], "integer"),
        ([str(2**63 - 1), str(-(2**63))], "integer"),
        (["1", "2.5"], "number"),
        (["1e5", "2"], "number"),
        ([".5", "5."], "number"),
        (["007", "012"], "category"),  # leading zeros are text
        (["1", "007"], "category"),
        (["1,234", "2,345"], "category"),
        (["0x10", "1"], "category"),
        (["٣", "٤"], "category"),  # digits of other scripts
        (["True", "False"], "boolean"),
        (["true", "FALSE"], "boolean"),
        (["yes", "no"], "category"),
        (["0", "1"], "integer"),
        (["true", "false", "maybe"], "category"),
        (["a", "b", "a"], "category"),
        (["a", "a"], "constant"),
        (["5", "5"], "constant"),
        (["a", None], "category"),  # whether it is there says something
        ([None, None], "empty"),
        (["2019-01-02", "2020-02-29"], "datetime"),
        (["2019-02-29", "2019-01-01"], "category"),  # no such day
        (["2019-01-02", "02/01/2019"], "category"),  # two formats
        (["inf", "nan-like"], "category"),
    ],
)
def test_kinds(cells: list[str | None], kind: str) -> None:
    assert only(*cells).kind == kind


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2019-03-01 10:00:00", "2019-03-02 23:59:59"], "%Y-%m-%d %H:%M:%S"),
        (["2019-03-01T10:00", "2019-03-02T23:59"], "%Y-%m-%dT%H:%M"),
        (["2019-03-01T10:00:00.123Z", "2019-03-02T10:00:00.000Z"], "%Y-%m-%dT%H:%M:%S.%3fZ"),
        (["2019-03-01 10:00:00+01:00", "2019-03-02 10:00:00+01:00"], "%Y-%m-%d %H:%M:%S+01:00"),
        (["2019-03-01 10:00:00.123456789", "2019-03-01 10:00:00.000000001"], "%Y-%m-%d %H:%M:%S.%9f"),
        (["13/01/2019", "01/02/2019"], "%d/%m/%Y"),
        (["01/13/2019", "02/01/2019"], "%m/%d/%Y"),
        (["1/13/2019 4:05 PM", "12/1/2019 12:00 AM"], "%-m/%-d/%Y %-I:%M %p"),
        (["01.02.2019", "28.02.2019"], "%d.%m.%Y"),
        (["1-Mar-2019", "28-Feb-2019"], "%-d-%b-%Y"),
        (["2019/3/1", "2019/12/11"], "%Y/%-m/%-d"),
    ],
)
def test_dates_and_their_formats(cells: list[str], form: str) -> None:
    frame = text(c=cells)
    schema = infer(frame)
    assert schema.columns[0].kind == "datetime" and schema.columns[0].format == form
    assert format_table(parse(frame, schema), schema)["c"].tolist() == cells


def test_dates_are_read_as_pandas_reads_them() -> None:
    days = pd.date_range("1899-12-25", "2101-03-03", freq="37h13min11s")
    written = days.strftime("%Y-%m-%d %H:%M:%S").tolist()
    assert (dates.read("%Y-%m-%d %H:%M:%S", written) == days.to_numpy()).all()
    assert dates.write("%d.%m.%Y %I:%M:%S %p", days.to_numpy()) == days.strftime("%d.%m.%Y %I:%M:%S %p").tolist()


def test_day_and_month_that_cannot_be_told_apart_are_said_so() -> None:
    column = only("01/02/2019", "03/04/2019")
    assert column.format == "%m/%d/%Y" and "datetime:%d/%m/%Y" in column.note
    assert only("01/02/2019", "03/04/2019", types="datetime:%d/%m/%Y").low == pd.Timestamp("2019-02-01").timestamp()
    assert only("20190102", "20190304", types="datetime:%Y%m%d").kind == "datetime"


def test_columns_that_are_nearly_something_else_are_noted_with_the_row() -> None:
    assert "row 12" in only(*[str(i) for i in range(11)], "unknown").note
    mixed = only(*["2019-01-02"] * 8, "02/01/2019", "03/01/2019")
    assert mixed.kind == "category" and "dates of several formats: 80% are %Y-%m-%d, row 9 is not" in mixed.note


def test_ids() -> None:
    assert only(*[f"A{i}" for i in range(51)]).kind == "id" and only(*[f"A{i}" for i in range(50)]).kind == "category"
    assert only(*[f"{i:05d}" for i in range(60)]).kind == "id"
    assert only(*map(str, range(60))).kind == "id"  # leaves no number out
    assert only(*map(str, range(0, 120, 2))).kind == "integer"
    assert only(*map(str, range(0, 120, 2)), name="customer_id").kind == "id"
    assert only(*map(str, range(30)), *map(str, range(30)), name="customer_id").kind == "integer"
    column = only(*[f"{i % 20_001:x}" for i in range(2**16)])
    assert column.kind == "id" and "20,001 different texts" in column.note
    assert only(*[f"A{i}" for i in range(51)], types="category").kind == "category"


def test_a_million_categories_are_an_id() -> None:
    frame = pd.DataFrame({"c": pd.Series(np.arange(10**6)).astype(str).radd("c").astype("str")})
    column = infer(frame).columns[0]
    assert column.kind == "id" and not column.levels and "1,000,000 different texts" in column.note


def test_infinity_is_an_error_with_its_place() -> None:
    for bad in ("inf", "-Infinity", "1e999"):
        with pytest.raises(UserError, match=rf"column 'c', row 2: '{bad}' among numbers"):
            only("1", bad, "2.5")


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ({"d": "integer"}, "no column 'd'"),
        ({"c": "float"}, "cannot be 'float': give one of number, integer, ordered"),
        ({"c": "integer"}, "column 'c', row 2: 'x' is no integer"),
        ({"c": "number"}, "column 'c', row 2: 'x' is no number"),
        ({"c": "datetime"}, "column 'c', row 1: '1' is no date"),
        ({"c": "datetime:%Y"}, "needs a year, month and day"),
        ({"c": "boolean"}, "is not boolean: it has"),
        ({"c": "ordered:1,x"}, "row 3: '3' is not in the order 1, x"),
        ({"c": "constant"}, "is not constant: it has 3 different values"),
    ],
)
def test_overrides_that_do_not_fit(types: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        infer(text(c=["1", "x", "3"]), types)


def test_overrides() -> None:
    assert only("1", "10", "9", types="ordered").levels == ("1", "9", "10")
    assert only("high", "low", types="ordered:low,mid,high").levels == ("low", "mid", "high")
    assert only("no", "yes", types="boolean").levels == ("no", "yes") and only("1", "2", types="category").kind == "category"
    assert only("1", "2", types="number").kind == "number"
    frame = text(c=["no", "yes", None])
    assert parse(frame, infer(frame, {"c": "boolean"}))["c"].dtype == "boolean"


def test_dtypes_are_those_that_pandas_users_expect() -> None:
    frame = text(
        i=["1", "2"], j=["1", None], x=["1.5", None], b=["True", "False"], m=["True", None], t=["a", None], e=[None, None],
        d=["2019-01-02", None], k=["7", "7"],
    )  # fmt: skip
    schema = infer(frame, {"m": "category"})
    made = parse(frame, schema)
    assert [str(each) for each in made.dtypes] == ["int64", "Int64", "float64", "bool", "object", "object", "float64",
                                                   "datetime64[us]", "int64"]  # fmt: skip
    assert made["t"].tolist() == ["a", None] and made["j"].isna().tolist() == [False, True]


def test_cells_are_written_as_the_file_wrote_them() -> None:
    frame = text(
        fixed=["1.50", "2.00", "-0.25"], point=["22.0", "0.42", "5.125"], short=["38.7", "18", "1e-07"],
        whole=["22.0", "3.0", "4.0"], large=[str(2**62 + 1), "5", "-7"], zeros=["007", "012", None],
        flags=["TRUE", "FALSE", "TRUE"], times=["2019-03-01 4:05", "2019-03-02 14:05", None], none=[None, None, None],
    )  # fmt: skip
    frame.attrs["missing"] = {"zeros": "NA", "times": "?"}
    schema = infer(frame)
    made = format_table(parse(frame, schema), schema)
    for name in frame:
        assert made[name].tolist() == frame[name].fillna(schema.column(name).token).tolist(), name
    assert [schema.column(name).decimals for name in ("fixed", "point", "short", "whole")] == [2, 3, 7, 0]


def test_another_file_that_does_not_fit_is_named() -> None:
    schema = infer(text(a=["1", "2"], d=["2019-01-02", "2019-01-03"], b=["true", "false"]))
    good: dict[str, list[str | None]] = {"a": ["3", None], "d": ["2020-01-01", None], "b": ["true", None]}
    assert str(parse(text(**good), schema)["a"].dtype) == "Int64"
    for name, bad in {"a": "1.5", "d": "02/01/2019", "b": "yes"}.items():
        with pytest.raises(UserError, match=f"column '{name}', row 2: '{bad}' is no"):
            parse(text(**{**good, name: [None, bad]}), schema)
    with pytest.raises(UserError, match="no column 'b'"):
        parse(text(a=["1"], d=[None]), schema)


def test_a_schema_is_json() -> None:
    frame = text(a=["1", "2.5"], b=["x", "y"], c=["2019-01-02", None], i=[str(2**62), "3"])
    schema = infer(frame)
    assert Schema.from_dict(json.loads(json.dumps(schema.as_dict()))) == schema and schema.rows == 2
    ids = infer(text(c=[f"A{i:03d}" for i in range(60)]))
    assert ids.columns[0].pattern == ((1.0, ("A", "0", "0123456789", "0123456789")),)
    assert Schema.from_dict(json.loads(json.dumps(ids.as_dict()))) == ids
    with pytest.raises(UserError, match="no column 'z'"):
        schema.column("z")
