"""Which files belong together: two folders matched by name, pictures side by side in one file, or photos alone."""

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from rivals.core.errors import UserError
from rivals.media.decode import bombs_are_errors
from rivals.media.opening import open_source
from rivals.media.source import SPLITS, Source

SIDES = {"left": 0, "right": 1}
EDGES = "edges"
USUAL = (("A", "B"), ("source", "target"), ("input", "output"))  # folders whose names say which is which


class Matched(NamedTuple):
    """Names of sources and targets in the same order, and what they are called without folder and ending. sides: -1, or which
    half of one file the source is, 0 left or 1 right. edges: the sources are outlines of the targets.
    """

    source: Source
    sources: list[str]
    targets: list[str]
    stems: list[str]
    side: int = -1
    edges: bool = False

    def held_out(self) -> list[bool] | None:
        """Which pairs the data themselves set aside, by folders named train, val or test, or as x_test; else None."""
        if self.sources is self.source.names and (test := self.source.told(np.arange(len(self.source))).test) is not None:
            return test.tolist()
        tops = [PurePosixPath(stem).parts[0].lower() for stem in self.stems]
        return [SPLITS[top] for top in tops] if len(set(tops)) > 1 and set(tops) <= SPLITS.keys() else None


def matched(data: Path, source: str | None, target: str | None) -> Matched:
    """The pairs of a folder or .zip. source: a sub-folder, "left" or "right" of pictures side by side, or "edges". target: a
    sub-folder. Raises UserError for pairs that lack their other half, and where it cannot be told what is the source.
    """
    found = open_source(data)
    folders = _folders(found)
    if source == EDGES:
        names = list(_under(found, target, folders).values()) if target else found.names
        return Matched(found, names, names, [_stem(name) for name in names], edges=True)
    if source in SIDES or (source is None and target is None and not folders):
        names = found.names
        if source is None:
            _refuse_single(data, found)
        return Matched(found, names, names, [_stem(name) for name in names], side=SIDES[source or "left"])
    if source is None or target is None:
        source, target = _guessed(data, folders)
    if source == target:
        raise UserError(f"{data}: source and target are both {source!r}: give two different folders")
    return _joined(data, found, _under(found, source, folders), _under(found, target, folders), source, target)


def domains(data: Path, source: str | None, target: str | None) -> tuple[str, str]:
    """The folders of two sets without pairs: as they were named, or trainA and trainB, or what their names tell."""
    folders = _folders(open_source(data))
    first, second = ("trainA", "trainB") if {"trainA", "trainB"} <= set(folders) else ("", "")
    if source and target:
        return source, target
    return (first, second) if first else _guessed(data, folders)


def paired(data: Path, source: str | None, target: str | None) -> bool:
    """Whether sources and targets have the same names, and so belong together one by one; trainA and trainB never do."""
    found = open_source(data)
    if source in (EDGES, *SIDES):
        return True
    folders = _folders(found)
    if source is None or target is None:
        if not folders or {"trainA", "trainB"} <= set(folders):
            return not folders
        source, target = _guessed(data, folders)
    sources, targets = (_under(found, each, folders) for each in (source, target))
    return len(sources.keys() & targets.keys()) > min(len(sources), len(targets)) / 2


def _joined(data: Path, found: Source, sources: dict[str, str], targets: dict[str, str], source: str, target: str) -> Matched:
    both = [stem for stem in sources if stem in targets]
    lonely = [name for stem, name in {**sources, **targets}.items() if stem not in sources or stem not in targets]
    if lonely:
        told = ", ".join(lonely[:3]) + (", ..." if len(lonely) > 3 else "")
        raise UserError(f"{data}: {len(lonely)} pictures of {source!r} and {target!r} lack the other half of the same name "
                        f"({told}): add it, or take them out")  # fmt: skip
    return Matched(found, [sources[stem] for stem in both], [targets[stem] for stem in both], both)


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()


def _folders(source: Source) -> list[str]:
    """The names of folders that hold pictures, without those of a split."""
    tops = Counter(part for name in source.names for part in PurePosixPath(name).parts[:-1] if part.lower() not in SPLITS)
    return [name for name, count in tops.items() if count < len(source)]


def _under(source: Source, folder: str, folders: list[str]) -> dict[str, str]:
    """The pictures in a folder by what they are called without it and without their ending."""
    found = {}
    for name in source.names:
        parts = PurePosixPath(name).parts
        if folder in parts[:-1]:
            at = parts.index(folder)
            found[_stem(PurePosixPath(*parts[:at], *parts[at + 1 :]).as_posix())] = name
    if not found:
        have = f"it has {', '.join(sorted(folders)[:6])}" if folders else "it has no sub-folders"
        raise UserError(f"{source.path}: no picture lies in a folder named {folder!r}: {have}")
    return found


def _guessed(data: Path, folders: list[str]) -> tuple[str, str]:
    for pair in USUAL:
        if set(pair) <= set(folders):
            return pair
    told = f"it has the folders {', '.join(sorted(folders)[:6])}" if folders else "it has no sub-folders"
    raise UserError(f"{data}: which pictures are the source, and which the target? {told}: give --source NAME --target NAME")


def _refuse_single(data: Path, source: Source) -> None:
    with bombs_are_errors():
        sizes = [source.header(item) for item in range(min(len(source), 20))]
    if sum(told.width == 2 * told.height for told in sizes) <= len(sizes) // 2:
        raise UserError(f"{data} holds single pictures, not pairs: give --source {EDGES} to draw outlines from photos, two "
                        "folders by --source NAME --target NAME, or --source left for pairs side by side")  # fmt: skip
