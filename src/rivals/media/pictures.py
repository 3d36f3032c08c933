"""Tensors to pictures and back: files, grids with the tiles apart, WebP animations. Values are in [-1, 1]."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor

PAPER = "#9aa7b8"  # neither black nor white, so that a tile's edge shows against both
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def picture(values: Float[Tensor, "c h w"]) -> Image.Image:
    """One picture of 1, 3 or 4 channels; values outside [-1, 1] are clipped."""
    pixels = ((values.detach().cpu().float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels, MODES[pixels.shape[2]])


def grid(values: Float[Tensor, "n c h w"], columns: int, *, scale: int = 1, gap: int = 6) -> Image.Image:
    """Rows of `columns` pictures, each enlarged `scale` times without smoothing, `gap` pixels apart on blue-grey."""
    _, _, h, w = values.shape
    rows = -(-len(values) // columns)
    sheet = Image.new("RGB", (columns * (w * scale + gap) + gap, rows * (h * scale + gap) + gap), PAPER)
    for i, tile in enumerate(values):
        at = gap + i % columns * (w * scale + gap), gap + i // columns * (h * scale + gap)
        sheet.paste(picture(tile).resize((w * scale, h * scale), Image.Resampling.NEAREST), at)
    return sheet


def animate(frames: Sequence[Path], path: Path, *, seconds: float = 6.0, hold: float = 2.0) -> None:
    """The pictures one after the other as an endless WebP: `seconds` in all, then the last one held."""
    pictures = [Image.open(frame).convert("RGB") for frame in frames]
    each = max(int(1000 * seconds / len(pictures)), 20)
    durations = [each] * (len(pictures) - 1) + [each + int(1000 * hold)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, lossless=True)


def read(path: Path, *, channels: int, height: int, width: int) -> Float[Tensor, "c h w"]:
    """A picture file as values in [-1, 1]; raises UserError where it cannot be read or has another size."""
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            if image.size != (width, height):
                raise UserError(f"{path} is {image.width}x{image.height} pixels; this model takes {width}x{height}")
            if image.mode.startswith(("I", "F")):
                raise UserError(f"{path} has more than 8 bits a pixel: save it with 8")
            pixels = np.asarray(image.convert(MODES[channels]), dtype=np.float32)
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no whole PNG, JPEG or WebP picture"
        raise UserError(f"{path} cannot be read: {reason}") from None
    return torch.from_numpy(pixels / 127.5 - 1).reshape(height, width, channels).permute(2, 0, 1)


def write(values: Float[Tensor, "n c h w"], label: Tensor | None, folder: Path, *, scale: int = 1) -> list[Path]:
    """samples.npz (values, label), grid.png, and each picture as a PNG file named by its number and label."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"samples": values.cpu().numpy()} | ({} if label is None else {"label": label.cpu().numpy()})
    np.savez_compressed(folder / "samples.npz", **arrays)
    grid(values[:400], max(round(min(len(values), 400) ** 0.5), 1), scale=scale).save(folder / "grid.png")
    made = [folder / "samples.npz", folder / "grid.png"]
    for i, tile in enumerate(values):
        name = f"{i:06d}.png" if label is None else f"{i:06d}-{int(label[i])}.png"
        picture(tile).save(folder / name)
        made.append(folder / name)
    return made
