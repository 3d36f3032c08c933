"""Series as rows: one a step, with entity, time stamp, attributes and channels."""

from typing import Any

import numpy as np
import pandas as pd

from rivals.tasks.series.layout import Clock, Layout, Series
from rivals.tasks.series.metrics import inside


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


def texts(layout: Layout, part: pd.DataFrame) -> pd.DataFrame:
    """The rows as a CSV has them: numbers with the file's own decimals."""
    decimals = {each.name: each.decimals for each in (*layout.attributes, *layout.channels)}
    made = {name: [f"{each:.{decimals[name]}f}" for each in part[name]] for name in decimals if part[name].dtype == float}
    return part.assign(**made)
