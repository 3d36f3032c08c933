"""A path as the user gave it -> the pictures in one table, with their conditions, and which of them train."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rivals.media.checking import Checked, Sink, check, common
from rivals.media.collection.labels import table
from rivals.media.fit import Shape, parse
from rivals.media.opening import open_source
from rivals.media.pixels import Table
from rivals.media.source import Source, Told
from rivals.media.split import fewer, room, split

Into = Callable[[int, Shape], tuple[Sink, Shape]]


@dataclass(frozen=True)
class Read:
    """table: all pictures in one shape. train, held_out: row numbers, in the source's order. conditions: (rows of the table,)
    class numbers or (rows, k) float32, or None. names: of classes or attributes. said: one line or more for the user.
    """

    table: Table
    train: np.ndarray
    held_out: np.ndarray
    conditions: np.ndarray | None
    names: list[str]
    digest: str
    said: str
    kind: str
    bad: list[tuple[str, str]]

    @property
    def classes(self) -> int:
        return len(self.names) if self.conditions is not None and self.conditions.ndim == 1 else 0

    @property
    def attributes(self) -> int:
        return len(self.names) - self.classes


def read(
    data: Path, size: str | None, labels: Path | None, channels: int | None, allow_bad: bool, into: Into | None = None
) -> Read:
    """Everything at `data`, checked, converted and split. into: makes the place for so many pictures of a shape."""
    source = open_source(data, labels)
    shape = common(source, parse(size) if size else None, channels)
    sink = None
    if into is not None:
        sink, shape = into(len(source), shape)
    checked = check(source, shape, sized=size is not None, allow_bad=allow_bad, into=sink)
    told = conditions(source, checked.rows, labels)
    names = [source.names[row] for row in checked.rows]
    each = int(np.prod(shape[:3]))
    test = split(names, told, each, str(data))
    held = fewer(np.flatnonzero(test), names, room(each))
    every, digest = None, hashlib.sha256(checked.digest.encode())
    if told.labels is not None:
        every = np.zeros((len(source), *told.labels.values.shape[1:]), told.labels.values.dtype)
        every[checked.rows] = told.labels.values
        digest.update(repr(told.labels.names).encode("utf8", "surrogateescape") + told.labels.values.tobytes())
    train, kept = checked.rows[~test], checked.rows[held]
    return Read(checked.table, train, kept, every, told.labels.names if told.labels else [], digest.hexdigest(),
                describe(source, checked, told, (len(train), len(kept))), source.kind, checked.bad)  # fmt: skip


def conditions(source: Source, rows: np.ndarray, labels: Path | None) -> Told:
    """What the source tells of these pictures, or the CSV in its place; raises UserError."""
    told = source.told(rows)
    if str(labels) == "none":
        return told._replace(labels=None, notes=())
    if labels is None or source.path.suffix.lower() in (".npz", ".npy"):
        return told
    return told._replace(labels=table(labels, source.names, [source.names[row] for row in rows]), notes=())


def describe(source: Source, checked: Checked, told: Told, counts: tuple[int, int]) -> str:
    """What was found, in a line, and a line for each thing that the user should know."""
    h, w, c, bits = checked.shape
    labels = told.labels
    condition = ""
    if labels is not None:
        condition = f", {labels.classes} classes" if labels.classes else f", {labels.attributes} attributes"
    lines = [f"{source.path}: {counts[0]:,} pictures to train on, {counts[1]:,} held out; {h}x{w} (height x width), "
             f"{c} channel{'s' * (c > 1)}, {bits} bits{condition}; {source.kind}"]  # fmt: skip
    lines += told.notes
    if checked.several:
        lines.append(f"{checked.several} files hold several pictures: the first of each is taken")
    if checked.bad:
        name, reason = checked.bad[0]
        lines.append(f"{len(checked.bad)} of {len(source)} files left out, as they cannot be read ({name}: {reason}); "
                     "rivals inspect lists them")  # fmt: skip
    return "\n".join(lines)
