"""A whole table to a tensor and back: dtypes, missing cells, dates, ids and constants as they were, kept as JSON."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from rivals.tasks.tables.data.form import Form
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import format_table, parse
from rivals.tasks.tables.data.schema import Schema


def people(rows: int = 800) -> tuple[pd.DataFrame, Schema]:
    """One column of each kind, with missing cells."""
    random = np.random.default_rng(0)
    when = np.datetime64("2019-01-01") + random.integers(0, 100 * 86400, rows).astype("m8[s]")
    gain = np.where(random.random(rows) < 0.8, 0, random.integers(1, 90_000, rows))
    columns = {
        "id": [f"C{i:07d}" for i in random.choice(10**6, rows, replace=False)], "age": random.integers(18, 90, rows),
        "gain": gain, "height": np.round(random.normal(1.7, 0.1, rows), 2), "children": random.integers(0, 5, rows),
        "job": random.choice(["cook", "smith", "clerk"], rows, p=[0.7, 0.2, 0.1]), "member": random.random(rows) < 0.3,
        "size": random.choice(["S", "M", "L"], rows), "born": np.datetime_as_string(when, unit="D"),
        "seen": np.char.replace(np.datetime_as_string(when, unit="s"), "T", " "), "country": ["NL"] * rows, "none": [None] * rows,
    }  # fmt: skip
    text = pd.DataFrame(
        {name: pd.Series(cells, dtype=object).map(str, na_action="ignore").astype("str") for name, cells in columns.items()}
    )
    for name in ("height", "children", "job", "member", "seen"):
        text.loc[random.random(rows) < 0.1, name] = None
    schema = infer(text, {"size": "ordered:S,M,L"})
    return parse(text, schema), schema


@pytest.mark.parametrize("modes", [False, True])
def test_a_table_comes_back(modes: bool) -> None:
    frame, schema = people()
    form = Form.fit(frame, schema, modes=modes)
    values = form.encode(frame)
    assert values.dtype == torch.float32 and values.shape == (800, len(form.blocks)) and values.isfinite().all()
    made = form.decode(values, seed=0)
    assert list(made.columns) == schema.names and (made.dtypes == frame.dtypes).all()
    for name in set(schema.names) - {"id"}:
        assert (made[name].isna() == frame[name].isna()).all(), name
    for name in ("children", "job", "member", "size", "country", "none"):
        pd.testing.assert_series_equal(made[name], frame[name])
    assert (made["gain"] == 0).equals(frame["gain"] == 0) or modes
    if not modes:
        assert (made["age"] - frame["age"]).abs().max() == 0 and (made["height"] - frame["height"]).abs().max() <= 0.011
        assert (made["seen"] - frame["seen"]).abs().max() < pd.Timedelta(days=1)
    assert (made[["age", "height"]].min() >= frame[["age", "height"]].min()).all() and made["born"].max() <= frame["born"].max()
    format_table(made, schema)


def test_blocks_say_what_they_are() -> None:
    frame, schema = people()
    form = Form.fit(frame, schema)
    told = {(block.column, block.kind): (at, block) for at, block in enumerate(form.blocks)}
    assert not {"id", "country", "none"} & {block.column for block in form.blocks}
    assert form.levels(told["gain", "choice"][1]) == ["continuous", "0"]
    assert told["gain", "number"][1].gate == (told["gain", "choice"][0], 0)
    assert form.levels(told["job", "choice"][1]) == ["cook", "smith", "clerk", "missing"]
    assert form.levels(told["size", "choice"][1]) == ["S", "M", "L"]
    assert form.levels(told["children", "choice"][1]) == ["0", "1", "2", "3", "4", "missing"]
    assert form.levels(told["member", "choice"][1]) == ["False", "True", "missing"]
    assert ("seen", "number") in told and ("seen (time of day)", "number") in told and told["age", "number"][1].gate is None
    for block in form.blocks:
        assert block.kind == "number" or len(form.levels(block)) == block.width
    assert form.values("job") == (told["job", "choice"][0], ["cook", "smith", "clerk", None])
    assert form.values("children") == (told["children", "choice"][0], [0, 1, 2, 3, 4, None])
    assert form.values("gain") is form.values("id") is form.values("country") is None


@pytest.mark.parametrize("modes", [False, True])
def test_a_form_is_json(modes: bool) -> None:
    frame, schema = people(300)
    form = Form.fit(frame, schema, constraints=["fixed job size", "born <= seen"], modes=modes)
    again = Form.from_dict(json.loads(json.dumps(form.as_dict())))
    assert again == form and again.blocks == form.blocks
    values = form.encode(frame)
    assert torch.equal(again.encode(frame), values) and torch.equal(form.encode(frame), values)
    pd.testing.assert_frame_equal(again.decode(values, seed=3), form.decode(values, seed=3))


def test_ids_are_new_alike_and_differ_over_the_parts_of_a_file() -> None:
    frame, schema = people()
    form = Form.fit(frame, schema)
    values = form.encode(frame)
    parts = [form.decode(values, seed=seed, start=start) for seed, start in ((1, 0), (2, 800), (3, 1600))]
    ids = pd.concat(parts)["id"]
    assert ids.is_unique and ids.str.fullmatch(r"C0[0-9]{6}").all()
    pd.testing.assert_frame_equal(parts[1], form.decode(values, seed=2, start=800))
    text = pd.DataFrame({"id": np.arange(100), "key": [f"{i}{'k' * (i % 4)}" for i in range(100)]}).astype("str")
    text["few"] = [f"{chr(97 + i % 2)}{i:02d}" for i in range(100)]
    counted = infer(text)
    assert [column.kind for column in counted.columns] == ["id"] * 3
    made = Form.fit(parse(text, counted), counted).decode(torch.zeros(30_000, 0), seed=0)
    assert made["id"].tolist() == list(range(100, 30_100)) and made["key"].is_unique and made["few"].is_unique


def test_other_tables_are_encoded_too() -> None:
    frame, schema = people()
    form = Form.fit(frame.iloc[:400], schema, constraints=["fixed job children"])
    other = frame.copy()
    other["age"] = 500
    other.loc[5, "job"] = None
    values = form.encode(other)
    assert values.isfinite().all() and (form.decode(values, seed=0)["age"] == frame["age"][:400].max()).all()


def test_large_integers_and_fine_dates_stay_exact() -> None:
    random = np.random.default_rng(0)
    large = 2**62 + random.integers(0, 1000, 3000)
    far = np.where(random.random(3000) < 0.5, -(2**62), 2**62 + 1)
    fine = np.datetime64("2019-01-01T00:00:00.000000001") + random.integers(0, 1000, 3000).astype("m8[ns]")
    text = pd.DataFrame({"large": large, "far": far, "fine": np.datetime_as_string(fine, unit="ns")}).astype("str")
    text.loc[::9, "far"] = None
    schema = infer(text)
    assert [column.kind for column in schema.columns] == ["integer", "integer", "datetime"]
    frame = parse(text, schema)
    form = Form.from_dict(json.loads(json.dumps(Form.fit(frame, schema).as_dict())))
    made = form.decode(form.encode(frame), seed=0)
    assert (made["large"] - frame["large"]).abs().max() <= 1
    pd.testing.assert_series_equal(made["far"], frame["far"])
    assert (made["fine"] - frame["fine"]).abs().max() <= pd.Timedelta(1, "ns")
    assert made["large"].max() <= large.max()


def test_many_categories_take_little_memory() -> None:
    rows = 200_000
    codes = np.random.default_rng(0).integers(0, 5000, rows)
    text = pd.DataFrame({"c": pd.Series(np.char.add("level ", codes.astype(str))).where(codes % 10 > 0).astype("str")})
    schema = infer(text)
    assert schema.columns[0].kind == "category" and schema.columns[0].distinct == 4500
    form = Form.fit(parse(text, schema), schema)
    values = form.encode(parse(text, schema))
    assert values.shape == (rows, 1) and form.blocks[0].width == 4501 and values.max() == 4500
    assert form.decode(values, seed=0)["c"].fillna("").tolist() == text["c"].fillna("").tolist()


def test_a_part_of_the_rows_may_lack_what_the_schema_has() -> None:
    frame, schema = people()
    part = frame[frame["member"].isna() & frame["gain"].eq(0)].reset_index(drop=True)
    form = Form.fit(part, schema)
    made = form.decode(form.encode(part), seed=0)
    assert made["member"].isna().all() and (made["gain"] == 0).all() and (made.dtypes == frame.dtypes).all()
