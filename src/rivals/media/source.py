"""Source: a user's pictures by number, whatever holds them: a folder, a .zip, or arrays."""

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from rivals.core.errors import UserError
from rivals.media.decode import Header, Unreadable, decode, header
from rivals.media.pixels import Arrays


@dataclass(frozen=True)
class Labels:
    """One condition a picture: class numbers (n,) into `names`, or numbers (n, k) float32, `names` of the k columns."""

    values: np.ndarray
    names: list[str]

    @property
    def classes(self) -> int:
        return len(self.names) if self.values.ndim == 1 else 0

    @property
    def attributes(self) -> int:
        return 0 if self.values.ndim == 1 else self.values.shape[1]

    @classmethod
    def of(cls, words: list[str]) -> "Labels":
        """Class names, one a picture; their order is the sorted one, numbers by size."""
        names = sorted(set(words), key=lambda word: (not word.isdecimal(), int(word) if word.isdecimal() else 0, word))
        number = {name: i for i, name in enumerate(names)}
        return cls(np.array([number[word] for word in words], np.int64), names)

    def take(self, rows: np.ndarray) -> "Labels":
        return Labels(self.values[rows], self.names)


class Told(NamedTuple):
    """What a source says of some of its pictures: labels, or None; test: which of them it sets aside itself, or None; groups:
    those that a split must not part (of one person), or None; notes: what a user should know of how it was read.
    """

    labels: Labels | None = None
    test: np.ndarray | None = None
    groups: list[str] | None = None
    notes: tuple[str, ...] = ()

    def take(self, rows: np.ndarray) -> "Told":
        labels = None if self.labels is None else self.labels.take(rows)
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        return Told(labels, None if self.test is None else self.test[rows], groups, self.notes)


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """kind: what was read, in words. names: of the pictures, in order. beside: files that are no pictures, nor a mistake."""

    path: Path
    kind: str
    names: list[str]
    beside: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def told(self, rows: np.ndarray) -> Told:
        """What the source says of these of its pictures."""

    @abstractmethod
    def header(self, item: int) -> Header:
        """What picture `item` says of itself, at little cost; raises Unreadable."""

    @abstractmethod
    def picture(self, item: int) -> tuple[np.ndarray, Header, bytes]:
        """The pixels (h, w, c) uint8 or uint16, their header, and the content's SHA-256; raises Unreadable."""


@dataclass(frozen=True, kw_only=True)
class Encoded(Source):
    """Picture files: read(name) gives the bytes of one; raises Unreadable. known: what is told, None for the folders' names.
    begin: the first bytes of one, where that costs less.
    """

    read: Callable[[str], bytes]
    known: Told | None = None
    begin: Callable[[str], bytes] | None = None

    def told(self, rows: np.ndarray) -> Told:
        return by_folders([self.names[row] for row in rows]) if self.known is None else self.known.take(rows)

    def header(self, item: int) -> Header:
        if self.begin is not None:
            with suppress(Unreadable):  # a header may end later, or lie at the end
                return header(self.begin(self.names[item]))
        return header(self.read(self.names[item]))

    def picture(self, item: int) -> tuple[np.ndarray, Header, bytes]:
        content = self.read(self.names[item])
        return *decode(content), hashlib.sha256(content).digest()


@dataclass(frozen=True, kw_only=True)
class Decoded(Source):
    """Pictures that are arrays already."""

    table: Arrays
    known: Told

    def told(self, rows: np.ndarray) -> Told:
        return self.known.take(rows)

    def header(self, item: int) -> Header:
        height, width, channels = self.table.shape
        return Header("array", height, width, channels, self.table.dtype.itemsize * 8, frames=False)

    def picture(self, item: int) -> tuple[np.ndarray, Header, bytes]:
        pixels = self.table.rows(np.array([item]))[0]
        return pixels, self.header(item), hashlib.sha256(pixels.tobytes()).digest()


@dataclass(frozen=True, kw_only=True)
class Part(Source):
    """Some of a source's pictures. rows: their numbers in it."""

    whole: Source
    rows: list[int]

    def told(self, rows: np.ndarray) -> Told:
        return self.whole.told(np.array(self.rows)[rows])

    def header(self, item: int) -> Header:
        return self.whole.header(self.rows[item])

    def picture(self, item: int) -> tuple[np.ndarray, Header, bytes]:
        return self.whole.picture(self.rows[item])


def part(source: Source, names: list[str]) -> Part:
    """The pictures of these names, in their order."""
    rows = {name: row for row, name in enumerate(source.names)}
    return Part(path=source.path, kind=source.kind, names=names, whole=source, rows=[rows[name] for name in names])


HEAD = 1 << 16  # bytes in which most files' headers end
LARGEST = 1 << 28
"""Bytes of the largest picture file that is read: 50 megapixels of four channels are fewer."""

SPLITS = {"train": False, "training": False, "test": True, "testing": True, "val": True, "valid": True, "validation": True}
"""Folders at the top that are a split and no class; True for the pictures set aside."""

TEXTS = {".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".log"}
SYSTEM = {"thumbs.db", "desktop.ini", "license", "licence", "readme", "copying"}


def ignored(name: str) -> bool:
    """What the system put there: hidden, or of Windows or macOS."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def beside(name: str) -> bool:
    """Texts that lie beside pictures and are no mistake."""
    path = PurePosixPath(name)
    return path.suffix.lower() in TEXTS or path.name.lower() in SYSTEM


def by_folders(names: list[str]) -> Told:
    """Labels, split and notes from the names of folders: a class is the folder directly above the picture.

    There are classes only where at least two folders hold pictures and none lies outside them.
    """
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    while parts and all(each for each in parts) and len({each[0] for each in parts}) == 1:
        parts = [each[1:] for each in parts]
    tops = {each[0].lower() if each else "" for each in parts}
    test = None
    if len(tops) > 1 and tops <= SPLITS.keys():
        test = np.array([SPLITS[each[0].lower()] for each in parts])
        parts = [each[1:] for each in parts]
        if test.all() or not test.any():
            test = None
    words = [each[-1] if each else "" for each in parts]
    found = set(words)
    if len(found) < 2:
        return Told(test=test)
    if "" in found:
        loose = words.count("")
        return Told(
            test=test,
            notes=(f"{loose} of {len(names)} pictures lie in no sub-folder: no class is taken from the names of folders",),
        )
    return Told(Labels.of(words), test)


def folder(path: Path) -> Encoded:
    """The picture files under a folder, at any depth, by name; links to folders are not followed."""
    found = sorted(
        (Path(place) / file).relative_to(path).as_posix() for place, _, files in os.walk(path, onerror=_refuse) for file in files
    )
    whole = files(path, found, partial(_from_folder, path), kind="folder")
    return replace(whole, begin=partial(_from_folder, path, most=HEAD))


def files(path: Path, found: list[str], read: Callable[[str], bytes], *, kind: str) -> Encoded:
    """The files of these names, save those that lie beside pictures."""
    names = [name for name in found if not ignored(name) and not beside(name)]
    if not names:
        raise UserError(f"{path} holds no picture: give a {kind} with JPEG, PNG, WebP or TIFF files, at any depth")
    aside = [name for name in found if not ignored(name) and beside(name)]
    return Encoded(path=path, kind=kind, names=names, beside=aside, read=read)


def _from_folder(path: Path, name: str, most: int = -1) -> bytes:
    file = path / name
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise Unreadable("no regular file")
        if file.stat().st_size > LARGEST:
            raise Unreadable(f"a file of more than {LARGEST >> 20} MiB")
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise Unreadable(error.strerror or "it cannot be read") from None


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be listed: {error.strerror}")
