"""What the pictures of tables are drawn with: colours, fonts, words cut to a width."""

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

INK, SOFT, REAL, FAKE, PAPER = "#222222", "#777777", "#9db4c8", "#c8501e", "#ffffff"
RED, BLUE, WHITE = np.array([178, 60, 20.0]), np.array([33, 90, 150.0]), np.array([255, 255, 255.0])
FONT, SMALL = ImageFont.load_default(13), ImageFont.load_default(11)
Box = tuple[float, float, float, float]


def paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), PAPER)


def legend(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    for colour, words, where in ((REAL, "real", x), (FAKE, "synthetic", x + 70)):
        draw.rectangle((where, y + 2, where + 14, y + 12), colour)
        draw.text((where + 20, y), words, INK, FONT)


def shade(strength: float, colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (WHITE + strength * (colour - WHITE)).round().astype(int).tolist()
    return red, green, blue


def cut(draw: ImageDraw.ImageDraw, text: str, width: float, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> str:
    """The text, with an ellipsis where it is wider than `width` pixels."""
    text = text.replace("\n", " ")
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."


def value(value: float, cells: "pd.Series[object]") -> str:
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return str(pd.Timestamp(value, unit="s").date())
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def upright(image: Image.Image, text: str, left: float, top: float, tall: int) -> None:
    """A word that runs upwards, ending `tall` pixels below `top`."""
    strip = Image.new("RGB", (tall, 15), PAPER)
    draw = ImageDraw.Draw(strip)
    words = cut(draw, text, tall - 2, SMALL)
    draw.text((0, 0), words, INK, SMALL)
    image.paste(strip.rotate(90, expand=True), (round(left), round(top)))


def hanging(image: Image.Image, text: str, left: float, top: float, tall: int) -> None:
    """A word that runs upwards and ends at `top`."""
    strip = Image.new("RGB", (tall, 15), PAPER)
    draw = ImageDraw.Draw(strip)
    words = cut(draw, text, tall - 2, SMALL)
    draw.text((tall - draw.textlength(words, SMALL) - 1, 0), words, INK, SMALL)
    image.paste(strip.rotate(90, expand=True), (round(left), round(top)))
