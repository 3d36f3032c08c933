"""The doctor's part of the report: verdicts, rollbacks, and the curves of the looks behind them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from rivals.core.store import State
from rivals.metrics.doctor import Findings
from rivals.report.curves import Level, Line, plot
from rivals.report.folder import finite

CURVES: list[tuple[str, Mapping[str, str], list[Level], float | None]] = [
    ("Scores of the discriminator", {"train": "training", "held out": "held out", "fake": "generated"}, [], None),
    ("Variety", {"coverage": "coverage", "variety": "distance of two samples"}, [Level("1", 1.0)], 0.0),
    ("Distance from real samples", {"distance": "in the variance of real ones"}, [], 0.0),
    ("Copies", {"copies": "of the samples", "fresh copies": "of held-out ones"}, [], 0.0),
    ("Colour", {"colour": "shift of the mean", "contrast": "of the deviation"}, [], 0.0),
    ("Patterns", {"checkerboard": "energy at Nyquist"}, [Level("real", 1.0)], 0.0),
]
"""Drawings: a title, the looks' figures with their names in print, levels, the lowest y."""


class Ill(NamedTuple):
    """A verdict in print."""

    name: str
    when: str
    figure: str
    change: str
    over: bool


class Drawing(NamedTuple):
    title: str
    drawing: Markup


def sound(lines: Sequence[State]) -> list[State]:
    """A log's lines without those whose look or rollback is not as the trainer writes it: a log may be anybody's."""
    return [line for line in lines if _sound(line)]


def verdicts(lines: Sequence[State]) -> dict[str, Any]:
    """What the template shows of the doctor, from a log's lines."""
    found = Findings.of(sound(lines))
    ills = [
        Ill(
            each.name,
            f"since {each.since:,}" if each.until is None else f"{each.since:,} to {each.until:,}",
            f"{each.figure}: {each.value:.3g} (healthy: at most {each.limit:.3g})",
            each.change,
            each.until is not None,
        )
        for each in found.verdicts
    ]
    return {
        "looks": len(found.looks),
        "ills": ills,
        "rollbacks": found.rollbacks,
        "stopped": found.stopped,
        "curves": [Drawing(title, drawing) for title, drawing in _curves(found)],
    }


def _sound(line: State) -> bool:
    look, back = line.get("look", {"bad": 0.0}), line.get("rollback", {"number": 1, "from": 0, "to": 0, "rate": 1.0, "why": ""})
    numbers = isinstance(look, dict) and finite(look.get("bad")) and all(finite(value) for value in look.values())
    whole = isinstance(back, dict) and all(finite(back.get(name)) for name in ("number", "from", "to", "rate")) and "why" in back
    return numbers and whole


def _curves(found: Findings) -> list[tuple[str, Markup]]:
    drawn = []
    for title, names, levels, low in CURVES:
        every = [_line(found, name, shown) for name, shown in names.items()]
        if there := [line for line in every if line.y]:
            drawn.append((title, plot(title, there, levels=levels, low=low)))
    return drawn


def _line(found: Findings, name: str, shown: str) -> Line:
    there = [look for look in found.looks if name in look]
    return Line(shown, [float(look["seen"]) for look in there], [float(look[name]) for look in there])
