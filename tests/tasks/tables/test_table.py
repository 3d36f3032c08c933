"""A table's file: cells come back as they are written, and what is wrong with a file is said in one line with its place."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rivals.core.errors import UserError
from rivals.media.table import read_table
from rivals.tasks.tables.data.form import Form
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import format_table, parse


def wrote(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cells(frame: pd.DataFrame) -> list[list[str | None]]:
    return [[None if pd.isna(each) else each for each in row] for row in frame.itertuples(index=False, name=None)]


def test_cells_are_text_and_missing_ones_missing(tmp_path: Path) -> None:
    path = wrote(tmp_path, '\ufeffid, "b, c",note\n007, x,"two\nlines"\n\n12345678901234567890,?,NA\n+1.50 ,? ,""\n')
    frame = read_table(path)
    assert list(frame.columns) == ["id", "b, c", "note"]
    assert cells(frame) == [["007", "x", "two\nlines"], ["12345678901234567890", None, None], ["+1.50", None, None]]
    assert frame.attrs["missing"]["b, c"] == "?" and frame.attrs["missing"]["id"] == "" and frame.attrs["separator"] == ","


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "a;b\n1,5;x\n2;y\n"),
        ("a.tsv", "a\tb\n1,5\tx\n2\ty\n"),
        ("a.txt", "a|b\n1,5|x\n2|y\n"),
        ("a.csv", '"a","b"\r\n"1,5","x"\r\n"2","y"\r\n'),
    ],
)
def test_separators_and_line_ends(tmp_path: Path, name: str, content: str) -> None:
    assert cells(read_table(wrote(tmp_path, content, name))) == [["1,5", "x"], ["2", "y"]]
    assert cells(read_table(wrote(tmp_path, gzip.compress(content.encode()), f"{name}.gz"))) == [["1,5", "x"], ["2", "y"]]


def test_some_columns_alone_and_an_index_without_a_name(tmp_path: Path) -> None:
    path = wrote(tmp_path, ",a,b\n0,1,2\n1,3,4\n")
    assert list(read_table(path).columns) == ["Unnamed: 0", "a", "b"]
    assert cells(read_table(path, columns=["b"])) == [["2"], ["4"]]
    with pytest.raises(UserError, match="no column 'c': it has Unnamed: 0, a, b"):
        read_table(path, columns=["c"])


def test_many_rows_in_parts_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivals.media.table.CELLS", 14)
    monkeypatch.setattr("rivals.media.table.ROWS", 1)
    path = wrote(tmp_path, "a,b\n" + "".join(f"{i},{i % 3 or ''}\n" for i in range(1000)))
    frame = read_table(path)
    assert frame["a"].tolist() == [str(i) for i in range(1000)] and frame["b"].isna().sum() == 334


BAD = {
    "ragged": ("a,b,c\n1,2,3\n4,5\n", "line 3: 2 cells where the header names 3 columns .from column 'c' on"),
    "too many": ("a,b\n1,2\n4,5,6\n", "line 3: 3 cells where the header names 2 columns .the first too many is '6'"),
    "after lines in quotes": ('a,b\n"1\n2",3\n4\n', "line 4: 1 cells"),
    "latin-1": ("a,b\n1,x\n2,caf\xe9\n".encode("latin-1"), "line 3, column 2: the byte 0xe9 is no UTF-8 .'é' in Latin-1.: save"),
    "utf-16": ("a,b\n1,2\n3,4\n".encode("utf-16"), "UTF-16 .line 1, column 1.: save it as UTF-8"),
    "utf-16 without a mark": ("a,b\n1,2\n3,4\n".encode("utf-16-le"), "line 1, column 1: a NUL byte"),
    "utf-32": ("a,b\n1,2\n".encode("utf-32"), "UTF-32"),
    "NUL": ("a,b\n1,2\n3,\x004\n", "line 3, column 2: a NUL byte"),
    "twice": ("a,b,a\n1,2,3\n4,5,6\n", "columns 1 and 3 are both named 'a'"),
    "empty": ("", "is empty"),
    "no names": (",,\n1,2,3\n1,2,3\n", "no names of columns"),
    "header alone": ("a,b\n", "has 0 rows below its header: at least 2"),
    "one row": ("a,b\n1,2\n", "has 1 row below its header: at least 2 are needed"),
    "open quote": ('a,b\n1,"2\n3,4\n', "a quote .*never closed"),
    "quote inside": ('a,b\n1,"2"3\n3,4\n', "line 2: a quote .* ends inside a cell"),
    "huge cell": ("a,b\n1," + "x" * 200_000 + "\n1,2\n", "line 2: a cell of more than 131,072 characters"),
    "wide": (",".join(f"c{i}" for i in range(10_001)) + "\n", "has 10,001 columns: at most 10,000"),
    "gzip by another name": (gzip.compress(b"a\n1\n2\n"), "is compressed: name it .csv.gz"),
    "spreadsheet": (b"PK\3\4rest", "spreadsheet: save the table as CSV"),
    "parquet by another name": (b"PAR1rest", "name it .parquet"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    content, words = BAD[case]
    with pytest.raises(UserError, match=words) as error:
        read_table(wrote(tmp_path, content))
    assert "\n" not in str(error.value) and "t.csv" in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_table(tmp_path / "no.csv")
    with pytest.raises(UserError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(UserError, match=r"give a \.csv"):
        read_table(wrote(tmp_path, "a\n", "t.xlsx"))
    for name, content in (
        ("t.csv.gz", b"no gzip"),
        ("t.csv.gz", gzip.compress(b"a\n1\n2\n" * 99)[:-9]),
        ("t.parquet", b"PAR1 no"),
    ):
        with pytest.raises(UserError, match="cannot be read"):
            read_table(wrote(tmp_path, content, name))


def test_parquet_becomes_the_same_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([2**62 + 1, None], "Int64"),
            "real": [0.1, np.nan],
            "single": np.array([0.1, 2], np.float32),
            "true": [True, False],
            "text": ["007", None],
            "level": pd.Categorical(["b", "a"]),
            "when": pd.to_datetime(["2019-03-01 10:00:00", None]),
            "zoned": pd.to_datetime(["2019-03-01 10:00:00", "2019-03-02 10:00:00"]).tz_localize("Europe/Paris"),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    text = read_table(tmp_path / "t.parquet")
    first, second = cells(text)
    assert first[:6] == [str(2**62 + 1), "0.1", "0.1", "True", "007", "b"] and second[:6] == [
        None,
        None,
        "2.0",
        "False",
        None,
        "a",
    ]
    assert first[6].startswith("2019-03-01 10:00:00") and second[6] is None and first[7].startswith("2019-03-01 09:00:00")
    schema = infer(text)
    assert schema.column("when").kind == schema.column("zoned").kind == "datetime" and schema.column("text").kind == "category"
    assert parse(text, schema)["whole"][0] == 2**62 + 1
    pd.DataFrame({"a": [[1], [2]]}).to_parquet(tmp_path / "lists.parquet")
    with pytest.raises(UserError, match="column 'a': cells of type list"):
        read_table(tmp_path / "lists.parquet")


CELL = st.one_of(
    st.sampled_from(["", "NA", "0", "1", "-1", "2.5", "1e5", "inf", "007", "true", "x", '"', "a\nb"]),
    st.sampled_from(["2019-01-02", "1/2/2019", "31/12/2019", "2019-01-02T03:04:05.678Z"]),
    st.text(max_size=5),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_subnormal=False).map(str),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=8), quoted=st.booleans())
@example(rows=[["a"], ["inf"], ["1"]], quoted=False)
@example(rows=[["a"], ["1e308"], ["-1e308"]], quoted=False)
@example(rows=[["a"], ["1e299"], ["-1e299"]], quoted=False)
@example(rows=[["a"], [str(-(2**63))], [str(2**63 - 1)], ["0"]], quoted=False)
def test_no_table_ends_in_another_error(tmp_path: Path, rows: list[list[str]], quoted: bool) -> None:
    lines = [",".join('"' + each.replace('"', '""') + '"' if quoted else each for each in row) for row in rows]
    path = wrote(tmp_path, "\n".join(lines).encode("utf8", "surrogatepass"))
    try:
        text = read_table(path)
        schema = infer(text)
        frame = parse(text, schema)
        form = Form.fit(frame, schema)
        made = form.decode(form.encode(frame), seed=0)
    except UserError as error:
        assert "\n" not in str(error)
        return
    assert list(made.columns) == list(text.columns) and len(made) == len(text) and len(format_table(made, schema)) == len(text)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60), name=st.sampled_from(["t.csv", "t.tsv", "t.csv.gz", "t.parquet"]))
def test_no_bytes_end_in_another_error(tmp_path: Path, content: bytes, name: str) -> None:
    try:
        infer(read_table(wrote(tmp_path, content, name)))
    except UserError as error:
        assert "\n" not in str(error)
