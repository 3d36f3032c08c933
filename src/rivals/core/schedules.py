"""Schedules: progress through the run, 0 to 1, -> a value."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(value: float) -> Schedule:
    """`value` at all times."""
    return lambda progress: value


def linear(start: float, end: float, until: float = 1.0) -> Schedule:
    """A straight line from `start` to `end`, reached at progress `until` and kept."""
    return lambda progress: start + (end - start) * min(progress / until, 1.0)


def cosine(start: float, end: float, until: float = 1.0) -> Schedule:
    """Half a cosine from `start` to `end`, reached at progress `until` and kept."""
    return lambda progress: end + (start - end) * (1 + math.cos(math.pi * min(progress / until, 1.0))) / 2


def value(setting: float | Schedule, progress: float) -> float:
    """A number as it is; a Schedule's value at `progress`."""
    return setting(progress) if callable(setting) else setting
