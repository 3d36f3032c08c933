"""PNG files of 16 bits in several channels: read, whatever their filters, and written."""

import struct
import zlib

import numpy as np
import pytest

from rivals.media.decode import Unreadable
from rivals.media.deep import SIGNATURE, is_deep, read_deep, write_deep


def filtered(pixels: np.ndarray, kinds: list[int]) -> bytes:
    """A PNG whose row y is stored by filter kinds[y], byte by byte as the standard says it."""
    height, width, channels = pixels.shape
    size, rows = 2 * channels, pixels.astype(">u2").view(np.uint8).reshape(height, -1).astype(int)
    out = b""
    for y, kind in enumerate(kinds):
        line = [kind]
        for x in range(rows.shape[1]):
            a = rows[y, x - size] if x >= size else 0
            b = rows[y - 1, x] if y else 0
            c = rows[y - 1, x - size] if y and x >= size else 0
            paeth = min((a, b, c), key=lambda each: abs(a + b - c - each))  # of equals the first, as the standard says
            line.append((rows[y, x] - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
        out += bytes(int(each) for each in line)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    half = zlib.compress(out)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", half[:9]) + chunk(b"IDAT", half[9:]) + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_every_filter_is_undone(channels: int) -> None:
    pixels = np.random.default_rng(channels).integers(0, 65536, (7, 5, channels)).astype(np.uint16)
    content = filtered(pixels, [0, 1, 2, 3, 4, 4, 3])
    assert is_deep(content) and np.array_equal(read_deep(content), pixels)
    first = filtered(pixels, [4, 3, 4, 3, 2, 1, 0])
    assert np.array_equal(read_deep(first), pixels), "the first row has zeros above it"


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_what_is_written_is_read(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 4, channels)).astype(np.uint16)
    assert np.array_equal(read_deep(write_deep(pixels)), pixels)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert np.array_equal(read_deep(write_deep(planes)), pixels), "as a tensor's planes lie in memory"


def test_damage_is_told() -> None:
    content = write_deep(np.full((8, 8, 3), 30000, np.uint16))
    flipped = bytearray(content)
    flipped[45] ^= 1
    for damaged, words in ((bytes(flipped), "checksum"), (content[:60], "checksum|missing|unpack")):
        with pytest.raises(Unreadable, match=words):
            read_deep(damaged)
    bomb = content[:16] + struct.pack(">II", 60000, 60000) + content[24:]
    with pytest.raises(Unreadable, match="50 megapixels"):
        read_deep(bomb)
