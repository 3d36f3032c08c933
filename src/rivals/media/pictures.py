"""Tensors to pictures and back: files, grids with the tiles apart, WebP animations. Values are in [-1, 1]."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.media.decode import refuse_pipe

PAPER = "#9aa7b8"  # neither black nor white, so that a tile's edge shows against both
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def picture(values: Float[Tensor, "c h w"]) -> Image.Image:
    """One picture of 1, 3 or 4 channels, of others the first three or the first; values outside [-1, 1] are clipped."""
    if len(values) not in MODES:
        values = values[: 3 if len(values) > 3 else 1]
    pixels = ((values.detach().cpu().float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels, MODES[pixels.shape[2]])


def scale_of(height: int, width: int) -> int:
    """How many times to enlarge pictures for a sheet: to 64 pixels or so, and not at all from there on."""
    return max(1, 64 // max(height, width))


def grid(values: Float[Tensor, "n c h w"], columns: int, *, scale: int = 1, gap: int = 6) -> Image.Image:
    """Rows of `columns` pictures, each enlarged `scale` times without smoothing, `gap` pixels apart on blue-grey; what is
    transparent, over white."""
    _, _, h, w = values.shape
    rows = -(-len(values) // columns)
    sheet = Image.new("RGB", (columns * (w * scale + gap) + gap, rows * (h * scale + gap) + gap), PAPER)
    for i, tile in enumerate(values):
        at = gap + i % columns * (w * scale + gap), gap + i // columns * (h * scale + gap)
        shown = picture(tile).resize((w * scale, h * scale), Image.Resampling.NEAREST)
        if shown.mode == "RGBA":
            shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
        sheet.paste(shown, at)
    return sheet


def animate(frames: Sequence[Path], path: Path, *, seconds: float = 6.0, hold: float = 2.0) -> None:
    """The pictures one after the other as an endless WebP: `seconds` in all, then the last one held."""
    pictures = [Image.open(frame).convert("RGB") for frame in frames]
    each = max(int(1000 * seconds / len(pictures)), 20)
    durations = [each] * (len(pictures) - 1) + [each + int(1000 * hold)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, lossless=True)


def read(path: Path, *, channels: int, height: int, width: int) -> Float[Tensor, "c h w"]:
    """A picture file as values in [-1, 1]; raises UserError where it cannot be read or has another size.

    PNG, JPEG, WebP or TIFF, of 8 bits a channel or grey of 16. Grey becomes three equal channels where three are asked for.
    """
    if channels not in MODES:
        raise UserError(f"{path}: this model's pictures have {channels} channels, which no picture file holds")
    refuse_pipe(path)
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP", "TIFF")) as image:
            if image.size != (width, height):
                raise UserError(f"{path} is {image.width}x{image.height} pixels; this model takes {width}x{height}")
            pixels = _deep(image, channels) if image.mode.startswith("I;16") else _shallow(path, image, channels)
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no whole PNG, JPEG, WebP or TIFF picture"
        raise UserError(f"{path} cannot be read: {reason}") from None
    return torch.from_numpy(pixels / 127.5 - 1).reshape(height, width, channels).permute(2, 0, 1)


def _shallow(path: Path, image: Image.Image, channels: int) -> np.ndarray:
    """8 bits a channel -> 0 to 255."""
    if image.mode.startswith(("I", "F")):
        raise UserError(f"{path} has more than 16 bits a pixel: save it with 8 or 16")
    return np.asarray(image.convert(MODES[channels]), dtype=np.float32)


def _deep(image: Image.Image, channels: int) -> np.ndarray:
    """16 bits of grey -> 0 to 255 with fractions; Pillow's own conversion would cut them off at 255."""
    grey = np.asarray(image, dtype=np.float32)[:, :, None] / 257
    opaque = np.full_like(grey, 255)
    return np.concatenate([grey] * min(channels, 3) + [opaque] * (channels == 4), 2)


def write(values: Float[Tensor, "n c h w"], label: Tensor | None, folder: Path, *, scale: int = 1) -> list[Path]:
    """samples.npz (values, label), grid.png, and each picture as a PNG file named by its number and label.

    Pictures of 2 or of more than 4 channels fit no PNG: of them the grid shows the first one or three. label: (n,) numbers, or
    (n, k), which no file is named by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"samples": values.cpu().numpy()} | ({} if label is None else {"label": label.cpu().numpy()})
    np.savez_compressed(folder / "samples.npz", **arrays)
    grid(values[:400], max(round(min(len(values), 400) ** 0.5), 1), scale=scale).save(folder / "grid.png")
    made = [folder / "samples.npz", folder / "grid.png"]
    for i, tile in enumerate(values if values.shape[1] in MODES else ()):
        name = f"{i:06d}.png" if label is None or label.ndim > 1 else f"{i:06d}-{int(label[i])}.png"
        picture(tile).save(folder / name)
        made.append(folder / name)
    return made
