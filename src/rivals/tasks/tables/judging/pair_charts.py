"""Two columns together, real beside synthetic: points of two numbers, else the joint table."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import codes, numbers, numeric
from rivals.tasks.tables.judging.drawing import BLUE, FAKE, FONT, INK, RED, SMALL, SOFT, Box, cut, hanging, paper, shade, value
from rivals.tasks.tables.judging.pairs import Pair

SIDE, LEFT, BELOW, TITLE = 210, 110, 110, 36  # of one panel, its labels and its title, in pixels
BINS, LEVELS, POINTS = 10, 12, 1500
DOTS = ("#215a96", FAKE)


class _Axis(NamedTuple):
    """Real and synthetic cells from 0 to 1, NaN where not drawn; the words at places of the axis; the number of cells, or 0."""

    cells: tuple[np.ndarray, np.ndarray]
    words: list[tuple[float, str]]
    steps: int


def pair_charts(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema, found: list[Pair]) -> Image.Image:
    """Real left and synthetic right of each pair; darker where more rows are."""
    continuous, across = set(numeric(schema)), min(2, len(found))
    wide, high = LEFT + 2 * SIDE + 40, TITLE + SIDE + BELOW
    image = paper(across * wide, -(-len(found) // across) * high)
    draw = ImageDraw.Draw(image)
    for place, pair in enumerate(found):
        x, y = place % across * wide, place // across * high + 8
        linear = pair.one in continuous and pair.other in continuous
        axes = [_axis(real[name], fake[name], name in continuous, not linear) for name in (pair.one, pair.other)]
        draw.text((x + 10, y), cut(draw, f"{pair.other}, by {pair.one}", wide - 30, FONT), INK, FONT)
        strength = f"{'|r|' if linear else 'V'} {pair.strength:.2f}, {100 * pair.similarity:.1f} % alike"
        draw.text((x + 10, y + 16), f"real left, synthetic right; {strength}", SOFT, SMALL)
        for side in (0, 1):
            left, top = x + LEFT + side * (SIDE + 10), y + TITLE
            box = (left, top, left + SIDE, top + SIDE)
            _panel(draw, box, axes, side, linear)
            draw.rectangle(box, outline=SOFT)
            for at, word in axes[0].words:
                hanging(image, word, left + at * SIDE - 7, top + SIDE + 3, BELOW - 18)
        for at, word in axes[1].words:
            text = cut(draw, word, LEFT - 16, SMALL)
            draw.text((x + LEFT - 6 - draw.textlength(text, SMALL), y + TITLE + (1 - at) * SIDE - 7), text, INK, SMALL)
    return image


def _axis(real: "pd.Series[object]", fake: "pd.Series[object]", continuous: bool, binned: bool) -> _Axis:
    """A number over its middle 99 %, in ten bins where it stands beside a category; the twelve most frequent levels."""
    if continuous:
        known, made = numbers(real), numbers(fake)
        present = known[~np.isnan(known)]
        low, high = np.quantile(present, [0.005, 0.995]) if len(present) else (0.0, 1.0)
        one, other = ((each - low) / ((high - low) or 1.0) for each in (known, made))
        one, other = (np.where((each >= 0) & (each <= 1), each, np.nan) for each in (one, other))
        if binned:
            one, other = ((np.minimum(np.floor(each * BINS), BINS - 1) + 0.5) / BINS for each in (one, other))
        words = [(at, value(low + at * (high - low), real)) for at in (0.04, 0.5, 0.96)]
        return _Axis((one, other), words, BINS if binned else 0)
    (known, made), levels = codes(real, fake)
    counts = np.bincount(known[known >= 0], minlength=levels)
    first = np.argsort(-counts, kind="stable")[:LEVELS]
    places = np.full(levels + 1, np.nan)  # the last one is what a missing cell's -1 points to
    places[first] = (np.arange(len(first)) + 0.5) / len(first)
    names = {code: str(cell) for code, cell in zip(np.append(known, made), [*real, *fake], strict=True)}
    return _Axis((places[known], places[made]), [(places[code], names[code]) for code in first], len(first))


def _panel(draw: ImageDraw.ImageDraw, box: Box, axes: list[_Axis], side: int, linear: bool) -> None:
    left, top, right, bottom = box
    x, y = (axis.cells[side] for axis in axes)
    there = np.isfinite(x) & np.isfinite(y)
    if linear:
        for across, up in zip(x[there][:POINTS], y[there][:POINTS], strict=True):
            at = (left + across * (right - left), bottom - up * (bottom - top))
            draw.ellipse((at[0] - 1.5, at[1] - 1.5, at[0] + 1.5, at[1] + 1.5), DOTS[side])
        return
    cells, counts = np.unique(np.stack([x[there], y[there]], 1), axis=0, return_counts=True)
    wide, tall = ((right - left) / axes[0].steps, (bottom - top) / axes[1].steps)
    for (across, up), count in zip(cells, counts, strict=True):
        corner = (left + across * (right - left) - wide / 2, bottom - up * (bottom - top) - tall / 2)
        colour = shade(float(count / counts.max()) ** 0.5, (BLUE, RED)[side])
        draw.rectangle((*corner, corner[0] + wide, corner[1] + tall), colour)
