"""The held-out pictures: those that the source sets aside, or a tenth by a hash of their names."""

import hashlib

import numpy as np

from rivals.core.errors import UserError
from rivals.media.source import Labels, Told

SHARE = 0.1
FEWEST = 16  # held out, of at least four times as many: the measures need 12
MOST = 10_000
HELD_BYTES = 1 << 30  # of the held-out pictures as float32


def split(names: list[str], told: Told, pixel_values: int, where: str, table: str = "") -> np.ndarray:
    """Which pictures are held out (n,) bool: no run trains on them. Raises UserError for sets and classes too small, in which
    `where` is the set and `table` the file that its labels came from, if one did.

    A picture is held out where the SHA-256 of its name, as a fraction, is below a tenth: a picture added or dropped moves no
    other one, whatever the run's seed. Of small sets the sixteen lowest are, or a quarter, and one may move. Each class gives at
    least one and keeps at least one; pictures of one group go together.
    """
    if len(names) < 2:
        raise UserError(f"{where} holds {len(names)} picture{'s' * (len(names) != 1)} that can be read: give at least 2")
    labels = told.labels
    if labels is not None and labels.classes:
        _refuse_lonely(labels, table or where)
    if told.test is not None:
        if told.test.all() or not told.test.any():
            raise UserError(f"{where}: one of its two splits holds no picture that can be read: mend it, or give one split alone")
        if labels is not None and labels.classes:
            trained = set(labels.values[~told.test].tolist())
            if lost := [name for kind, name in enumerate(labels.names) if kind not in trained and name]:  # "": no label
                raise UserError(f"{table or where}: class {lost[0]!r} has no picture to train on, only held-out ones: add some")
        return told.test
    most = room(pixel_values)
    share = min(SHARE, most / len(names))
    if told.groups is not None and len(set(told.groups)) > 1:
        return _by_group(told.groups, labels, share)
    fraction = np.array([_fraction(name) for name in names])
    test = fraction < share
    test[np.argsort(fraction, kind="stable")[: min(FEWEST, len(names) // 4, most)]] = True
    one_each = labels is not None and 0 < labels.classes <= most
    for members in _members(labels) if labels is not None and one_each else [np.arange(len(names))]:
        if not test[members].any():
            test[members[fraction[members].argmin()]] = True
        if test[members].all():
            test[members[fraction[members].argmax()]] = False
    return test


def tenth(names: list[str], least: int) -> set[str]:
    """A tenth of the names by their SHA-256, `least` of them at least, whatever the seed."""
    return set(sorted(names, key=_fraction)[: max(round(SHARE * len(names)), least)])


def room(pixel_values: int) -> int:
    """At most so many held-out pictures of so many values each."""
    return max(min(MOST, HELD_BYTES // (4 * pixel_values)), 1)


def fewer(rows: np.ndarray, names: list[str], most: int) -> np.ndarray:
    """At most `most` of the held-out rows, in their order; which, by the hash of the names."""
    if len(rows) <= most:
        return rows
    order = np.argsort([_fraction(names[row]) for row in rows], kind="stable")
    return np.sort(rows[order[:most]])


def _fraction(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode("utf8", "surrogateescape")).digest()[:8], "big") / 2**64


def _members(labels: Labels) -> list[np.ndarray]:
    order = np.argsort(labels.values, kind="stable")
    return [each for each in np.split(order, np.flatnonzero(np.diff(labels.values[order])) + 1) if len(each)]


def _by_group(groups: list[str], labels: Labels | None, share: float) -> np.ndarray:
    order = sorted(set(groups), key=_fraction)  # a share of few groups needs a count: by chance it may be none
    held = set(order[: min(max(round(share * len(order)), 1), len(order) - 1)])
    test = np.array([group in held for group in groups])
    for members in _members(labels) if labels is not None and labels.classes else []:
        if test[members].all():
            test[members] = False
    if not test.any():
        test[0] = True
    return test


def _refuse_lonely(labels: Labels, where: str) -> None:
    counts = np.bincount(labels.values, minlength=labels.classes)
    lonely = [name for name, count in zip(labels.names, counts, strict=True) if count == 1 and name]  # "": no label
    if lonely:
        told = f"class {lonely[0]!r} has" if len(lonely) == 1 else f"{len(lonely)} classes ({', '.join(lonely[:3])} ...) have"
        raise UserError(f"{where}: {told} one picture: add more, take it out, or give --labels none to train without classes")
