"""A file of series, long or wide -> each entity's steps: numbers, time stamps, attributes; mistakes named by column and row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.media.table import read_table

NUMBERED = re.compile(r"^(.*?)[ _.\-]*(\d+)$")  # a wide file's column: channel, step


@dataclass(frozen=True)
class Columns:
    """Which columns of the file are what, as the command line names them; "" and () for none said.

    wide: a row is a whole series. time, entity: their columns. channels: the columns that are modelled, all other numbers by
    default. attributes: columns that are constant within an entity.
    """

    time: str = ""
    entity: str = ""
    channels: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    wide: bool = False

    @classmethod
    def named(cls, time: str | None, entity: str | None, channels: str | None, attributes: str | None, wide: bool) -> "Columns":
        """From the options, whose lists are separated by commas."""
        return cls(time or "", entity or "", listed(channels), listed(attributes), wide)


def listed(text: str | None) -> tuple[str, ...]:
    """ "a, b" -> ("a", "b")."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


class Entity(NamedTuple):
    """The steps of one entity in order: values (steps, channels), NaN where a cell is missing; times (steps,) or None;
    attributes: a text each ("" where missing); row: of its first step in the file, from 1 below the header."""

    name: str
    values: np.ndarray
    times: np.ndarray | None
    attributes: tuple[str, ...]
    row: int


class Read(NamedTuple):
    """A file's entities; channels: their names; decimals: of each; kind: of the time stamps, "number" or "datetime"; time: their
    column, "" for none."""

    entities: list[Entity]
    channels: list[str]
    decimals: list[int]
    kind: str
    time: str = ""


def read(path: Path, columns: Columns) -> Read:
    """The entities of a file in their order in it.

    Raises UserError for a column that is not there, a cell that is no number or no time stamp, equal time stamps within an
    entity, and an attribute that changes within one.
    """
    frame = read_table(path, least=1)
    _check_columns(path, frame, columns)
    return _wide(path, frame, columns) if columns.wide else _long(path, frame, columns)


def _check_columns(path: Path, frame: pd.DataFrame, columns: Columns) -> None:
    single = [("--time", columns.time), ("--entity", columns.entity)]
    several = [("--attributes", each) for each in columns.attributes]
    several += [] if columns.wide else [("--channels", each) for each in columns.channels]
    for option, name in [*single, *several]:
        if name and name not in frame:
            raise UserError(f"{path} has no column {name!r} ({option}): it has {', '.join(map(str, frame.columns[:20]))}")
    used: dict[str, str] = {}
    for option, name in [*single, *several]:
        if name and name in used:
            raise UserError(f"{path}: column {name!r} is named by {used[name]} and by {option}: name it once")
        used[name] = option


def numbers(path: Path, name: str, cells: pd.Series) -> np.ndarray:
    """Cells of text as floats, NaN where missing; raises UserError for any other text and for infinities."""
    text = cells.astype(object).to_numpy()
    there = np.array([isinstance(cell, str) for cell in text])
    made = np.full(len(text), np.nan)
    found = pd.to_numeric(pd.Series(text[there], dtype=object), errors="coerce").to_numpy(dtype=float)
    made[there] = found
    wrong = np.flatnonzero(there & ~np.isfinite(made))
    if len(wrong):
        raise UserError(f"{path}, column {name!r}, row {wrong[0] + 1}: {text[wrong[0]]!r} is no finite number: mend the cell, "
                        "or leave the column out by --channels")  # fmt: skip
    return made


def _is_numeric(cells: pd.Series) -> bool:
    there = cells.dropna()
    return len(there) > 0 and bool(pd.to_numeric(there.astype(object), errors="coerce").notna().all())


def _decimals(cells: pd.Series) -> int:
    """Digits after the point, the most in any of the first cells, at most 6; 6 where one is written with an exponent."""
    found = 0
    for cell in cells.dropna().astype(object)[:2000]:
        found = max(found, 6 if "e" in cell.lower() else len(cell.partition(".")[2]))
    return min(found, 6)


def _long(path: Path, frame: pd.DataFrame, columns: Columns) -> Read:
    if not columns.time and (dated := _dated(frame, columns)):
        columns = replace(columns, time=dated)
    taken = {columns.time, columns.entity, *columns.attributes}
    names = list(columns.channels) or [name for name in frame if name not in taken and _is_numeric(frame[name])]
    if not names:
        raise UserError(f"{path} has no column of numbers to model: name them by --channels")
    if not columns.channels and (left := [name for name in frame if name not in {*names, *taken}]):
        raise UserError(f"{path}, column {left[0]!r}: it holds text: name it by --time, --entity or --attributes, "
                        f"or leave it out by --channels {','.join(names[:5])}{',...' if len(names) > 5 else ''}")  # fmt: skip
    values = np.stack([numbers(path, name, frame[name]) for name in names], 1)
    times, kind = _times(path, columns.time, frame[columns.time]) if columns.time else (None, "number")
    keys = frame[columns.entity].astype(object).to_numpy() if columns.entity else np.zeros(len(frame), dtype=int)
    rows = pd.Series(np.arange(len(frame))).groupby(pd.Series(keys), sort=False, dropna=False)
    attributes = {name: frame[name].astype(object).to_numpy() for name in columns.attributes}
    found = []
    for key, group in rows:
        order = group.to_numpy()
        if times is not None:
            order = order[np.argsort(times[order], kind="stable")]
            _distinct(path, columns, times, order, key)
        constant = tuple(_constant(path, name, cells, group.to_numpy(), key) for name, cells in attributes.items())
        label = str(key) if columns.entity else ""
        found.append(Entity(label, values[order], None if times is None else times[order], constant, int(group.iloc[0]) + 1))
    return Read(found, names, [_decimals(frame[name]) for name in names], kind, columns.time)


def _dated(frame: pd.DataFrame, columns: Columns) -> str:
    """The one column of ISO dates that no option names; "" where there is none, or more than one."""
    taken = {columns.entity, *columns.attributes, *columns.channels}
    texts = [name for name in frame if name not in taken and not _is_numeric(frame[name]) and frame[name].notna().all()]
    dated = [
        name
        for name in texts
        if pd.to_datetime(frame[name].astype(object), errors="coerce", format="ISO8601", utc=True).notna().all()
    ]
    return str(dated[0]) if len(dated) == 1 else ""


def _distinct(path: Path, columns: Columns, times: np.ndarray, order: np.ndarray, key: object) -> None:
    twice = np.flatnonzero(np.diff(times[order]) == 0)
    if len(twice):
        first, second = sorted(order[twice[0] : twice[0] + 2] + 1)
        whose = f"entity {key!r} has the same" if columns.entity else "the same time stamp stands twice: is there an --entity?"
        raise UserError(f"{path}, column {columns.time!r}, rows {first} and {second}: {whose}"
                        f"{' time stamp twice' if columns.entity else ''}")  # fmt: skip


def _constant(path: Path, name: str, cells: np.ndarray, rows: np.ndarray, key: object) -> str:
    texts = [cell if isinstance(cell, str) else "" for cell in cells[rows]]
    for row, text in zip(rows, texts, strict=True):
        if text != texts[0]:
            raise UserError(f"{path}, column {name!r}, row {row + 1}: {text!r} where entity {key!r} had {texts[0]!r} before: "
                            "an attribute is constant within an entity; is it one of --channels?")  # fmt: skip
    return texts[0]


def _times(path: Path, name: str, cells: pd.Series) -> tuple[np.ndarray, str]:
    """Time stamps as floats: the numbers themselves, or seconds since 1970."""
    if cells.isna().any():
        raise UserError(f"{path}, column {name!r}, row {int(np.flatnonzero(cells.isna())[0]) + 1}: the time stamp is missing")
    if _is_numeric(cells):
        return numbers(path, name, cells), "number"
    made = pd.to_datetime(cells.astype(object), errors="coerce", format="ISO8601", utc=True)
    if made.isna().any():
        made = pd.to_datetime(cells.astype(object), errors="coerce", format="mixed", utc=True)
    wrong = np.flatnonzero(made.isna())
    if len(wrong):
        raise UserError(f"{path}, column {name!r}, row {wrong[0] + 1}: {cells.iloc[wrong[0]]!r} is no time stamp: "
                        "write 2026-01-31 12:00:00 or a number")  # fmt: skip
    return made.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9, "datetime"


def _wide(path: Path, frame: pd.DataFrame, columns: Columns) -> Read:
    taken = {columns.time, columns.entity, *columns.attributes}
    steps = [str(name) for name in frame if name not in taken]
    order = _steps_of(path, steps, columns.channels)
    cells = {name: numbers(path, name, frame[name]) for group in order.values() for name in group}
    values = np.stack([np.stack([cells[name] for name in group], 1) for group in order.values()], 2)
    labels = frame[columns.entity].astype(object).to_numpy() if columns.entity else np.arange(1, len(frame) + 1)
    times, kind = _times(path, columns.time, frame[columns.time]) if columns.time else (None, "number")
    texts = [[cell if isinstance(cell, str) else "" for cell in frame[name].astype(object)] for name in columns.attributes]
    found = []
    for row in range(len(frame)):
        there = np.flatnonzero(np.isfinite(values[row]).any(1))
        if not len(there):
            raise UserError(f"{path}, row {row + 1}: no step of this series has a value: leave the row out")
        starts = None if times is None else times[row : row + 1]
        found.append(Entity(str(labels[row]), values[row, : there[-1] + 1], starts, tuple(t[row] for t in texts), row + 1))
    decimals = [max(_decimals(frame[name]) for name in group[:50]) for group in order.values()]
    return Read(found, list(order), decimals, kind, columns.time)


def _steps_of(path: Path, names: Sequence[str], wanted: tuple[str, ...]) -> dict[str, list[str]]:
    """The columns of each channel in the order of their steps: named channel_step, or all one channel in the file's order."""
    groups: dict[str, dict[int, str]] = {}
    for name in names:
        match = NUMBERED.match(name)
        channel, step = (match[1], int(match[2])) if match else (name, -1)
        groups.setdefault(channel, {})[step] = name
    if wanted:
        if missing := [channel for channel in wanted if channel not in groups]:
            raise UserError(f"{path} has no columns {missing[0]}_1, {missing[0]}_2, ... (--channels {missing[0]}): "
                            f"it has {', '.join(names[:10])}")  # fmt: skip
        groups = {channel: groups[channel] for channel in wanted}
    steps = {tuple(sorted(each)) for each in groups.values()}
    if len(steps) == 1 and len(next(iter(steps))) > 1:
        return {channel or "value": [each[step] for step in sorted(each)] for channel, each in groups.items()}
    if wanted:
        raise UserError(f"{path}: the channels {', '.join(wanted)} have different steps: name columns channel_step alike")
    if len(names) < 2:
        raise UserError(f"{path}: a wide file needs two columns of steps or more, and has {len(names)}")
    return {"value": list(names)}
