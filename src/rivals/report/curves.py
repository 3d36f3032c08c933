"""Curves as inline SVG: axes with ticks, each line raw (light) and as a running mean (dark), a legend, a title.

Sizes are in the drawing's own pixels, WIDTH x HEIGHT. Colours are classes (c0, c1 ... raw, mean), so that the page's
style sheet can show them light or dark; there is no style attribute, which a strict Content-Security-Policy refuses.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 10, 38  # at least; longer labels, levels and legends take more
POINTS = 400  # a polyline's points after thinning
COLOURS = 8
LETTER, ROW = 6.4, 17  # a letter's width on average, a legend row's height
LONGEST = 34  # letters of a name in a legend
HUGE = 1e100
# What XML 1.0 cannot hold, even escaped.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Line(NamedTuple):
    """A named curve: x rises, y is finite, both equally long and not empty."""

    name: str
    x: list[float]
    y: list[float]


class Level(NamedTuple):
    """A dashed horizontal line and its label, such as 1/2."""

    name: str
    y: float


class Scale(NamedTuple):
    """Maps `low` to the pixel `start` and `high` to the pixel `end`; what lies outside is held at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


class Axes(NamedTuple):
    """Both scales of a drawing, and its height, which grows with the legend."""

    x: Scale
    y: Scale
    height: float


def plot(
    title: str, lines: Sequence[Line], *, levels: Sequence[Level] = (), low: float | None = None, high: float | None = None
) -> Markup:
    """A drawing of `lines` as an <svg> element; y runs from `low` to `high`, by default over what the values span.

    Single peaks far outside the rest are cut at the edge and told in a note. Raises ValueError without a line.
    """
    if not lines:
        raise ValueError("nothing to plot: give at least one line")
    values = [y for line in lines for y in line.y]
    least, most = limits(values, [level.y for level in levels])
    least, most = least if low is None else low, most if high is None else high
    entries = [_entry(line) for line in lines]
    axes = _axes(lines, (least, most), bool(levels), _rows(entries))
    parts = [_grid(axes), *(_level(axes, level) for level in levels)]
    parts += [_line(axes, line, i) for i, line in enumerate(lines)]
    parts += [_legend(entries), _note(axes, values)]
    head = Markup('<svg viewBox="0 0 {} {:g}" role="img" class="plot"><title>{}</title>')
    spoken = f"{title}: " + ", ".join(f"{line.name} ends at {last(line):.3g}" for line in lines)
    return Markup("").join([head.format(WIDTH, axes.height, written(spoken)), *parts, Markup("</svg>")])


def written(text: str) -> str:
    """The text without the characters that no page can hold."""
    return UNWRITABLE.sub("\ufffd", text)


def last(line: Line) -> float:
    """Where the running mean ends."""
    return smooth(line).y[-1]


def smooth(line: Line, points: int = POINTS) -> Line:
    """The mean over a twentieth of the curve about each of at most `points` places."""
    n, reach = len(line.y), len(line.y) // 40
    places = spread(n, points)
    means = [fmean(line.y[max(i - reach, 0) : i + reach + 1]) for i in places]
    return Line(line.name, [line.x[i] for i in places], means)


def thin(line: Line, points: int = POINTS) -> Line:
    """At most `points` of the curve's points: the lowest and highest of each stretch, so that no peak is lost."""
    n = len(line.y)
    if n <= points:
        return line
    edges = spread(n + 1, points // 2)  # half as many stretches, two points of each
    keep = {0, n - 1}
    for start, end in pairwise(edges):
        keep |= {min(range(start, end), key=line.y.__getitem__), max(range(start, end), key=line.y.__getitem__)}
    return Line(line.name, [line.x[i] for i in sorted(keep)], [line.y[i] for i in sorted(keep)])


def spread(n: int, count: int) -> list[int]:
    """At most `count` (two or more) of the numbers 0 ... n - 1, evenly apart, the first and last among them."""
    if n <= count:
        return list(range(n))
    return [round(i * (n - 1) / (count - 1)) for i in range(count)]


def limits(values: Sequence[float], levels: Sequence[float] = ()) -> tuple[float, float]:
    """The y axis: all values and levels and some air; peaks farther out than the middle 98 % is wide are left out."""
    ordered = sorted(min(max(value, -HUGE), HUGE) for value in values)
    n = len(ordered)
    low, high = ordered[int(0.01 * (n - 1))], ordered[math.ceil(0.99 * (n - 1))]
    reach = high - low
    if reach > 0:
        low, high = max(ordered[0], low - reach), min(ordered[-1], high + reach)
    low, high = min([low, *levels]), max([high, *levels])
    air = (high - low) * 0.05 or max(abs(high) * 0.1, 0.5)
    return low - air, high + air


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers, 1, 2 or 5 times a power of ten apart, from `low` to `high`."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, end = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, min(end, first + 3 * count) + 1)]


def label(value: float, step: float) -> str:
    """A tick's label, with as many decimals as its distance to the next one asks for."""
    if max(abs(value), step) >= 1e6 or step < 1e-4:
        text = f"{value + 0.0:.3g}"
    else:
        text = f"{value + 0.0:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def count(value: float) -> str:
    """A number of samples, short: 500, 20k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _axes(lines: Sequence[Line], span: tuple[float, float], levels: bool, rows: int) -> Axes:
    marks = ticks(*span)
    widest = max((len(label(mark, _step(marks))) for mark in marks), default=0)
    left, right = max(LEFT, 14 + widest * LETTER), 46 if levels else RIGHT
    top = TOP + rows * ROW
    height = HEIGHT + max(rows - 1, 0) * ROW
    end = max(max(line.x) for line in lines) or 1.0
    return Axes(Scale(0.0, end, left, WIDTH - right), Scale(*span, height - BOTTOM, top), height)


def _step(marks: Sequence[float]) -> float:
    return marks[1] - marks[0] if len(marks) > 1 else abs(marks[0]) or 1.0 if marks else 1.0


def _grid(axes: Axes) -> Markup:
    """Horizontal rules with their values, ticks below with numbers of samples, and the x axis's name."""
    x, y = axes.x, axes.y
    rule = Markup('<line class="rule" x1="{:g}" x2="{:g}" y1="{:.1f}" y2="{:.1f}"/>')
    beside = Markup('<text class="tick" x="{:g}" y="{:.1f}" text-anchor="end">{}</text>')
    tick = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/>')
    below = Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>')
    marks = ticks(y.low, y.high)
    parts = [rule.format(x.start, x.end, y(mark), y(mark)) for mark in marks]
    parts += [beside.format(x.start - 6, y(mark) + 4, label(mark, _step(marks))) for mark in marks]
    for mark in ticks(x.low, x.high):
        parts += [tick.format(x(mark), x(mark), y.start, y.start + 4)]
        parts += [below.format(x(mark), y.start + 17, count(mark))]
    parts += [tick.format(x.start, x.end, y.start, y.start), tick.format(x.start, x.start, y.start, y.end)]
    parts += [below.format((x.start + x.end) / 2, axes.height - 5, "samples seen")]
    return Markup("").join(parts)


def _level(axes: Axes, level: Level) -> Markup:
    at = axes.y(level.y)
    rule = Markup('<line class="level" x1="{:g}" x2="{:g}" y1="{:.1f}" y2="{:.1f}"/>')
    text = Markup('<text class="level" x="{:g}" y="{:.1f}">{}</text>')
    return rule.format(axes.x.start, axes.x.end, at, at) + text.format(axes.x.end + 5, at + 4, written(level.name))


def _line(axes: Axes, line: Line, number: int) -> Markup:
    """Two polylines, raw and mean, or one dot for one point."""
    colour = f"c{number % COLOURS}"
    if len(line.y) == 1:
        dot = Markup('<circle class="mean {}" cx="{:.1f}" cy="{:.1f}" r="3.5"/>')
        return dot.format(colour, axes.x(line.x[0]), axes.y(line.y[0]))
    polyline = Markup('<polyline class="{} {}" points="{}"/>')
    kinds = (("raw", thin(line)), ("mean", smooth(line)))
    return Markup("").join(polyline.format(kind, colour, _points(axes, drawn)) for kind, drawn in kinds)


def _points(axes: Axes, line: Line) -> str:
    return " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in zip(line.x, line.y, strict=True))


def _entry(line: Line) -> str:
    name = written(line.name)
    name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return f"{name}\N{EN SPACE}{last(line):.3g}"


def _places(entries: Sequence[str], width: float) -> list[tuple[float, int]]:
    """Each entry's x and row, as many in a row as fit."""
    places, x, row = [], 0.0, 0
    for entry in entries:
        need = 24 + len(entry) * LETTER + 12
        if x and x + need > width:
            x, row = 0.0, row + 1
        places.append((x, row))
        x += need
    return places


def _rows(entries: Sequence[str]) -> int:
    return _places(entries, WIDTH - LEFT - RIGHT)[-1][1] + 1


def _legend(entries: Sequence[str]) -> Markup:
    stroke = Markup('<line class="mean c{}" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/>')
    text = Markup('<text class="legend" x="{:.1f}" y="{:g}">{}</text>')
    parts = []
    for i, (entry, (x, row)) in enumerate(zip(entries, _places(entries, WIDTH - LEFT - RIGHT), strict=True)):
        x, y = x + LEFT, TOP - 2 + row * ROW
        parts += [stroke.format(i % COLOURS, x, x + 18, y, y), text.format(x + 24, y + 4, entry)]
    return Markup("").join(parts)


def _note(axes: Axes, values: Sequence[float]) -> Markup:
    """Tells of peaks beyond the edges."""
    cut = [f"{peak:.3g}" for peak in (max(values), min(values)) if not axes.y.low <= peak <= axes.y.high]
    if not cut:
        return Markup("")
    shape = Markup('<text class="tick" x="{:g}" y="{:g}" text-anchor="end">cut off: peak at {}</text>')
    return shape.format(axes.x.end - 4, axes.y.end + 12, " and ".join(cut))
