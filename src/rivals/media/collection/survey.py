"""A look at a user's pictures before training: what there is, what is alike, what cannot be read and why."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.media.checking import BAD, threads, usual
from rivals.media.collection.pack import card_of
from rivals.media.collection.reading import alike, conditions
from rivals.media.decode import Header, Unreadable, bombs_are_errors, digest_of
from rivals.media.opening import is_pack, open_source
from rivals.media.source import Source, Told

SHOWN = 20


@dataclass(frozen=True)
class Survey:
    """pictures: that can be read. sizes: "112x92" (height x width) -> pictures; channels, bits, formats alike. classes: by name.
    duplicates: names of pictures with equal pixels, a list for each set of them. unreadable: (name, reason). beside: texts and
    the like, which are left out and no mistake. notes: what a run would say or refuse.
    """

    path: str
    kind: str
    pictures: int
    sizes: dict[str, int]
    channels: dict[str, int]
    bits: dict[str, int]
    formats: dict[str, int]
    classes: dict[str, int] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        return asdict(self)

    def text(self) -> str:
        """For a person: at most 20 of each list."""
        lines = [f"{self.path}: {self.pictures:,} pictures ({self.kind})"]
        named = {
            "sizes": self.sizes,
            "channels": self.channels,
            "bits": self.bits,
            "formats": self.formats,
            "classes": self.classes,
        }
        lines += [f"  {name:<11}{_counts(counts)}" for name, counts in named.items() if counts]
        if self.attributes:
            lines.append(f"  attributes {', '.join(self.attributes[:SHOWN])}")
        again = sum(len(each) - 1 for each in self.duplicates)
        lines.append(f"  duplicates {again:,}")
        lines += [f"    {' = '.join(each[:4])}{' ...' if len(each) > 4 else ''}" for each in self.duplicates[:SHOWN]]
        lines += _rest(len(self.duplicates))
        lines.append(f"  unreadable {len(self.unreadable):,} of {self.pictures + len(self.unreadable):,}")
        lines += [f"    {name}: {reason}" for name, reason in self.unreadable[:SHOWN]]
        lines += _rest(len(self.unreadable))
        if self.beside:
            lines.append(
                f"  left aside {len(self.beside):,} ({', '.join(self.beside[:3])}{' ...' if len(self.beside) > 3 else ''})"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def survey(path: Path, labels: Path | None = None) -> Survey:
    """Decodes every picture at `path` and says what is there; changes nothing. labels: as for `load`. Raises UserError."""
    if is_pack(path):
        return _of_pack(path)
    source = open_source(path, labels)
    with bombs_are_errors():
        found = threads(partial(_looked, source), range(len(source)))
    unreadable = [(name, each) for name, each in zip(source.names, found, strict=True) if isinstance(each, str)]
    rows = np.array([row for row, each in enumerate(found) if not isinstance(each, str)], np.int64)
    good = [found[row] for row in rows]
    alike: dict[bytes, list[str]] = {}
    for row in rows:
        alike.setdefault(found[row][1], []).append(source.names[row])
    headers = [told for told, _ in good]
    told, notes = _told(source, rows, labels)
    return Survey(
        path=str(path),
        kind=source.kind,
        pictures=len(good),
        sizes=_counted([f"{each.height}x{each.width}" for each in headers]),
        channels=_counted([str(each.channels) for each in headers]),
        bits=_counted([str(each.bits) for each in headers]),
        formats=_counted([each.format for each in headers]),
        classes=_classes(told),
        attributes=told.labels.names if told.labels is not None and told.labels.attributes else [],
        duplicates=[names for names in alike.values() if len(names) > 1],
        unreadable=unreadable,
        beside=source.beside,
        notes=[*told.notes, *notes, *_notes(headers, told, len(unreadable))],
    )


def _looked(source: Source, item: int) -> tuple[Header, bytes] | str:
    """A picture's header and the digest of its pixels, or why it cannot be read."""
    try:
        pixels, told, _ = source.picture(item)
    except Unreadable as error:
        return str(error)
    return told, digest_of(pixels)


def _told(source: Source, rows: np.ndarray, labels: Path | None) -> tuple[Told, list[str]]:
    """The conditions; where the CSV does not fit, what is wrong with it is a note."""
    try:
        return conditions(source, rows, labels), []
    except UserError as error:
        return source.told(rows)._replace(labels=None), [str(error)]


def _notes(headers: list[Header], told: Told, bad: int) -> list[str]:
    notes = []
    if headers and len({(each.height, each.width) for each in headers}) > 1:
        notes.append("sizes differ: rivals train images chooses one, the other recipes need --size")
    if several := sum(each.frames for each in headers):
        notes.append(f"{several} files hold several pictures: the first of each is taken")
    if headers:
        found = Counter(headers)
        notes += alike(found, *usual(found))
    if told.test is not None:
        notes.append(f"{int(told.test.sum()):,} pictures are set aside by the data's own split")
    if lonely := [name for name, count in _classes(told).items() if count == 1 and name]:
        notes.append(f"{len(lonely)} classes have one picture ({', '.join(lonely[:3])}): a run refuses them")
    if bad > BAD * (bad + len(headers)):
        notes.append("more than 5 % cannot be read: a run needs --allow-bad")
    return notes


def _of_pack(path: Path) -> Survey:
    """A pack by its card, each file's digest checked."""
    card = card_of(path)
    damaged = [name for name, told in card["files"].items() if sha256(path / name) != told["sha256"]]
    count = card["train"] + card["held_out"]
    return Survey(
        path=str(path),
        kind=f"pack of {card['source']}, {card['kind']}; scaled by {card['filter']}",
        pictures=count,
        sizes={f"{card['size'][0]}x{card['size'][1]}": count},
        channels={str(card["channels"]): count},
        bits={str(card["bits"]): count},
        formats={"pack": count},
        classes=card["counts"],
        attributes=card["attributes"],
        unreadable=[(name, reason) for name, reason in card["left_out"]],
        notes=[f"{card['held_out']:,} pictures are held out", *(f"{name} is damaged: pack again" for name in damaged)],
    )


def _classes(told: Told) -> dict[str, int]:
    if told.labels is None or not told.labels.classes:
        return {}
    counts = np.bincount(told.labels.values, minlength=told.labels.classes)
    return {name: int(count) for name, count in zip(told.labels.names, counts, strict=True)}


def _counted(words: list[str]) -> dict[str, int]:
    """Most first."""
    return dict(Counter(words).most_common())


def _counts(counts: dict[str, int]) -> str:
    told = ", ".join(f"{name} ({count:,})" for name, count in list(counts.items())[:SHOWN])
    return told + (f", and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")


def _rest(count: int) -> list[str]:
    return [f"    and {count - SHOWN:,} more"] if count > SHOWN else []
