"""A look at a table says what a run would meet, and changes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from rivals.core.errors import UserError
from rivals.tasks.tables.data.survey import survey


def table(folder: Path) -> Path:
    random = np.random.default_rng(0)
    lines = ["id,town,number,age,day,due,mixed,same,gone,share"]
    for row in range(120):
        town = int(random.integers(0, 4))
        dates = f"2019-03-{row % 28 + 1:02d},2019-04-{row % 28 + 1:02d}"
        mixed = f"2019-01-{row % 28 + 1:02d}" if row % 4 else "3/4/2019"
        share = "" if row % 3 else f"{row / 7:.2f}"
        lines.append(f"K{row:04d}x,{'ABCD'[town]},{town + 1},{random.integers(1, 90)},{dates},{mixed},1,,{share}")
    path = folder / "people.csv"
    path.write_text("\n".join(lines))
    return path


def test_what_is_told(tmp_path: Path) -> None:
    found = survey(table(tmp_path))
    kinds = {each.name: each.kind for each in found.columns}
    assert kinds == {"id": "id", "town": "category", "number": "integer", "age": "integer", "day": "datetime", "due": "datetime",
                     "mixed": "category", "same": "constant", "gone": "empty", "share": "number"}  # fmt: skip
    assert found.rows == 120 and found.constraints == ["fixed town number", "day < due"]
    by_name = {each.name: each for each in found.columns}
    assert sum(by_name["town"].top.values()) == 120 and by_name["day"].range == ("2019-03-01", "2019-03-28")
    assert by_name["share"].missing == pytest.approx(2 / 3) and by_name["id"].samples == ["K0000x", "K0001x", "K0002x"]
    text = found.text()
    for words in ("120 rows, 10 columns", "id: taken as an id: 120 different texts", "gone: every cell is missing",
                  "same: the same in every row", "dates of several formats: 75% are %Y-%m-%d, row 1 is not", "66.7%",
                  "more than half of the cells are missing in share", "2019-03-01 to 2019-03-28",
                  "holds in every row, and is kept: fixed town number"):  # fmt: skip
        assert words in text, words
    assert json.loads(json.dumps(found.as_dict()))["columns"][0]["name"] == "id"


def test_overrides_and_mistakes(tmp_path: Path) -> None:
    path = table(tmp_path)
    assert {each.name: each.kind for each in survey(path, {"age": "category"}).columns}["age"] == "category"
    with pytest.raises(UserError, match="no column 'x'"):
        survey(path, {"x": "category"})
    with pytest.raises(UserError, match="does not exist"):
        survey(tmp_path / "none.csv")


def test_wide_tables_are_cut_in_the_text_alone(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{i}" for i in range(300)) + "\n" + (",".join("1" * 300) + "\n") * 3)
    found = survey(path)
    assert len(found.columns) == 300 and "and 100 more" in found.text() and "nothing to learn" in found.text()
    assert "c0, c1, c2, c3, c4 and 295 more: the same in every row" in found.notes
