"""Small files of series, made from a seed."""

from pathlib import Path

import numpy as np


def customers(path: Path, count: int = 60, *, seed: int = 0) -> Path:
    """Long: days of customers, 8 to 20 each; a's level depends on the segment; one number an entity."""
    draw, lines = np.random.default_rng(seed), ["id,day,segment,age,a,b"]
    for at in range(count):
        segment, age = "AB"[at % 2], int(draw.integers(18, 80))
        for day in range(int(draw.integers(8, 21))):
            value = draw.normal() + (3 if segment == "A" else 0)
            lines.append(f"c{at},2026-01-{day + 1:02d},{segment},{age},{value:.2f},{draw.integers(5)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def walk(path: Path, steps: int = 400, *, seed: int = 0) -> Path:
    """One long series of two channels, hourly."""
    draw = np.random.default_rng(seed)
    values = np.cumsum(draw.normal(size=(steps, 2)), 0)
    hours = np.datetime64("2026-01-01T00:00") + np.arange(steps) * np.timedelta64(1, "h")
    lines = [f"{str(hour).replace('T', ' ')}:00,{x:.3f},{y:.3f}" for hour, (x, y) in zip(hours, values, strict=True)]
    path.write_text("time,x,y\n" + "\n".join(lines) + "\n")
    return path
