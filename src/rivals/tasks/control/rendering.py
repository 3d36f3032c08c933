"""Rendering: the two own environments drawn by Pillow from their observations, and clips of several actors side by side."""

import io
import math
from collections.abc import Callable, Mapping

import torch
from PIL import Image, ImageDraw, ImageFont

from rivals.core.types import Float, Tensor

SIDE, FINE = 168, 3  # pixels of a panel, and how many times finer it is drawn
PAPER, INK, SOFT = "#f7f6f2", "#1f2d3a", "#c9ccd1"
COLOURS = ("#2a8f5b", "#2f6db5", "#b5542f", "#777777")
FRAMES, PACE = 100, 50  # of a clip at most; milliseconds of each
Canvas = ImageDraw.ImageDraw


def pendulum(canvas: Canvas, observation: Float[Tensor, "3"], colour: str) -> None:
    """The rod from the middle; upright is up."""
    cos, sin, _ = observation.tolist()
    middle, length = SIDE * FINE / 2, SIDE * FINE * 0.36
    tip = middle - length * sin, middle - length * cos
    canvas.line([(middle, middle), tip], fill=colour, width=9 * FINE)
    for place, radius in ((tip, 9), ((middle, middle), 5)):
        _disc(canvas, place, radius * FINE, colour if radius == 9 else INK)


def cart(canvas: Canvas, observation: Float[Tensor, "4"], colour: str) -> None:
    """A window of 4.8 with the track's limits at its edges; a fallen pole hangs, a cart that has left is not seen."""
    x, _, angle, _ = observation.tolist()
    side = SIDE * FINE
    ground, middle, length = side * 0.72, side / 2 + x / 2.4 * side / 2, side * 0.42
    canvas.line([(0, ground), (side, ground)], fill=SOFT, width=2 * FINE)
    canvas.rectangle([middle - 16 * FINE, ground - 8 * FINE, middle + 16 * FINE, ground + 8 * FINE], fill=INK)
    tip = middle + length * math.sin(angle), ground - length * math.cos(angle)
    canvas.line([(middle, ground), tip], fill=colour, width=6 * FINE)
    _disc(canvas, tip, 6 * FINE, colour)


DRAWN: Mapping[str, Callable[[Canvas, Tensor, str], None]] = {"Pendulum": pendulum, "CartPole": cart}


def _disc(canvas: Canvas, place: tuple[float, float], radius: float, colour: str) -> None:
    canvas.ellipse([place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius], fill=colour)


def panel(name: str, observation: Tensor, title: str, colour: str) -> Image.Image:
    """One actor at one moment."""
    image = Image.new("RGB", (SIDE * FINE, SIDE * FINE), PAPER)
    DRAWN[name](ImageDraw.Draw(image), observation, colour)
    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    ImageDraw.Draw(image).text((8, 6), title, fill=INK, font=ImageFont.load_default(13))
    return image


def clip(name: str, actors: Mapping[str, Float[Tensor, "t d"]]) -> Image.Image:
    """An endless WebP, opened: actors side by side, each by name and the observations of one episode."""
    longest = max(len(each) for each in actors.values())
    frames = []
    for moment in torch.linspace(0, longest - 1, min(FRAMES, longest)).round().int().tolist():
        frame = Image.new("RGB", (len(actors) * (SIDE + 4) - 4, SIDE), SOFT)
        for place, (title, seen) in enumerate(actors.items()):
            shown = panel(name, seen[min(moment, len(seen) - 1)], title, COLOURS[place % len(COLOURS)])
            frame.paste(shown, (place * (SIDE + 4), 0))
        frames.append(frame)
    made = io.BytesIO()
    frames[0].save(made, "WEBP", save_all=True, append_images=frames[1:], duration=PACE, loop=0, quality=80, method=4)
    return Image.open(made)
