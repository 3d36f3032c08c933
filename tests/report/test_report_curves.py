"""The drawings: well-formed, true to the pixel, and whole for any finite numbers."""

import math
import re
from xml.etree import ElementTree

import pytest

from rivals.report.curves import (
    COLOURS,
    HEIGHT,
    POINTS,
    WIDTH,
    Level,
    Line,
    Scale,
    count,
    label,
    limits,
    plot,
    smooth,
    spread,
    thin,
    ticks,
)


def tree(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def points(polyline: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in polyline.attrib["points"].split()]  # type: ignore[misc]


def classes(root: ElementTree.Element, tag: str) -> list[str]:
    return [each.attrib.get("class", "") for each in root.iter(tag)]


def test_each_line_is_drawn_raw_and_as_its_mean() -> None:
    lines = [Line(f"l{i}", [0.0, 50.0, 100.0], [i, i + 1.0, i]) for i in range(3)]
    root = tree(plot("t", lines))
    assert classes(root, "polyline") == [f"{kind} c{i}" for i in range(3) for kind in ("raw", "mean")]
    assert root.find("title") is not None and root.attrib["role"] == "img"
    assert not any("style" in each.attrib for each in root.iter())


def test_known_points_lie_at_known_pixels() -> None:
    root = tree(plot("t", [Line("p", [0.0, 50.0, 100.0], [0.0, 1.0, 0.5])], levels=[Level("1/2", 0.5)], low=0.0, high=1.0))
    # Frame: 48 to 480 - 46 across, 27 (top 10, one legend row 17) to 270 - 38 down.
    across, down = [48.0, 241.0, 434.0], [232.0, 27.0, 129.5]
    assert points(next(root.iter("polyline"))) == list(zip(across, down, strict=True))
    level = next(each for each in root.iter("line") if each.attrib["class"] == "level")
    assert (level.attrib["y1"], level.attrib["x1"], level.attrib["x2"]) == ("129.5", "48", "434")


def test_the_axis_says_what_the_points_are() -> None:
    """Reading a point back through the ticks' own labels gives its value."""
    root = tree(plot("t", [Line("p", [100.0, 1e6], [-3.25, 8.5])]))
    marks = [(float(each.attrib["y"]) - 4, each.text) for each in root.iter("text") if each.attrib.get("text-anchor") == "end"]
    (y0, v0), (y1, v1) = [(y, float((text or "").replace("\N{MINUS SIGN}", "-"))) for y, text in (marks[0], marks[-1])]
    found = [v0 + (y - y0) * (v1 - v0) / (y1 - y0) for _, y in points(next(root.iter("polyline")))]
    assert found == pytest.approx([-3.25, 8.5], abs=0.05)


@pytest.mark.parametrize(
    "values",
    [[0.0], [-3.5], [2.0] * 50, [0.0] * 3, [1e308, -1e308], [1e-300, 2e-300], [5e-324, 0.0], [1e15, 1e15 + 1], [-1e-9, 1e9]],
)
def test_any_finite_series_is_drawn_within_the_frame(values: list[float]) -> None:
    root = tree(plot("t", [Line("x", [float(i + 1) for i in range(len(values))], values)], levels=[Level("l", -1.386)]))
    height = float(root.attrib["viewBox"].split()[3])
    drawn = [at for line in root.iter("polyline") for at in points(line)]
    drawn += [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in root.iter("circle")]
    assert drawn and all(0 <= x <= WIDTH and 0 <= y <= height for x, y in drawn)
    assert "nan" not in ElementTree.tostring(root, "unicode") and "inf" not in ElementTree.tostring(root, "unicode")


def test_one_point_is_a_dot() -> None:
    root = tree(plot("t", [Line("x", [64.0], [0.7])]))
    assert len(list(root.iter("circle"))) == 1 and not list(root.iter("polyline"))


def test_nothing_to_plot_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to plot"):
        plot("t", [])


def test_names_are_text() -> None:
    name = "<script>alert(1)</script>\"'&\x00\x1b\ud800"
    drawing = plot(name, [Line(name, [0.0, 1.0], [0.0, 1.0])], levels=[Level(name, 0.5)])
    assert "<script" not in drawing
    assert "alert(1)" in (tree(drawing).findtext("title") or "")
    drawing.encode()


def test_a_legend_wraps_and_the_drawing_grows() -> None:
    lines = [Line("a rather long name of a loss " * 2, [0.0, 1.0], [0.0, float(i)]) for i in range(12)]
    root = tree(plot("t", lines))
    assert float(root.attrib["viewBox"].split()[3]) > HEIGHT
    entries = [each for each in root.iter("text") if each.attrib["class"] == "legend"]
    assert len(entries) == 12 and len({each.attrib["y"] for each in entries}) > 3
    assert {name.split()[-1] for name in classes(root, "polyline")} == {f"c{i}" for i in range(COLOURS)}


def test_thinning_keeps_every_peak_and_both_ends() -> None:
    y = [math.sin(i / 50) for i in range(10_000)]
    y[3333], y[7777] = 9.0, -9.0
    line = thin(Line("x", [float(i) for i in range(10_000)], y))
    assert len(line.x) <= POINTS and line.x == sorted(line.x)
    assert {9.0, -9.0} <= set(line.y) and (line.x[0], line.x[-1]) == (0.0, 9999.0)


def test_thinning_leaves_short_curves_alone() -> None:
    line = Line("x", [1.0, 2.0], [3.0, 4.0])
    assert thin(line) is line


def test_the_running_mean_is_a_mean() -> None:
    n = 400
    line = smooth(Line("x", [float(i) for i in range(n)], [float(i % 2) for i in range(n)]))
    assert line.y[200] == pytest.approx(sum(i % 2 for i in range(190, 211)) / 21)
    assert smooth(Line("x", [0.0, 1.0], [5.0, 7.0])).y == [5.0, 7.0]
    # One huge value does not spoil the means far from it.
    spiked = smooth(Line("x", [float(i) for i in range(n)], [1e30] + [1.0] * (n - 1)))
    assert spiked.y[-1] == 1.0


def test_a_single_peak_does_not_flatten_the_curve_and_is_told() -> None:
    y = [1.0 + 0.1 * (i % 5) for i in range(500)]
    y[100] = 1e6
    low, high = limits(y)
    assert 0 < low < 1 and high < 3
    drawing = plot("t", [Line("x", [float(i) for i in range(500)], y)])
    assert "cut off: peak at 1e+06" in drawing
    assert "cut off" not in plot("t", [Line("x", [0.0, 1.0], [0.0, 1.0])])


def test_levels_are_within_the_axis() -> None:
    low, high = limits([0.0, 0.1], [-1.386])
    assert low < -1.386 and high > 0.1


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1.45, -0.6), (0, 30_080), (3e-7, 9e-7), (1e15, 1e15 + 4), (-1e100, 1e100)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    marks = ticks(low, high)
    step = marks[1] - marks[0]
    assert 3 <= len(marks) <= 11 and all(low - step * 1e-6 <= mark <= high + step * 1e-6 for mark in marks)
    assert re.fullmatch(r"[125]\.0+e.*", f"{step:.3e}")


def test_tick_labels_tell_neighbours_apart() -> None:
    for low, high in ((0, 1), (-0.02, 0.013), (100, 101), (0, 5e5)):
        marks = ticks(low, high)
        assert len({label(mark, marks[1] - marks[0]) for mark in marks}) == len(marks)
    assert [count(x) for x in (0, 500, 20_000, 1_500_000, 2e9)] == ["0", "500", "20k", "1.5M", "2G"]


def test_a_scale_holds_what_lies_outside_at_its_edge() -> None:
    scale = Scale(0.0, 10.0, 100.0, 0.0)
    assert [scale(v) for v in (0, 10, 2.5, -5, 1e300)] == [100, 0, 75, 100, 0]


def test_spread_takes_both_ends() -> None:
    assert spread(5, 40) == [0, 1, 2, 3, 4] and spread(0, 40) == []
    picked = spread(200, 40)
    assert (picked[0], picked[-1], len(set(picked))) == (0, 199, 40)
