"""A path as the user gave it -> the pictures in one table, with their conditions, and which of them train."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rivals.media.checking import Checked, Sink, check, common
from rivals.media.collection.labels import table
from rivals.media.decode import Header
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
    test = split(names, told, each, str(data), str(labels) if _by_table(source, labels) else "")
    held = fewer(np.flatnonzero(test), names, room(each))
    every, digest = None, hashlib.sha256(checked.digest.encode())
    if told.labels is not None:
        every = np.zeros((len(source), *told.labels.values.shape[1:]), told.labels.values.dtype)
        every[checked.rows] = told.labels.values
        digest.update(repr(told.labels.names).encode("utf8", "surrogateescape") + told.labels.values.tobytes())
    train, kept = checked.rows[~test], checked.rows[held]
    said = [describe(source, checked, told, (len(train), len(kept))), *_doubles(checked.pixels, test, held)]
    return Read(checked.table, train, kept, every, told.labels.names if told.labels else [], digest.hexdigest(),
                "\n".join(said), source.kind, checked.bad)  # fmt: skip


def conditions(source: Source, rows: np.ndarray, labels: Path | None) -> Told:
    """What the source tells of these pictures, or the CSV in its place; raises UserError."""
    told = source.told(rows)
    if str(labels) == "none":
        return told._replace(labels=None, notes=())
    if labels is None or not _by_table(source, labels):
        return told
    found, notes = table(labels, source.names, [source.names[row] for row in rows])
    return told._replace(labels=found, notes=notes)


def _by_table(source: Source, labels: Path | None) -> bool:
    """Whether `labels` is a file, and neither "none" nor the key of an array."""
    return labels is not None and str(labels) != "none" and source.path.suffix.lower() not in (".npz", ".npy")


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
    if several := sum(count for each, count in checked.headers.items() if each.frames):
        lines.append(f"{several} files hold several pictures: the first of each is taken")
    lines += alike(checked.headers, c, bits)
    smaller = sum(count for each, count in checked.headers.items() if each.height < h or each.width < w)
    if 2 * smaller > sum(checked.headers.values()):
        lines.append(f"{smaller:,} of {sum(checked.headers.values()):,} pictures are smaller than {h}x{w} and are enlarged: "
                     "a smaller --size trains faster and loses nothing")  # fmt: skip
    if checked.bad:
        name, reason = checked.bad[0]
        lines.append(f"{len(checked.bad)} of {len(source)} files left out, as they cannot be read ({name}: {reason}); "
                     "rivals inspect lists them")  # fmt: skip
    return "\n".join(lines)


def alike(headers: Counter[Header], channels: int, bits: int) -> list[str]:
    """A line that counts the pictures that change where all get these channels and bits; none where they are alike."""

    def many(changes: Callable[[Header], bool]) -> int:
        return sum(count for each, count in headers.items() if changes(each))

    shallow = many(lambda each: each.bits > bits)
    counts = {
        "of 16 bits (the lower 8 are lost)": shallow,
        "of 8 bits": many(lambda each: each.bits < bits),
        "grey": many(lambda each: each.channels == 1 and channels in (3, 4)),
        "in colour (lost)": many(lambda each: each.channels in (3, 4) and channels == 1),
        "with alpha (laid over white)": many(lambda each: each.channels == 4 and channels in (1, 3)),
        "opaque": many(lambda each: each.channels in (1, 3) and channels == 4),
    }
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    mend = "; rivals pack --bits 16 keeps them" if shallow else ""
    return [f"all become {channels} channel{'s' * (channels > 1)} of {bits} bits: {told}{mend}"] if told else []


def _doubles(pixels: list[bytes], test: np.ndarray, held: np.ndarray) -> list[str]:
    """A line where held-out pictures are equal in pixels to pictures to train on."""
    if not pixels:
        return []
    train = {pixels[row] for row in np.flatnonzero(~test)}
    again = sum(pixels[row] in train for row in held)
    told = f"{again:,} of {len(held):,} held-out pictures equal pictures to train on, pixel by pixel: the run will seem to copy"
    return [f"{told}; rivals inspect lists doubles, take them out"] if again else []
