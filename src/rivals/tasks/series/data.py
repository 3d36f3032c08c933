"""A user's file as training and held-out series, with the layout learnt from the training part alone."""

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rivals.core.errors import UserError
from rivals.tasks.series.layout import Attribute, Clock, Layout, Series, channels_of, quantiles_of
from rivals.tasks.series.reading import Columns, Entity, Read, read
from rivals.tasks.series.sines import sines
from rivals.tasks.series.windows import Piece, Split, clock_of, cut, pieces, split_entities, split_time, together

DEFAULT_LENGTH, LONGEST, LEVELS = 24, 2000, 1000
MOST_AXES = 1024
FEW = 10  # numbers with at most so many distinct values are categories


class Windows(NamedTuple):
    """How series are cut: into windows of `length` steps (None: whole entities, or 24 of one long series), one every `step`;
    gaps of up to `max_gap` steps are filled."""

    length: int | None = None
    step: int = 1
    max_gap: int = 3


class Data(NamedTuple):
    """train, held_out: the series. digest: SHA-256 of them. told: what was done to the file, a line each."""

    train: Series
    held_out: Series
    layout: Layout
    digest: str
    told: list[str]


def load(path: Path, columns: Columns, windows: Windows) -> Data:
    """The series of a file; "sines", where no such file exists, are made here.

    Raises UserError for files, columns and lengths that do not fit."""
    for name, number in (("length", windows.length), ("step", windows.step)):
        if number is not None and number < (2 if name == "length" else 1):
            raise UserError(f"--{name} is {number}: give at least {2 if name == 'length' else 1}")
    if windows.max_gap < 0:
        raise UserError(f"--max-gap is {windows.max_gap}: give 0 or more")
    if str(path) == "sines" and not path.exists():
        found = _sines()
        if columns != Columns() or windows.length not in (None, DEFAULT_LENGTH):
            raise UserError("the built-in sines have 24 steps and five channels: leave out the options of files")
    else:
        found = read(path, columns)
    return assemble(found, columns, windows)


def _sines() -> Read:
    made = sines()
    entities = [Entity(str(at + 1), values, None, (), at + 1) for at, values in enumerate(made)]
    return Read(entities, [f"sine{at + 1}" for at in range(made.shape[2])], [6] * made.shape[2], "number")


def assemble(found: Read, columns: Columns, windows: Windows) -> Data:
    """The training and held-out series of what was read."""
    clock = clock_of(found, found.time)
    made = pieces(found, clock, windows.max_gap)
    told = [f"gaps: {made.told}"] if made.told else []
    length = windows.length or (DEFAULT_LENGTH if len(found.entities) == 1 else None)
    if length:
        many = len(found.entities) >= 10
        split = split_entities(cut(made, length, windows.step)) if many else split_time(made, length, windows.step)
        if not split.train:
            split = Split(cut(made, length, windows.step), [])
        whose = "entities" if many else "blocks of time"
        told.append(f"windows of {length} steps, one every {windows.step}: {len(split.train):,} to train on, "
                    f"{len(split.held_out):,} held out by {whose}")  # fmt: skip
    else:
        long_enough = [piece for piece in made.pieces if len(piece.values) >= 2]
        if not long_enough:
            raise UserError("no series has two steps or more: is --entity the right column?")
        split = split_entities(long_enough)
        told.append(f"{len(split.train):,} series to train on, {len(split.held_out):,} held out")
    return _data(found, columns, split, told, clock)


def _data(found: Read, columns: Columns, split: Split, told: list[str], clock: Clock) -> Data:
    steps = max(len(piece.values) for piece in [*split.train, *split.held_out])
    if steps > LONGEST:
        raise UserError(f"the longest series has {steps:,} steps, and at most {LONGEST:,} are modelled at once: give --length")
    attributes, codes = _attributes(found.entities, columns.attributes, sorted({piece.entity for piece in split.train}))
    train, held_out = together(split.train, steps, codes), together(split.held_out or split.train[:0], steps, codes)
    if not len(held_out):
        held_out = train.rows(np.arange(0))
        told.append("nothing is held out: the file is too short")
    inside = np.arange(steps) < train.lengths[:, None]
    channels = channels_of(found.channels, train.values, inside, found.decimals)
    lengths = quantiles_of(train.lengths) if len(set(train.lengths.tolist())) > 1 else ()
    size = steps * len(channels)
    joint = size <= MOST_AXES and len(train) >= 5 * size
    layout = Layout(channels, attributes, steps, lengths, clock, columns.entity, joint)
    digest = hashlib.sha256()
    for part in (train, held_out):
        for array in (part.values, part.lengths, part.attributes):
            digest.update(np.ascontiguousarray(array).tobytes())
    return Data(train, held_out, layout, digest.hexdigest(), told)


def _attributes(entities: list[Entity], names: tuple[str, ...], taught: list[int]) -> tuple[tuple[Attribute, ...], np.ndarray]:
    """What each attribute means, learnt from the entities numbered `taught`, and its code for each entity (entities, k)."""
    kept, codes = [], np.zeros((len(entities), len(names)))
    for at, name in enumerate(names):
        texts = [entity.attributes[at] for entity in entities]
        numeric = _numbers(texts)
        if numeric is not None and len(set(texts)) > FEW:
            decimals = max(len(text.partition(".")[2]) for text in texts)
            kept.append(Attribute(name, quantiles=quantiles_of(numeric[taught]), decimals=min(decimals, 6)))
            codes[:, at] = numeric
            continue
        levels = sorted(set(texts))
        if len(levels) > min(LEVELS, max(len(entities) // 2, FEW)):
            raise UserError(f"column {name!r} has {len(levels):,} different texts among {len(entities):,} entities: it looks "
                            "like a name, not an attribute; leave it out of --attributes")  # fmt: skip
        counts = Counter(texts[row] for row in taught)
        shares = tuple(counts[level] / len(taught) for level in levels)
        kept.append(Attribute(name, levels=tuple(levels), shares=shares))
        place = {text: code for code, text in enumerate(levels)}
        codes[:, at] = [place[text] for text in texts]
    return tuple(kept), codes


def _numbers(texts: list[str]) -> np.ndarray | None:
    try:
        made = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return made if np.isfinite(made).all() else None


def tell(found: Data) -> None:
    """What was done to the file, on standard error."""
    for line in found.told:
        print(f"  {line}", file=sys.stderr)


__all__ = ["Columns", "Data", "Piece", "Windows", "assemble", "load", "tell"]
