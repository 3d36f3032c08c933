"""Schedules: progress through the run, 0 to 1, -> a value."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def _part(progress: float, until: float) -> float:
    return min(progress / until, 1.0) if until > 0 else 1.0


def constant(value: float) -> Schedule:
    """`value` at all times."""
    return lambda progress: value


def linear(start: float, end: float, until: float = 1.0) -> Schedule:
    """A straight line from `start` to `end`, reached at progress `until` and kept."""
    return lambda progress: start + (end - start) * _part(progress, until)


def cosine(start: float, end: float, until: float = 1.0) -> Schedule:
    """Half a cosine from `start` to `end`, reached at progress `until` and kept."""
    return lambda progress: end + (start - end) * (1 + math.cos(math.pi * _part(progress, until))) / 2


def value(setting: float | Schedule, progress: float) -> float:
    """A number as it is; a Schedule's value at `progress`."""
    return setting(progress) if callable(setting) else setting
