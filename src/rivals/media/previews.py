"""Previews: what the averaged generator makes of the same latents, again and again while it learns."""

from typing import Any

import torch

from rivals.core.trainer import Report, Trainer, Watcher
from rivals.games.gan import Sample
from rivals.media.pictures import grid


def previews(classes: int, *, scale: int) -> Watcher:
    """A watcher that writes samples/<seen>.png: eight rows of fixed latents, a column for each of up to ten classes.

    classes: 0 for eight columns without a condition. scale: of a pixel, enlarged without smoothing.
    """
    columns = min(classes or 8, 10)
    count = 8 * columns

    def preview(trainer: Trainer[Any], report: Report) -> None:
        if trainer.store is None:
            return
        given = Sample.wanted(torch.arange(count) % columns) if classes else None
        with trainer.averaged() as average:
            images = average.sample(count, given=given, noise=torch.Generator().manual_seed(trainer.seed))
        sheet = grid(images, columns, scale=scale)
        trainer.store.write(f"samples/{report.seen:012d}.png", lambda file: sheet.save(file, "PNG"))

    return preview
