"""The page that sets several trained games side by side: figures over seeds, last pictures, curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from rivals.report.curves import Line, plot, written
from rivals.report.folder import Run
from rivals.report.grids import Frame, still
from rivals.report.meaning import bound, figure, meaning
from rivals.report.page import CURVES, packed, policy

PICTURES = 5  # of one game, a seed each


@dataclass
class Side:
    """One game. command: its words after `rivals train`. runs: the finished ones by seed. failed: why, by seed."""

    command: str
    runs: dict[int, Run] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


class Cell(NamedTuple):
    """A figure over the seeds: mean, deviation (None of one run), number of runs."""

    mean: float
    deviation: float | None
    runs: int


def cell(side: Side, metric: str) -> Cell | None:
    """A measure's figure over a game's runs; None where none was judged by it."""
    values = [run.cards[metric].value for run in side.runs.values() if metric in run.cards]
    return Cell(fmean(values), stdev(values) if len(values) > 1 else None, len(values)) if values else None


def metrics(sides: Sequence[Side]) -> list[str]:
    """The names of all measures, in the order of the first run that has them."""
    return list(dict.fromkeys(name for side in sides for run in side.runs.values() for name in run.cards))


def comparison(sides: Sequence[Side]) -> str:
    """The page as HTML; whatever a run or a command line holds is shown as text."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = packed("report.css")
    rows = [(meaning(name), _bound(sides, name), [_told(cell(side, name), name) for side in sides]) for name in metrics(sides)]
    seconds = [[run.seconds for run in side.runs.values() if run.seconds] for side in sides]
    text = environment.from_string(packed("comparison.html.j2")).render(
        style=Markup(style),
        policy=policy(style),
        sides=sides,
        rows=rows,
        seconds=[f"{fmean(each):.3g} s" if each else "–" for each in seconds],
        pictures=[_pictures(side) for side in sides],
        curves=_curves(sides),
    )
    return written(text)


def _told(found: Cell | None, metric: str) -> str:
    if found is None:
        return "–"
    share = meaning(metric).share
    spread = "" if found.deviation is None else f" ± {figure(found.deviation, share)}"
    return f"{figure(found.mean, share)}{spread}"


def _bound(sides: Sequence[Side], metric: str) -> str:
    """What real data reach, by the first run that tells it."""
    found = [bound(run.cards[metric]) for side in sides for run in side.runs.values() if metric in run.cards]
    told = next((limit for limit in found if limit is not None), None)
    return "–" if told is None else figure(told, meaning(metric).share)


def _pictures(side: Side) -> list[tuple[int, Frame]]:
    """Each seed's last picture."""
    last = {seed: run.grids[-1] for seed, run in side.runs.items() if run.grids}
    found = [(seed, still(path)) for seed, path in list(last.items())[:PICTURES]]
    return [(seed, frame) for seed, frame in found if frame]


def _curves(sides: Sequence[Side]) -> list[tuple[str, Markup]]:
    """What the logs of the first seed's runs have in common, one line a game."""
    logs = [(side, next(iter(side.runs.values())).curves()) for side in sides if side.runs]
    names = dict.fromkeys(name for _, curves in logs for name in curves)
    drawn = []
    for name in names:
        there: list[Any] = [(_short(i), curves[name]) for i, (_, curves) in enumerate(logs) if name in curves]
        drawn.append((name, plot(name, [Line(label, line.x, line.y) for label, line in there])))
    return drawn[:CURVES]


def _short(number: int) -> str:
    return f"game {number + 1}"


def last_line(log: Path) -> str:
    """The last words of a run that failed."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.is_file() else []
    return lines[-1][:400] if lines else "it left no word"
