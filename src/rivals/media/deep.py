"""Deep: PNG files of 16 bits in each of several channels, which Pillow would cut to 8.

PNG (W3C Recommendation, ISO/IEC 15948): each byte is stored less a prediction from the bytes to the left (a), above (b) and
above left (c): 0, a, b, (a + b) // 2, or whichever of a, b, c is nearest to a + b - c (Paeth).
"""

import struct
import zlib

import numpy as np

from rivals.media.decode import CAP, Unreadable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by the PNG's colour type
COLOURS = {channels: colour for colour, channels in CHANNELS.items()}


def is_deep(content: bytes) -> bool:
    """Whether the file is a PNG of 16 bits a channel in several channels, not interlaced."""
    return content[:8] == SIGNATURE and len(content) > 28 and content[24] == 16 and content[25] in (2, 4, 6) and not content[28]


def deep_size(content: bytes) -> tuple[int, int]:
    """(height, width) of a PNG; raises Unreadable beyond the cap."""
    width, height = struct.unpack(">II", content[16:24])
    if width * height > CAP or not width * height:
        raise Unreadable(f"{width}x{height} is {'more than ' + str(CAP // 10**6) + ' megapixels' if width else 'empty'}")
    return height, width


def read_deep(content: bytes) -> np.ndarray:
    """The pixels (h, w, c) uint16 of such a file; raises Unreadable where it is damaged."""
    height, width = deep_size(content)
    channels = CHANNELS[content[25]]
    packed, place = [], 8
    while place + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        data = content[place + 8 : place + 8 + size]
        if content[place + 8 + size : place + 12 + size] != struct.pack(">I", zlib.crc32(kind + data)):
            raise Unreadable("a damaged PNG file (a checksum is wrong)")
        packed += [data] if kind == b"IDAT" else []
        place += 12 + size
    wanted = height * (1 + 2 * width * channels)
    try:
        raw = zlib.decompressobj().decompress(b"".join(packed), wanted)
    except zlib.error:
        raise Unreadable("a damaged PNG file (its pixels do not unpack)") from None
    rows = np.frombuffer(raw, np.uint8)
    if len(rows) != wanted:
        raise Unreadable("a damaged PNG file (pixels are missing)")
    rows = rows.reshape(height, -1)
    found = _unfiltered(rows[:, 0], rows[:, 1:].reshape(height, width, 2 * channels))
    return found.view(">u2").astype(np.uint16)


def _unfiltered(kinds: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Bytes from differences; all rows at once, each a pixel behind the one above it, on which it depends."""
    height, width, size = stored.shape
    found = np.zeros((height + 1, width + 1, size), np.uint8)  # a row above and a column before, both of zeros
    for step in range(height + width - 1):
        y = np.arange(max(0, step - width + 1), min(height, step + 1))
        x = step - y
        a, b, c = (found[y + down, x + right].astype(np.int16) for down, right in ((1, 0), (0, 1), (0, 0)))
        to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        paeth = np.where((to_a <= to_b) & (to_a <= to_c), a, np.where(to_b <= to_c, b, c))
        kind = kinds[y, None]
        predicted = np.select([kind == 1, kind == 2, kind == 3, kind == 4], [a, b, (a + b) // 2, paeth], 0)
        found[y + 1, x + 1] = (stored[y, x] + predicted).astype(np.uint8)
    return np.ascontiguousarray(found[1:, 1:])


def write_deep(pixels: np.ndarray) -> bytes:
    """A PNG of pixels (h, w, c) uint16 of 1 to 4 channels."""
    height, width, channels = pixels.shape
    whole = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    above = np.vstack([np.zeros_like(whole[:1]), whole[:-1]])
    rows = np.hstack([np.full((height, 1), 2, np.uint8), whole - above])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, COLOURS[channels], 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
