"""Label maps, whose pixels are class numbers or colours of a palette, as planes of 0 and 1, and as colours to look at."""

import colorsys
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.media.fit import covering
from rivals.media.gallery import Gallery

MOST = 64  # classes that are found without --classes or --palette: a grey picture has more values
UNLABELLED = 255  # a pixel of no class: 0 in every plane
Palette = list[tuple[int, int, int]]


def palette(file: Path) -> Palette:
    """The colours of a JSON file: a list of [red, green, blue] in the classes' order, or an object {name: colour}."""
    try:
        told = json.loads(file.read_text(encoding="utf8"))
        colours = [tuple(int(each) for each in colour) for colour in (told.values() if isinstance(told, dict) else told)]
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{file} is no palette: give JSON, a list of [red, green, blue], one a class") from None
    if not colours or any(len(each) != 3 or not all(0 <= value <= 255 for value in each) for each in colours):
        raise UserError(f"{file} is no palette: each colour is three numbers from 0 to 255")
    if len(set(colours)) < len(colours) or len(colours) > UNLABELLED:
        raise UserError(f"{file}: a palette has up to {UNLABELLED} different colours")
    return colours  # type: ignore[return-value]


def looks_like_maps(pictures: Gallery) -> bool:
    """Whether grey pictures hold few and small values, as class numbers are."""
    return pictures.channels == 1 and all(_numbers(each) for each in pictures.pixels)


def _numbers(pixels: np.ndarray) -> bool:
    return bool((pixels[pixels != UNLABELLED] < MOST).all())


def classes_of(pictures: Gallery) -> int:
    """One more than the largest class number."""
    return 1 + max(int(each[each != UNLABELLED].max(initial=0)) for each in pictures.pixels)


def numbers(pictures: Gallery, classes: int) -> Gallery:
    """Grey pictures as they are, refused where a value is no class number. Raises UserError."""
    for name, each in zip(pictures.names, pictures.pixels, strict=True):
        high = int(each[each != UNLABELLED].max(initial=0))
        if high >= classes:
            raise UserError(f"{name} has the class number {high}, and {classes} classes are numbered 0 to {classes - 1}: "
                            f"give --classes {high + 1}, or mend the map ({UNLABELLED} is no class)")  # fmt: skip
    return pictures


def by_palette(pictures: Gallery, colours: Palette) -> Gallery:
    """Coloured maps as class numbers (h, w, 1); raises UserError for a colour that is not in the palette."""
    known = {red << 16 | green << 8 | blue: number for number, (red, green, blue) in enumerate(colours)}
    found = []
    for name, pixels in zip(pictures.names, pictures.pixels, strict=True):
        codes = pixels[..., :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        present, places = np.unique(codes, return_inverse=True)
        unknown = [code for code in present.tolist() if code not in known]
        if unknown:
            colour = unknown[0] >> 16, unknown[0] >> 8 & 255, unknown[0] & 255
            raise UserError(f"{name}: {len(unknown)} colours are not in the palette, the first {list(colour)}: add them to it, "
                            "or save the map as PNG without smoothing")  # fmt: skip
        table = np.array([known[code] for code in present.tolist()], np.uint8)
        found.append(table[places].reshape(*codes.shape, 1))
    return Gallery(pictures.names, found)


def nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Class numbers (h, w, 1) scaled to cover (height, width) and cut, without mixing classes."""
    image = Image.fromarray(pixels[..., 0])
    box = covering(*pixels.shape[:2], height, width)
    return np.asarray(image.resize((width, height), Image.Resampling.NEAREST, box))[..., None]


def planes(numbers: Tensor, classes: int) -> Float[Tensor, "n classes h w"]:
    """Class numbers (n, 1, h, w) as a plane of 0 and 1 for each class."""
    return (numbers == torch.arange(classes, device=numbers.device)[:, None, None]).float()


def coloured(planes: Float[Tensor, "n k h w"], colours: Palette | None) -> Float[Tensor, "n 3 h w"]:
    """Planes as pictures in [-1, 1] to look at; pixels of no class are black."""
    shown = colours or colours_of(planes.shape[1])
    return torch.einsum("nkhw,kc->nchw", planes.cpu(), torch.tensor(shown).float() / 127.5) - 1


def colours_of(count: int) -> Palette:
    """As many colours as different as possible: hues by the golden ratio, in three lightnesses."""
    found = []
    for number in range(count):
        red, green, blue = colorsys.hls_to_rgb(number * 0.618 % 1, (0.5, 0.35, 0.7)[number % 3], 0.75)
        found.append((round(255 * red), round(255 * green), round(255 * blue)))
    return found
