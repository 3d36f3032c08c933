"""A moment as a small picture, for samples/<seen>.png and the animation; the page draws the same from the numbers.

On the line it is the figure of Goodfellow et al. 2014 (arXiv:1406.2661): the data's density dotted, the generator's green,
D dashed blue, and below the map from z to x.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from rivals.tasks.lab.distributions import Distribution

SIZE, OVER = 400, 2  # pixels a side; drawn so many times larger, for smooth edges
INK, GREEN, BLUE, RED, RULE = "#1a1f27", "#1d8a4a", "#1f5fbf", "#b3261e", "#c8ced6"
NET, SOFT = "#7dbb95", "#7a8494"
REAL, MIDDLE, FAKE = (150, 190, 240), (255, 255, 255), (250, 190, 140)  # D = 1, 1/2, 0
Point = tuple[float, float]


def frame(data: Distribution, real: Sequence[float], moment: Mapping[str, Any]) -> Image.Image:
    """The picture of one moment. real: the data's points (x, y, x, y ...), or on the line its density at the places of D."""
    canvas = Image.new("RGB", (SIZE * OVER, SIZE * OVER), "white")
    (line if data.dimensions == 1 else plane)(canvas, data.view, real, moment)
    return light(canvas)


def light(canvas: Image.Image) -> Image.Image:
    """The canvas at its final size, in a palette of its own colours, so that sixty frames weigh little."""
    inks = [ImageColor.getrgb(colour) for colour in (INK, GREEN, BLUE, RED, RULE, NET, SOFT)]
    shades = [(ink, k / 5) for ink in inks for k in range(1, 6)] + [(end, k / 12) for end in (REAL, FAKE) for k in range(13)]
    mixed = [round(255 + (value - 255) * share) for colour, share in shades for value in colour]
    palette = Image.new("P", (1, 1))
    palette.putpalette(mixed)
    small = canvas.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return small.quantize(palette=palette, dither=Image.Dither.NONE)


def pairs(flat: Sequence[float]) -> list[Point]:
    """x, y, x, y ... -> (x, y), (x, y) ..."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def plane(canvas: Image.Image, view: float, real: Sequence[float], moment: Mapping[str, Any]) -> None:
    """D's surface in colour, real points dark, the lattice of z warped by G, generated points and the pushes on them."""
    side, unit = canvas.width, canvas.width / (2 * view)
    canvas.paste(surface(moment["surface"]).resize(canvas.size, Image.Resampling.BICUBIC))
    draw = ImageDraw.Draw(canvas)

    def at(point: Point) -> Point:
        return (point[0] + view) * unit, (view - point[1]) * unit

    for point in pairs(real):
        dot(draw, at(point), 2.5, INK)
    warped = [at(point) for point in pairs(moment["lattice"])]
    count = round(len(warped) ** 0.5)
    for i in range(count):
        draw.line(warped[i * count : (i + 1) * count], fill=NET, width=2)
        draw.line(warped[i::count], fill=NET, width=2)
    points = pairs(moment["points"])
    for point, push in zip(points, pairs(moment["push"]), strict=False):
        length = (push[0] ** 2 + push[1] ** 2) ** 0.5
        reach = 0.14 * view * length / (length + 1) / max(length, 1e-9)  # short of 0.14 of the view, however steep D is
        draw.line([at(point), at((point[0] + push[0] * reach, point[1] + push[1] * reach))], fill=RED, width=3)
    for point in points:
        dot(draw, at(point), 4, GREEN)
    draw.rectangle((0, 0, side - 1, side - 1), outline=RULE, width=2)


def surface(levels: Sequence[int]) -> Image.Image:
    """D from 0 (orange) over 1/2 (white) to 255 (blue)."""
    side = round(len(levels) ** 0.5)
    share = np.asarray(levels, dtype=np.float32).reshape(side, side, 1) / 127.5 - 1
    ends = np.where(share > 0, np.asarray(REAL, np.float32), np.asarray(FAKE, np.float32))
    return Image.fromarray((np.asarray(MIDDLE, np.float32) * (1 - abs(share)) + ends * abs(share)).round().astype(np.uint8))


def line(canvas: Image.Image, view: float, real: Sequence[float], moment: Mapping[str, Any]) -> None:
    """The classic figure; densities share a scale, D has its own from 0 to 1."""
    side, draw = canvas.width, ImageDraw.Draw(canvas)
    floor, ceiling, below = side * 0.62, side * 0.06, side * 0.92
    top = max(real) * 1.6

    def curve(values: Sequence[float], most: float) -> list[Point]:
        last = len(values) - 1
        return [(i / last * side, floor - min(v / most, 1.0) * (floor - ceiling)) for i, v in enumerate(values)]

    half = floor - (floor - ceiling) / 2
    draw.line([(0, half), (side, half)], fill=RULE, width=2)
    draw.line(curve(moment["density"], top), fill=GREEN, width=6, joint="curve")
    for x, y in curve(real, top):
        dot(draw, (x, y), 3.5, INK)
    dashes(draw, curve(moment["D"], 1.0), BLUE)
    for y in (floor, below):
        draw.line([(0, y), (side, y)], fill=INK, width=2)
    for z, x in zip(moment["z"], moment["x"], strict=True):
        ends = [((value + reach) / (2 * reach) * side, y) for value, reach, y in ((z, 2.6, below), (x, view, floor))]
        draw.line(ends, fill=SOFT, width=2)


def dashes(draw: ImageDraw.ImageDraw, points: Sequence[Point], colour: str, on: int = 3, off: int = 2) -> None:
    """Every few points of a line, with gaps."""
    for start in range(0, len(points) - 1, on + off):
        draw.line(list(points[start : start + on + 1]), fill=colour, width=5)


def dot(draw: ImageDraw.ImageDraw, at: Point, radius: float, colour: str) -> None:
    """A filled circle."""
    draw.ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=colour)
