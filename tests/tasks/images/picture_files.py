"""Small pictures and files of them for the tests."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, height: int = 8, width: int = 6, channels: int = 3) -> np.ndarray:
    """A smooth picture of its own, (height, width, channels) uint8; grey is (height, width)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (2, 2, channels), dtype=np.uint8)
    planes = [Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BILINEAR) for c in range(channels)]
    found = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    return found[..., 0] if channels == 1 else found


def encoded(array: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def folder(path: Path, count: int = 24, *, classes: tuple[str, ...] = (), **shape: int) -> Path:
    """PNG files 000.png ..., in turn in a sub-folder for each class."""
    for i in range(count):
        place = path / classes[i % len(classes)] if classes else path
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:03d}.png").write_bytes(encoded(pixels(i, **shape)))
    return path


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    """A PNG that says what it is told to, whatever its rows hold."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
