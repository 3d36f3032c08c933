"""Pictures of a synthetic table beside the real one: every column, the strongest pairs, and how all columns hang together."""

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import judged, numbers, numeric, sample
from rivals.tasks.tables.judging.drawing import (
    BLUE,
    FAKE,
    FONT,
    INK,
    REAL,
    RED,
    SMALL,
    SOFT,
    Box,
    cut,
    legend,
    paper,
    shade,
    upright,
    value,
)
from rivals.tasks.tables.judging.pair_charts import pair_charts
from rivals.tasks.tables.judging.pairs import Pair, pairs
from rivals.tasks.tables.judging.shapes import shapes

ROWS = 10_000
COLUMNS = 24  # columns that are drawn; pairs are taken among these too
STRONGEST = 6
BINS, LEVELS = 24, 7
WIDTH, HEIGHT, ACROSS = 300, 200, 4  # of one column's picture, and how many stand beside each other


def charts(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> dict[str, Image.Image]:
    """ "columns", "pairs" and "associations", of up to 10,000 rows each and the first 24 judged columns; {} where none is."""
    names = judged(schema)[:COLUMNS]
    if not names:
        return {}
    shown = Schema(tuple(column for column in schema.columns if column.name in names))
    real, fake = sample(real[names], ROWS, 0), sample(fake[names], ROWS, 1)
    made = {"columns": _columns(real, fake, shown)}
    found = pairs(real, fake, shown).pairs
    if found:
        strongest = sorted(found, key=lambda pair: -pair.strength)[:STRONGEST]
        made["pairs"] = pair_charts(real, fake, shown, strongest)
        made["associations"] = _associations(found, pairs(fake, real, shown).pairs, names)
    return made


def _columns(real: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> Image.Image:
    found, continuous = shapes(real, fake, schema).columns, set(numeric(schema))
    across = min(ACROSS, len(found))
    image = paper(across * WIDTH, -(-len(found) // across) * HEIGHT + 30)
    draw = ImageDraw.Draw(image)
    legend(draw, 10, 8)
    for place, (name, alike) in enumerate(found.items()):
        x, y = place % across * WIDTH + 10, place // across * HEIGHT + 34
        share = f"{100 * alike:.1f} % alike"
        left = WIDTH - 20 - draw.textlength(share, SMALL)
        draw.text((x, y), cut(draw, name, left - 8, FONT), INK, FONT)
        draw.text((x + left, y + 2), share, SOFT, SMALL)
        box = (x, y + 20, x + WIDTH - 20, y + HEIGHT - 14)
        (_histogram if name in continuous else _bars)(draw, box, real[name], fake[name])
    return image


def _histogram(draw: ImageDraw.ImageDraw, box: Box, real: "pd.Series[object]", fake: "pd.Series[object]") -> None:
    """Shares of the rows in equal bins of the middle 99 % of the real values; the ends hold what lies beyond."""
    left, top, right, bottom = box
    known, made = (values[~np.isnan(values)] for values in (numbers(real), numbers(fake)))
    if not len(known):
        draw.text((left, top), "missing cells only", SOFT, SMALL)
        return
    low, high = np.quantile(known, [0.005, 0.995])
    low, high = (low, high) if high > low else (known.min() - 0.5, known.max() + 0.5)
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(np.clip(each, low, high), edges)[0] / max(1, len(each)) for each in (known, made)]
    base, tall, step = bottom - 16, max(each.max() for each in shares), (right - left) / BINS
    for place, share in enumerate(shares[0]):
        draw.rectangle((left + place * step, base - share / tall * (base - top), left + (place + 1) * step - 1, base), REAL)
    line = []
    for place, share in enumerate(shares[1]):
        height = base - share / tall * (base - top)
        line += [(left + place * step, height), (left + (place + 1) * step, height)]
    draw.line(line, FAKE, 2)
    draw.line((left, base, right, base), SOFT)
    ends = [value(each, real) for each in (low, high)]
    draw.text((left, base + 2), ends[0], SOFT, SMALL)
    draw.text((right - draw.textlength(ends[1], SMALL), base + 2), ends[1], SOFT, SMALL)


def _bars(draw: ImageDraw.ImageDraw, box: Box, real: "pd.Series[object]", fake: "pd.Series[object]") -> None:
    """Shares of the seven most frequent real levels, and of the rest together."""
    left, top, right, _ = box
    shares = [each.astype(object).fillna("(missing)").map(str).value_counts(normalize=True) for each in (real, fake)]
    names = list(shares[0].index[: LEVELS if len(shares[0]) <= LEVELS else LEVELS - 1])
    rows = [(name, [float(each.get(name, 0.0)) for each in shares]) for name in names]
    rest = [1 - sum(pair[1][side] for pair in rows) for side in (0, 1)]
    rows += [("(others)", rest)] if max(rest) > 1e-9 else []
    widest, start = max(max(pair) for _, pair in rows), left + 112
    for place, (name, (one, other)) in enumerate(rows):
        y = top + place * 21
        draw.text((left, y + 2), cut(draw, name, 106, SMALL), INK, SMALL)
        for share, colour, below in ((one, REAL, 2), (other, FAKE, 9)):
            draw.rectangle((start, y + below, start + max(0.0, share) / widest * (right - start), y + below + 6), colour)


def _associations(real: list[Pair], fake: list[Pair], names: list[str]) -> Image.Image:
    """|r| of two numbers, Cramer's V of other pairs: in the real table, in the synthetic one, and synthetic less real."""
    index = {name: place for place, name in enumerate(names)}
    tables = [np.eye(len(names)), np.eye(len(names))]
    for table, found in zip(tables, (real, fake), strict=True):
        for pair in found:
            one, other = index[pair.one], index[pair.other]
            table[one, other] = table[other, one] = pair.strength
    cell = max(16, min(28, 420 // len(names)))
    margin, side = 120, cell * len(names)
    image = paper(margin + 3 * (side + 24), margin + side + 40)
    draw = ImageDraw.Draw(image)
    for panel, (title, table) in enumerate(
        zip(("real", "synthetic", "synthetic less real"), [*tables, tables[1] - tables[0]], strict=True)
    ):
        left, top = margin + panel * (side + 24), margin + 24
        draw.text((left, 6), title, INK, FONT)
        for place, name in enumerate(names):
            upright(image, name, left + place * cell + (cell - 15) // 2, top - margin + 26, margin - 28)
            if not panel:
                text = cut(draw, name, margin - 8, SMALL)
                draw.text((left - 6 - draw.textlength(text, SMALL), top + place * cell + (cell - 13) // 2), text, INK, SMALL)
            for other in range(len(names)):
                strength = float(table[place, other])
                corner = (left + other * cell, top + place * cell)
                colour = shade(min(1.0, abs(strength)), RED if strength < 0 else BLUE)
                draw.rectangle((*corner, corner[0] + cell - 2, corner[1] + cell - 2), colour)
    return image
