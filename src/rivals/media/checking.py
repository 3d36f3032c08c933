"""Every picture of a source decoded once: which can be read, in what shape they go together, and the set's digest."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.media.decode import Header, Unreadable, bombs_are_errors, digest_of
from rivals.media.fit import Shape, fit
from rivals.media.pixels import Arrays, Decoding, Table
from rivals.media.source import Decoded, Source

R = TypeVar("R")
IN_MEMORY = 1 << 31
"""Bytes of decoded pictures that are kept in memory; larger sets are decoded when a picture is drawn."""

LOOKED = 1000
BAD = 0.05


class Checked(NamedTuple):
    """rows: numbers of the pictures that can be read. shape: of all in the table, whose row is the picture's number. bad: (name,
    reason) of the others. digest: SHA-256 of names and contents. headers: how many pictures say what of themselves. pixels: a
    hash of those of each of the rows; of arrays none.
    """

    rows: np.ndarray
    shape: Shape
    table: Table
    bad: list[tuple[str, str]]
    digest: str
    headers: Counter[Header]
    pixels: list[bytes]


class Sink(Protocol):
    """Where pictures go, by their number; from several threads at once."""

    def __setitem__(self, item: int, pixels: np.ndarray) -> None: ...

    def table(self) -> Table:
        """What was put in."""
        ...


def common(source: Source, size: tuple[int, int] | None, channels: int | None) -> Shape:
    """The shape that most pictures have, by up to 1,000 headers spread over the set; raises UserError where none can be read."""
    step = max(len(source) // LOOKED, 1)
    found = headers(source, step) or (headers(source) if step > 1 else [])
    if not found:
        _refuse_all(source)
    sizes = Counter((told.height, told.width) for told in found)
    # A bad file's header may tell another size: while they are few, `check` decodes before it refuses.
    if size is None and len(found) - sizes.most_common(1)[0][1] > BAD * len(found):
        _refuse_sizes(source, sizes if step == 1 else None)
    return Shape(*(size or sizes.most_common(1)[0][0]), *usual(Counter(found), channels))


def headers(source: Source, step: int = 1) -> list[Header]:
    """What the pictures that can be read, or every `step`-th, say of themselves; none is decoded."""
    items = range(0, len(source), step)
    if isinstance(source, Decoded):
        return [source.header(0)] * len(items)
    with bombs_are_errors():
        return [told for told in threads(partial(_told, source), items) if isinstance(told, Header)]


def usual(found: Counter[Header], channels: int | None = None) -> tuple[int, int]:
    """The channels and bits that most pictures have; the channels that are asked for, where they are."""
    most: tuple[Counter[int], Counter[int]] = Counter(), Counter()
    for told, count in found.items():
        most[0][told.channels] += count
        most[1][told.bits] += count
    return channels or most[0].most_common(1)[0][0], most[1].most_common(1)[0][0]


def check(source: Source, shape: Shape, *, sized: bool, allow_bad: bool, into: Sink | None = None) -> Checked:
    """Decodes all. sized: the shape's size is the user's wish, so the pictures' own may differ. into: where to put the pictures;
    None for memory while they fit, else they are decoded again when drawn. Raises UserError.
    """
    if isinstance(source, Decoded):
        return _arrays(source, shape, into)
    kept = into if into is not None else _memory(len(source), shape)
    with bombs_are_errors():
        found = threads(partial(_decoded, source, shape, kept), range(len(source)))
    bad = [(source.names[row], each) for row, each in enumerate(found) if isinstance(each, str)]
    refuse_bad(source, bad, allow_bad=allow_bad)
    good = [each for each in found if not isinstance(each, str)]
    sizes = Counter((told.height, told.width) for told, *_ in good)
    if not sized and len(sizes) > 1:
        _refuse_sizes(source, sizes)
    digest = hashlib.sha256()
    for name, each in zip(source.names, found, strict=True):
        digest.update(f"{len(name)}:{name}".encode("utf8", "surrogateescape"))
        digest.update(each.encode() if isinstance(each, str) else each[1])
    rows = np.array([row for row, each in enumerate(found) if not isinstance(each, str)], np.int64)
    told, pixels = Counter(told for told, *_ in good), [same for *_, same in good]
    return Checked(rows, shape, _table(source, shape, kept), bad, digest.hexdigest(), told, pixels)


def _memory(count: int, shape: Shape) -> np.ndarray | None:
    fits = count * int(np.prod(shape[:3])) * shape.dtype.itemsize <= IN_MEMORY
    return np.empty((count, *shape[:3]), shape.dtype) if fits else None


def _table(source: Source, shape: Shape, kept: Sink | np.ndarray | None) -> Table:
    if kept is None:
        return Decoding(partial(_fitted, source, shape), shape[:3], shape.dtype)
    return Arrays([kept]) if isinstance(kept, np.ndarray) else kept.table()


def refuse_bad(source: Source, bad: list[tuple[str, str]], *, allow_bad: bool) -> None:
    """Raises UserError where no picture can be read, or more than 5 % cannot and that was not allowed."""
    name, reason = bad[0] if bad else ("", "")
    if len(bad) == len(source):
        raise UserError(f"{source.path}: none of its {len(bad)} files can be read as a picture; {name}: {reason}")
    if len(bad) > BAD * len(source) and not allow_bad:
        raise UserError(f"{source.path}: {len(bad)} of {len(source)} files cannot be read as pictures, more than 5 % "
                        f"({name}: {reason}): see rivals inspect, mend or move them, or give --allow-bad")  # fmt: skip


def _arrays(source: Decoded, shape: Shape, into: Sink | None) -> Checked:
    table: Table = source.table
    rows = np.arange(len(source))
    if into is not None or (*table.shape, table.dtype) != (*shape[:3], shape.dtype):
        fit(table.rows(rows[:1])[0], shape)  # refuses channels that cannot become those
        kept = into if into is not None else _memory(len(source), shape)
        if kept is not None:
            threads(partial(_put, source, shape, kept), range(len(source)))
        table = _table(source, shape, kept)
    return Checked(rows, shape, table, [], sha256(source.path), Counter({source.header(0): len(source)}), [])


def _put(source: Source, shape: Shape, kept: Sink | np.ndarray, item: int) -> None:
    kept[item] = _fitted(source, shape, item)


def _fitted(source: Source, shape: Shape, item: int) -> np.ndarray:
    return fit(source.picture(item)[0], shape)


def _decoded(source: Source, shape: Shape, kept: Sink | np.ndarray | None, item: int) -> str | tuple[Header, bytes, bytes]:
    """Why a picture cannot be read, or its header, digest and a hash of its pixels, which are put into row `item` of `kept`."""
    try:
        pixels, told, content = source.picture(item)
    except Unreadable as error:
        return str(error)
    if kept is not None:
        kept[item] = fit(pixels, shape)
    return _seen(told), content, digest_of(pixels)


@lru_cache(maxsize=4096)
def _seen(told: Header) -> Header:
    """One object for all equal headers: there is one a picture."""
    return told


def _told(source: Source, item: int) -> Header | str:
    try:
        return source.header(item)
    except Unreadable as error:
        return str(error)


def threads(work: Callable[[int], R], items: range) -> list[R]:
    """Pillow lets go of the interpreter while it decodes, so threads share the work."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        parts = (items[start : start + 1024] for start in range(0, len(items), 1024))  # a future each for all would take memory
        return [each for part in parts for each in pool.map(work, part)]


def _refuse_all(source: Source) -> None:
    reason = _told(source, 0)
    refuse_bad(source, [(source.names[0], str(reason))] * len(source), allow_bad=True)


def _refuse_sizes(source: Source, sizes: Counter[tuple[int, int]] | None) -> None:
    if sizes is None:
        sizes = Counter((told.height, told.width) for told in headers(source))
    (first, many), (second, fewer) = sizes.most_common(2)
    raise UserError(f"{source.path}: pictures of {len(sizes)} sizes ({many:,} of {first[0]}x{first[1]}, "
                    f"{fewer:,} of {second[0]}x{second[1]}, height x width): give one, as --size {min(*first, 64)}")  # fmt: skip
