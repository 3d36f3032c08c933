"""Series as pictures: real ones on the left, generated ones beside them, a row for each channel; drawn with Pillow alone."""

from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from rivals.core.trainer import Report, Trainer, Watcher
from rivals.tasks.series.layout import Layout, Series

WIDTH, HEIGHT, GAP, SCALE = 300, 110, 14, 2  # of a panel; drawn larger, then halved, so that lines are smooth
LINES, CHANNELS = 6, 8  # at most so many series in a panel, and channels
INK = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#4a5568")


def beside(layout: Layout, real: Series, fake: Series) -> Image.Image:
    """Up to six series of each, in up to eight channels, by the range of the real ones shown."""
    names = [each.name for each in layout.channels[:CHANNELS]]
    wide, high = (2 * WIDTH + 3 * GAP) * SCALE, (len(names) * (HEIGHT + 2 * GAP) + 2 * GAP) * SCALE
    sheet = Image.new("RGB", (wide, high), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (title, part) in enumerate((("real", real), ("synthetic", fake))):
        left = (GAP + column * (WIDTH + GAP)) * SCALE
        for row, name in enumerate(names):
            top = (2 * GAP + row * (HEIGHT + 2 * GAP)) * SCALE
            box = (left, top, left + WIDTH * SCALE, top + HEIGHT * SCALE)
            draw.rectangle(box, outline="#d0d7de", width=SCALE)
            draw.text((left, top - 13 * SCALE), f"{name[:30]}  {title}", fill="#24292f", font_size=10 * SCALE)
            _lines(draw, box, part, row, _range(real, row))
    return sheet.resize((wide // SCALE, high // SCALE), Image.Resampling.LANCZOS)


def _range(real: Series, channel: int) -> tuple[float, float]:
    shown = real.values[:LINES, :, channel]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    return low, high if high > low else low + 1


def _lines(draw: Any, box: tuple[int, int, int, int], part: Series, channel: int, limits: tuple[float, float]) -> None:
    left, top, right, bottom = box
    low, high = limits[0] - 0.15 * (limits[1] - limits[0]), limits[1] + 0.15 * (limits[1] - limits[0])
    for at in range(min(LINES, len(part))):
        values = part.values[at, : part.lengths[at], channel].clip(low, high)
        x = left + (right - left) * np.arange(len(values)) / max(part.values.shape[1] - 1, 1)
        y = bottom - (bottom - top) * (values - low) / (high - low)
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=INK[at % len(INK)], width=2 * SCALE, joint="curve")


def previews(layout: Layout, real: Series) -> Watcher:
    """A watcher that writes samples/<seen>.png: what the averaged game makes of the same noise, beside the same real series."""

    def preview(trainer: Trainer[Any], report: Report) -> None:
        if trainer.store is None:
            return
        with trainer.averaged() as average:
            samples = average.sample(LINES, noise=torch.Generator().manual_seed(trainer.seed))
            sheet = beside(layout, real, trainer.game.decode(samples))
        trainer.store.write(f"samples/{report.seen:012d}.png", lambda file: sheet.save(file, "PNG"))

    return preview
