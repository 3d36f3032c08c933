"""Fresh ids that look like the real ones: numbers count on from the largest, texts keep each position's kind of character."""

import string
from collections.abc import Sequence

import numpy as np

LENGTHS, COUNTED = 20, 2**31
HEX = "0123456789abcdef"
UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
CLASSES = (DIGITS, HEX, HEX.upper(), UPPER, LOWER, DIGITS + UPPER, DIGITS + LOWER, UPPER + LOWER, DIGITS + UPPER + LOWER)
Pattern = tuple[tuple[float, tuple[str, ...]], ...]


def pattern(texts: Sequence[str]) -> Pattern:
    """Of the 20 most common lengths, each one's share and, position by position, the characters that may stand there.

    A character that all ids of a length share is kept; others widen to digits, letters or both, so no id is kept itself.
    """
    groups: dict[int, list[str]] = {}
    for each in texts:
        groups.setdefault(len(each), []).append(each)
    lengths = sorted(groups, key=lambda length: -len(groups[length]))[:LENGTHS]
    total = sum(len(groups[length]) for length in lengths)
    found = []
    for length in sorted(lengths):
        count = len(groups[length])
        grid = np.array(groups[length], f"U{max(length, 1)}")
        letters = grid.view("U1").reshape(count, -1)[:, :length]
        found.append((count / total, tuple(_alphabet("".join(np.unique(letters[:, at]))) for at in range(length))))
    return tuple(found)


def _alphabet(seen: str) -> str:
    if len(seen) == 1:
        return seen
    known = next((each for each in CLASSES if set(seen) <= set(each)), None)
    rest = "".join(each for each in seen if not (each.isascii() and each.isalnum()))
    return known or DIGITS + UPPER + LOWER + ("-" if "-" in rest else "") + (" " if " " in rest else "")


def fresh(kinds: Pattern, count: int, *, start: int, seed: int) -> np.ndarray:
    """(count,) texts by the pattern, a function of (seed, row number from `start` on): no two of one seed are equal.

    Positions from the right, up to 2^31 combinations, hold a permutation of the row number; the others are random. Where a length
    has fewer combinations than rows, a `-1`, `-2` ... follows. A training id comes up as often as chance has it.
    """
    rows = np.arange(start, start + count, dtype=np.int64)
    random = np.random.default_rng((seed, start))
    shares = np.cumsum([share for share, _ in kinds])
    which = np.minimum(np.searchsorted(shares, random.random(count), side="right"), len(kinds) - 1)
    made = np.empty(count, object)
    for at, (_, alphabets) in enumerate(kinds):
        here = np.flatnonzero(which == at)
        made[here] = _written(alphabets, rows[here], random, seed)
    return made


def _written(alphabets: tuple[str, ...], rows: np.ndarray, random: np.random.Generator, seed: int) -> list[str]:
    capacity, first = 1, len(alphabets)
    while first and capacity * len(alphabets[first - 1]) <= COUNTED:
        first -= 1
        capacity *= len(alphabets[first])
    factor = capacity * 618 // 1000 + 1 + seed % 97 if capacity > 2 else 1  # far steps, so that neighbours look unlike
    while np.gcd(factor, capacity) != 1:
        factor += 1
    number = (rows % capacity * (factor % capacity) + seed % capacity) % capacity
    letters = np.empty((len(rows), len(alphabets)), "U1")
    for at in range(len(alphabets) - 1, -1, -1):
        choices = np.array(list(alphabets[at]), "U1")
        if at >= first:
            number, digit = np.divmod(number, len(choices))
        else:
            digit = random.integers(len(choices), size=len(rows))
        letters[:, at] = choices[digit]
    texts: list[str] = letters.view(f"U{len(alphabets)}")[:, 0].tolist() if len(alphabets) else [""] * len(rows)
    again = rows // capacity
    return texts if not again.any() else [f"{text}-{turn}" if turn else text for text, turn in zip(texts, again, strict=True)]


def counted(low: int, high: int, count: int, *, start: int) -> np.ndarray:
    """(count,) int64 that count on from the largest real id, or down from the smallest where 64 bits end."""
    rows = np.arange(start, start + count, dtype=np.int64)
    return high + 1 + rows if high < 2**62 else low - 1 - rows
