"""Series as a long file: a line a step, with entity, time stamp, attributes, channels; beside it a note that says what it is."""

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.core.store import Hashing, write_file
from rivals.tasks.series.layout import Clock, Layout, Series
from rivals.tasks.series.metrics import inside

ENDINGS = (".csv", ".parquet")


def place(out: Path) -> Path:
    """The file that `-o out` means: itself where it ends in .csv or .parquet, else samples.csv in it."""
    if out.suffix in ENDINGS:
        return out
    if out.suffix and not out.is_dir():
        raise UserError(f"{out}: series are written as .csv or .parquet, or into a folder")
    return out / "samples.csv"


def stamps(clock: Clock, starts: np.ndarray, steps: int) -> np.ndarray:
    """(n, steps) time stamps that go on regularly from `starts` (n,), by the calendar's rule where the steps are uneven."""
    if clock.kind == "datetime" and clock.rule not in ("", "rows"):
        first = pd.to_datetime(starts, unit="s")
        ranges = [pd.date_range(each, periods=steps, freq=clock.rule) for each in first]
        return np.array([each.astype("datetime64[s]").astype(np.int64) for each in ranges], dtype=float)
    made: np.ndarray = starts[:, None] + clock.step * np.arange(steps)
    return made


def random_starts(clock: Clock, count: int, draw: np.random.Generator) -> np.ndarray:
    """First time stamps, evenly at random over the time of the training series."""
    choices = max(round((clock.last - clock.first) / clock.step), 0) + 1
    found: np.ndarray = clock.first + clock.step * draw.integers(choices, size=count)
    return found


def frame(layout: Layout, series: Series, names: list[str], *, skip: int = 0) -> pd.DataFrame:
    """One row a step: entity, time, attributes, channels. names: of the series. skip: so many first steps are left out."""
    there = inside(series)
    there[:, :skip] = False
    rows, steps = np.nonzero(there)
    made: dict[str, Any] = {layout.entity or "series": np.array(names, dtype=object)[rows]}
    if layout.clock.name:
        times = stamps(layout.clock, series.starts, there.shape[1])[there]
        dated = layout.clock.kind == "datetime"
        made[layout.clock.name] = pd.to_datetime(times, unit="s") if dated else _whole(times)
    else:
        made["step"] = steps + 1
    for at, each in enumerate(layout.attributes):
        column = series.attributes[rows, at]
        made[each.name] = (
            np.array(each.levels, dtype=object)[column.astype(int)] if each.levels else _whole(column, each.decimals)
        )
    for at, channel in enumerate(layout.channels):
        made[channel.name] = _whole(series.values[there][:, at].round(channel.decimals), channel.decimals)
    return pd.DataFrame(made)


def _whole(column: np.ndarray, decimals: int = 0) -> np.ndarray:
    """Whole numbers as such."""
    return column.round().astype(np.int64) if decimals == 0 and np.all(column == column.round()) else column


def write(path: Path, parts: Iterable[pd.DataFrame], layout: Layout, note: Mapping[str, Any], *, safe: bool) -> None:
    """The rows in one file, whole or not at all, and FILE.card.json beside it. safe: text that a spreadsheet would run as a
    formula gets an apostrophe before it. Raises UserError where the file is there already."""
    if safe and path.suffix == ".parquet":
        raise UserError("--safe-csv is for CSV: leave it out, or give -o a .csv")
    if path.exists():
        raise UserError(f"{path} exists: give -o a new file")
    decimals = {each.name: each.decimals for each in (*layout.attributes, *layout.channels)}

    def text(file: Hashing) -> None:
        for number, part in enumerate(parts):
            cells = part.assign(**{name: [f"{each:.{decimals[name]}f}" for each in part[name]]
                                   for name in decimals if name in part and part[name].dtype == float})  # fmt: skip
            if safe:
                texts = [name for name in cells if part[name].dtype == object]
                cells = cells.assign(**{name: [_escaped(each) for each in cells[name]] for name in texts})
            file.write(cells.to_csv(index=False, header=number == 0, lineterminator="\n").encode())

    def parquet(file: Hashing) -> None:
        packed = io.BytesIO()
        pd.concat(list(parts), ignore_index=True).to_parquet(packed, index=False)
        file.write(packed.getvalue())

    digest = write_file(path, parquet if path.suffix == ".parquet" else text)
    card = {"file": path.name, "sha256": digest, "synthetic": True, **note}
    write_file(path.with_name(f"{path.name}.card.json"), lambda file: file.write(json.dumps(card, indent=1).encode()))


def _escaped(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
