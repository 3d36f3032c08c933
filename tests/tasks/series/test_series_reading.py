"""Files of series: long and wide, time stamps, gaps, windows, attributes, and the one line that a mistake gets."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from series_files import customers, walk

from rivals.core.errors import UserError
from rivals.tasks.series.data import Columns, Windows, load
from rivals.tasks.series.layout import Layout
from rivals.tasks.series.sines import sines


def file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_long_series_becomes_windows_and_no_training_window_holds_a_held_out_step(tmp_path: Path) -> None:
    path = walk(tmp_path / "walk.csv")
    data = load(path, Columns(time="time"), Windows(length=10))
    assert data.layout.steps == 10 and [each.name for each in data.layout.channels] == ["x", "y"]
    assert data.layout.clock.kind == "datetime" and data.layout.clock.step == 3600
    real = pd.read_csv(path)
    rows = {(x, y): at for at, (x, y) in enumerate(zip(real.x, real.y, strict=True))}
    places = [{rows[tuple(step)] for each in part.values for step in each} for part in (data.train, data.held_out)]
    assert not places[0] & places[1], "a step is in both parts"
    assert len(places[0] | places[1]) > 0.9 * len(real)
    assert np.array_equal(data.train.values[0], real[["x", "y"]].to_numpy()[:10])
    assert np.allclose(data.train.starts[:3], pd.Timestamp("2026-01-01").timestamp() + 3600 * np.arange(3))


def test_the_column_of_dates_is_found_by_itself_and_the_layout_survives_json(tmp_path: Path) -> None:
    data = load(walk(tmp_path / "walk.csv"), Columns(), Windows(length=10))
    assert data.layout.clock.name == "time"
    assert Layout.from_dict(data.layout.as_dict()) == data.layout


def test_entities_keep_their_lengths_and_attributes(tmp_path: Path) -> None:
    data = load(customers(tmp_path / "c.csv"), Columns("day", "id", (), ("segment", "age")), Windows())
    assert len(data.train) == 48 and len(data.held_out) == 12
    assert data.layout.steps == max(data.train.lengths.max(), data.held_out.lengths.max()) and data.layout.quantiles
    assert not set(data.train.entities) & set(data.held_out.entities)
    segment, age = data.layout.attributes
    assert segment.levels == ("A", "B") and not segment.quantiles and age.quantiles and not age.levels
    for at, length in enumerate(data.train.lengths):
        assert (data.train.values[at, length:] == data.train.values[at, length - 1]).all(), "the last value is held"


def test_windows_of_many_entities_are_held_out_by_entity(tmp_path: Path) -> None:
    data = load(customers(tmp_path / "c.csv"), Columns("day", "id", ("a", "b")), Windows(length=6, step=2))
    assert (data.train.lengths == 6).all() and not data.layout.quantiles
    assert not set(data.train.entities) & set(data.held_out.entities)


def test_short_gaps_are_filled_and_long_ones_cut(tmp_path: Path) -> None:
    days = [*range(1, 21), 23, *range(24, 29)]  # two missing days
    rows = [f"2026-01-{day:02d},{day if day != 5 else ''}" for day in days]
    path = file(tmp_path / "g.csv", "day,v\n" + "\n".join(rows))
    filled = load(path, Columns("day"), Windows(length=28, max_gap=2))
    assert filled.train.values[0, :, 0].tolist() == [4 if v == 5 else 20 if v in (21, 22) else v for v in range(1, 29)]
    assert "3 missing cells filled" in filled.told[0]
    cut = load(path, Columns("day"), Windows(length=6, max_gap=1))
    assert "cut at 1 gap" in cut.told[0]
    assert all(set(np.diff(each[:, 0])) <= {1.0, 0.0, 2.0} for each in cut.train.values), "no window crosses the gap"


def test_uneven_calendars_count_rows(tmp_path: Path) -> None:
    months = pd.date_range("2020-01-01", periods=60, freq="MS")
    path = file(tmp_path / "m.csv", "month,v\n" + "\n".join(f"{m:%Y-%m-%d},{i}" for i, m in enumerate(months)))
    data = load(path, Columns("month"), Windows(length=6))
    assert data.layout.clock.rule == "MS" and "uneven" in data.told[0]


def test_wide_files(tmp_path: Path) -> None:
    one = file(tmp_path / "one.csv", "name,1,2,3,4\n" + "\n".join(f"s{i},{i},{i + 1},{i + 2},{i + 3}" for i in range(20)))
    data = load(one, Columns(entity="name", wide=True), Windows())
    assert data.train.values.shape[1:] == (4, 1) and (np.diff(data.train.values, axis=1) == 1).all()
    two = file(tmp_path / "two.csv", "a_1,a_2,b_1,b_2\n" + "\n".join(f"{i},{i},{2 * i},{2 * i}" for i in range(20)))
    data = load(two, Columns(wide=True), Windows())
    assert [each.name for each in data.layout.channels] == ["a", "b"]
    assert (data.train.values[:, :, 1] == 2 * data.train.values[:, :, 0]).all()
    short = file(tmp_path / "short.csv", "1,2,3\n" + "\n".join(f"{i},{i},{'' if i % 2 else i}" for i in range(20)))
    assert set(load(short, Columns(wide=True), Windows()).train.lengths) == {2, 3}


def test_the_sines_need_no_file() -> None:
    data = load(Path("sines"), Columns(), Windows())
    assert data.train.values.shape == (10_000, 24, 5) and len(data.held_out) == 2_500
    made = sines(10)
    assert made.min() >= 0 and made.max() <= 1 and np.array_equal(made, sines(10)) and not np.array_equal(made, sines(10, seed=1))


BAD = {
    "no column 'tiem' (--time)": ("time,x\n1,2\n2,3\n", Columns(time="tiem")),
    "column 'x', row 2: 'soon' is no finite number": ("t,x\n1,2\n2,soon\n", Columns(time="t", channels=("x",))),
    "column 'x', row 1: 'inf' is no finite number": ("t,x\n1,inf\n2,3\n", Columns(time="t", channels=("x",))),
    "column 'who', row": ("who,x\nann,2\nbob,3\nbob,4\n", Columns(time="who")),
    "column 't', rows 2 and 3: the same time stamp": ("t,x\n1,2\n2,3\n2,4\n", Columns(time="t")),
    "same time stamp twice": ("t,e,x\n1,a,2\n1,a,3\n2,b,4\n", Columns(time="t", entity="e")),
    "column 'k', row 2: '2' where entity 'a' had '1'": ("e,k,x\na,1,2\na,2,3\n", Columns(entity="e", attributes=("k",))),
    "column 'who': it holds text": ("who,x\nann,2\nbob,3\n", Columns()),
    "no column of numbers": ("who,x\nann,b\nbob,c\n", Columns()),
    "is named by --time and by --entity": ("t,x\n1,2\n2,3\n", Columns(time="t", entity="t")),
    "the longest series without a gap has 2 steps": ("t,x\n1,2\n2,3\n", Columns(time="t")),
    "row 2: no step of this series has a value": ("1,2\n3,4\n,\n5,6\n", Columns(wide=True)),
}


@pytest.mark.parametrize("line", BAD)
def test_mistakes_get_one_line(line: str, tmp_path: Path) -> None:
    text, columns = BAD[line]
    with pytest.raises(UserError) as error:
        load(file(tmp_path / "bad.csv", text), columns, Windows())
    assert line in str(error.value) and "\n" not in str(error.value)


def test_lengths_and_steps_are_checked(tmp_path: Path) -> None:
    path = walk(tmp_path / "walk.csv", 50)
    for windows in (Windows(length=1), Windows(step=0), Windows(max_gap=-1), Windows(length=51)):
        with pytest.raises(UserError, match="give"):
            load(path, Columns(), windows)
    with pytest.raises(UserError, match="built-in sines"):
        load(Path("sines"), Columns(time="t"), Windows())
