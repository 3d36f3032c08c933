"""From entities to series of equal steps: gaps filled or cut at, windows, and a held-out part that no training window touches."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.series.layout import Clock, Series
from rivals.tasks.series.reading import Entity, Read

REGULAR = 0.9  # of the differences of time stamps must be one step, for the rest to be gaps
HELD_OUT, BLOCKS = 0.2, 10
CALENDARS = ("B", "MS", "ME", "QS", "QE", "YS", "YE")


class Piece(NamedTuple):
    """Steps without a gap: values (steps, channels) without NaN, the first time stamp, and the entity's number."""

    values: np.ndarray
    start: float
    entity: int


class Pieces(NamedTuple):
    """All pieces, their clock, and what was done to the gaps, in words."""

    pieces: list[Piece]
    clock: Clock
    told: str


def clock_of(read: Read, name: str) -> Clock:
    """The step of the time stamps: the commonest difference; where the steps are uneven (months, working days), the calendar's
    rule if it is known, and each row counts as one step."""
    stamped = [each.times for each in read.entities if each.times is not None]
    if not name or not stamped:
        return Clock()
    first, last = float(min(each[0] for each in stamped)), float(max(each[-1] for each in stamped))
    differences = np.concatenate([np.diff(each) for each in stamped])
    if not len(differences):
        step = 86400.0 if read.kind == "datetime" else 1.0
        return Clock(name, read.kind, step, first, last)
    step = float(Counter(differences.tolist()).most_common(1)[0][0])
    even = float((np.abs(differences - step) <= 0.01 * step).mean())
    if even >= REGULAR:
        return Clock(name, read.kind, step, first, last)
    rule = _rule(max(stamped, key=len)) if read.kind == "datetime" else ""
    return Clock(name, read.kind, float(np.median(differences)), first, last, rule or "rows")


def _rule(times: np.ndarray) -> str:
    """The calendar that gives just these time stamps, in pandas' words: working days, months, quarters, years; "" for none."""
    found = pd.DatetimeIndex(times.astype("datetime64[s]"))
    fits = (rule for rule in CALENDARS if found.equals(pd.date_range(found[0], periods=len(found), freq=rule, unit="s")))
    return next(fits, "")


def pieces(read: Read, clock: Clock, max_gap: int) -> Pieces:
    """Each entity's steps: up to `max_gap` missing ones in a row are filled with the value before, longer gaps cut it."""
    found, filled, cut = [], 0, 0
    for number, entity in enumerate(read.entities):
        values, times = _even(entity, clock, max_gap)
        runs, more = _filled(values, max_gap)
        filled += more
        cut += max(len(runs) - 1, 0)
        for first, run in runs:
            found.append(Piece(run, float(first if times is None else times[first]), number))
    told = [f"{filled:,} missing cells filled with the value before"] if filled else []
    told += [f"cut at {cut:,} gaps of more than {max_gap} steps"] if cut else []
    if clock.rule:
        told.append("the time stamps are uneven, so each row counts as one step" + _calendar(clock))
    if not found:
        raise UserError("no entity has a step at which every channel has a value: name other --channels, or raise --max-gap")
    return Pieces(found, clock, "; ".join(told))


def _calendar(clock: Clock) -> str:
    return "" if clock.rule == "rows" else f" (calendar {clock.rule})"


def _even(entity: Entity, clock: Clock, max_gap: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The steps with missing ones put in as NaN; a gap longer than max_gap by max_gap + 1 of them, which is enough to cut."""
    if entity.times is None or clock.rule or len(entity.times) < 2:
        return entity.values, _stamps(entity, clock)
    missing = np.maximum(np.round(np.diff(entity.times) / clock.step).astype(np.int64) - 1, 0)
    places = np.concatenate([[0], np.cumsum(np.minimum(missing, max_gap + 1) + 1)])
    values = np.full((places[-1] + 1, entity.values.shape[1]), np.nan)
    values[places] = entity.values
    times = np.interp(np.arange(len(values)), places, entity.times)
    return values, times


def _stamps(entity: Entity, clock: Clock) -> np.ndarray | None:
    if entity.times is None or len(entity.times) == len(entity.values):
        return entity.times
    return entity.times[0] + clock.step * np.arange(len(entity.values))  # of a wide file only the first is known


def _filled(values: np.ndarray, max_gap: int) -> tuple[list[tuple[int, np.ndarray]], int]:
    """The runs between long gaps, filled forward, with where each starts, and how many cells were filled."""
    missing = ~np.isfinite(values)
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, steps), axis=0)  # the last step with a value, -1 before the first
    reach = steps - last
    good = (last >= 0) & (reach <= max_gap)
    whole = good.all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    full = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    runs, filled = [], 0
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        while end > first and missing[end - 1].any():  # what stands before a long gap, or the end, is not made up
            end -= 1
        if end > first:
            runs.append((int(first), full[first:end]))
            filled += int(missing[first:end].sum())
    return runs, filled


def cut(made: Pieces, length: int, step: int) -> list[Piece]:
    """Windows of `length` steps, one every `step`; pieces that are shorter give none.

    Raises UserError where no piece is long enough."""
    found = [each for piece in made.pieces for each in _windows(piece, made.clock, length, step)]
    if not found:
        longest = max(len(piece.values) for piece in made.pieces)
        raise UserError(f"--length is {length}, and the longest series without a gap has {longest} steps: give at most {longest}")
    return found


class Split(NamedTuple):
    """Training and held-out pieces."""

    train: list[Piece]
    held_out: list[Piece]


def split_entities(found: list[Piece], seed: int = 0) -> Split:
    """A fifth of the entities held out, drawn at random; each keeps all its pieces."""
    names = sorted({piece.entity for piece in found})
    order = np.random.default_rng(seed).permutation(len(names))
    aside = {names[at] for at in order[: max(1, round(HELD_OUT * len(names)))]} if len(names) > 1 else set()
    return Split([p for p in found if p.entity not in aside], [p for p in found if p.entity in aside])


def split_time(made: Pieces, length: int, step: int) -> Split:
    """Windows of the first four fifths of each block of time to train on, of the last fifth held out; no window crosses a border,
    so that no held-out step is in any training window.

    There are up to ten blocks, so that both parts have seen all times; fewer where a series is short."""
    train, held_out = [], []
    for piece in made.pieces:
        for parts, block in zip((train, held_out), _blocks(piece, made.clock, length), strict=True):
            parts += block
    cut_up = ([each for part in parts for each in _windows(part, made.clock, length, step)] for parts in (train, held_out))
    return Split(*cut_up)


def _blocks(piece: Piece, clock: Clock, length: int) -> tuple[list[Piece], list[Piece]]:
    steps = len(piece.values)
    count = max(1, min(BLOCKS, int(steps * HELD_OUT / (2 * length))))  # a held-out part is two windows long, or it is one block
    train, held_out = [], []
    for number in range(count):
        first, end = round(number * steps / count), round((number + 1) * steps / count)
        border = end - round(HELD_OUT * (end - first)) if HELD_OUT * (end - first) >= length else end
        train.append(_part(piece, clock, first, border))
        held_out.append(_part(piece, clock, border, end))
    return train, held_out


def _part(piece: Piece, clock: Clock, first: int, end: int) -> Piece:
    return Piece(piece.values[first:end], piece.start + first * (clock.step if clock.name else 1), piece.entity)


def _windows(piece: Piece, clock: Clock, length: int, step: int) -> Iterator[Piece]:
    for first in range(0, len(piece.values) - length + 1, step):
        yield _part(piece, clock, first, first + length)


def together(found: list[Piece], steps: int, attributes: np.ndarray) -> Series:
    """Pieces as arrays of `steps` steps, each series' last value held to the end; attributes: (entities, k)."""
    channels = found[0].values.shape[1] if found else 0
    values = np.empty((len(found), steps, channels))
    for at, piece in enumerate(found):
        values[at, : len(piece.values)] = piece.values[:steps]
        values[at, len(piece.values) :] = piece.values[-1]
    entities = np.array([piece.entity for piece in found], dtype=np.int64)
    lengths = np.array([min(len(piece.values), steps) for piece in found], dtype=np.int64)
    starts = np.array([piece.start for piece in found])
    return Series(values, lengths, attributes[entities], starts, entities)
