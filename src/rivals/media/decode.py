"""The bytes of a picture file -> its pixels, or the reason why there are none.

JPEG, PNG, WebP and TIFF, told by their first bytes. The size is read from the header and refused above CAP before anything
is decoded; then the whole picture is decoded, because a truncated JPEG passes `open` and `verify`.
"""

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from rivals.core.errors import UserError

CAP = 50_000_000
"""Pixels of the largest picture that is decoded."""

OTHERS = {b"GIF8": "GIF", b"BM": "BMP", b"%PDF": "PDF", b"8BPS": "PSD", b"%!PS": "EPS", b"\xc5\xd0\xd3\xc6": "EPS",
          b"<svg": "SVG", b"<?xml": "XML", b"icns": "ICNS", b"\0\0\1\0": "ICO", b"\0\0\0\x0cjP": "JPEG 2000",
          b"\xff\x0a": "JPEG XL",
          b"PK\3\4": "zip", b"\x1f\x8b": "gzip", b"II+\0": "BigTIFF", b"MM\0+": "BigTIFF", b"\x93NUMPY": "npy"}  # fmt: skip
ORIENTATION = 0x0112
MEND = "save it as 8 bits, or the set as a uint16 array in .npy"


class Unreadable(Exception):
    """Why a file gives no picture, in a few words."""


class Header(NamedTuple):
    """What a picture file says of itself: pixels as they are shown (EXIF orientation applied), channels 1, 3 or 4, bits 8 or 16.

    frames: True where there are several, of which the first is taken.
    """

    format: str
    height: int
    width: int
    channels: int
    bits: int
    frames: bool


def sniff(head: bytes) -> str:
    """JPEG, PNG, WEBP or TIFF by the first 16 bytes; raises Unreadable for all else."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    known = next((name for magic, name in OTHERS.items() if head.startswith(magic)), "")
    if head[4:8] == b"ftyp":
        known = "HEIC, AVIF or video"
    if not head:
        raise Unreadable("an empty file")
    raise Unreadable(f"{known or 'its first bytes are of'} {'file' if known else 'no JPEG, PNG, WebP or TIFF'}")


def header(content: bytes) -> Header:
    """What the file's header says; the picture is not decoded, so the orientation that a PNG tells after its pixels is not seen.
    content: the file, or its first bytes where they are enough. Raises Unreadable.
    """
    with _opened(content) as image:
        return _header(image, content)


def decode(content: bytes) -> tuple[np.ndarray, Header]:
    """The whole first picture, (height, width, channels) uint8 or uint16, EXIF orientation applied. Raises Unreadable."""
    with _opened(content) as image:
        if image.format == "PNG":
            image.load()  # its EXIF may come after the pixels
        told = _header(image, content)
        image.load()
        shown = image if image.getexif().get(ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
        if told.bits == 16:
            pixels = np.asarray(shown)
            if pixels.dtype.kind != "u" and (pixels.min(initial=0) < 0 or pixels.max(initial=0) > 65535):
                raise Unreadable("more than 16 bits a pixel")
            pixels = pixels.astype(np.uint16)
        else:
            mode = {1: "L", 3: "RGB", 4: "RGBA"}[told.channels]
            pixels = np.asarray(shown if shown.mode == mode else shown.convert(mode))
        return pixels.reshape(told.height, told.width, told.channels), told


def digest_of(pixels: np.ndarray) -> bytes:
    """The SHA-256 by which pictures that are equal in pixels are found."""
    return hashlib.sha256(repr((pixels.shape, pixels.dtype.str)).encode() + pixels.tobytes()).digest()


def indices(content: bytes) -> np.ndarray | None:
    """Of a picture with a palette the numbers (height, width, 1) that its pixels are; None of any other. Raises Unreadable."""
    with _opened(content) as image:
        image.load()
        return np.asarray(image)[..., None] if image.mode == "P" else None


def refuse_pipe(file: Path) -> None:
    """Raises UserError for a named pipe: files are read more than once, and nobody may be writing."""
    if file.is_fifo():
        raise UserError(f"{file} is a pipe, which cannot be read twice: copy it into a file first")


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """The file, opened; whatever a decoder raises on damaged bytes becomes Unreadable."""
    kind = sniff(content[:16])
    _refuse_large(*_told_size(kind, content))
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            _refuse_large(*image.size)
            yield image
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"more than {CAP // 10**6} megapixels") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, KeyError and more
        words = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise Unreadable(f"a damaged {kind} file ({words.replace('<_io.BytesIO object', '<file')})") from None


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Pillow warns of a picture that is too large where it should refuse; filters are the process's, so set them once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module="PIL")
        yield


def _refuse_large(width: int, height: int) -> None:
    if width * height > CAP:
        raise Unreadable(f"{width}x{height} is more than {CAP // 10**6} megapixels")


def _told_size(kind: str, content: bytes) -> tuple[int, int]:
    """(width, height) where opening alone would make Pillow allocate for it; (0, 0) else."""
    if kind == "PNG" and len(content) >= 24:
        return struct.unpack(">II", content[16:24])
    if kind == "WEBP" and len(content) >= 30:
        chunk = content[12:16]
        if chunk == b"VP8X":
            return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
        if chunk == b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        return tuple(side & 0x3FFF for side in struct.unpack("<HH", content[26:30]))
    return 0, 0


def _header(image: Image.Image, content: bytes) -> Header:
    kind, (width, height) = image.format or "", image.size
    turned = Image.Image.getexif(image).get(ORIENTATION, 1) in (5, 6, 7, 8)  # a PNG's own method decodes the whole picture
    bits, mode = 8, image.mode
    if mode.startswith("I"):
        bits = 16
    elif mode == "F":
        raise Unreadable(f"pixels are floating point: {MEND}")
    elif _depth(image, content) > 8:  # Pillow would silently drop the lower eight
        raise Unreadable(f"16 bits in each of several channels: {MEND}")
    clear = mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    channels = 4 if clear and bits == 8 else 1 if mode in ("1", "L") or bits == 16 else 3
    shown = (width, height) if turned else (height, width)
    return Header(kind, *shown, channels, bits, _several(image, kind))


def _depth(image: Image.Image, content: bytes) -> int:
    """Bits a channel as the file has them: IHDR of a PNG, BitsPerSample of a TIFF."""
    if image.format == "PNG":
        return content[24]
    return max(image.tag_v2.get(258, (8,))) if isinstance(image, TiffImageFile) else 8


def _several(image: Image.Image, kind: str) -> bool:
    if kind != "TIFF":
        return kind in ("PNG", "WEBP") and bool(getattr(image, "n_frames", 1) > 1)
    try:  # n_frames would walk to the last of any number of pages
        image.seek(1)
    except EOFError:
        return False
    image.seek(0)
    return True
