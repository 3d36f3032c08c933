"""A pack: pictures decoded and scaled once, in .npy shards that a run memory-maps, with a card that says how they were made.

images-0000.npy ... (n, height, width, channels) uint8 or uint16, one row a file of the source in its order (blank where it could
not be read); train.npy, held_out.npy: row numbers; conditions.npy where there are any; card.json.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.media.collection.reading import Read, read
from rivals.media.fit import FILTER, Shape, parse
from rivals.media.opening import CARD
from rivals.media.pixels import Mapped

FORMAT = "rivals pack 1"
SHARD = 1 << 28
"""Bytes of pixels in a shard, at most; one picture at least."""


class Shards:
    """Pictures written by number into .npy files in a folder: plain writes, so that memory stays flat."""

    def __init__(self, folder: Path, count: int, shape: Shape) -> None:
        self.each = int(np.prod(shape[:3])) * shape.dtype.itemsize
        self.rows = max(SHARD // self.each, 1)
        self.files = [folder / f"images-{i:04d}.npy" for i in range(-(-count // self.rows))]
        for i, file in enumerate(self.files):
            rows = min(self.rows, count - i * self.rows)
            told = {"descr": np.lib.format.dtype_to_descr(shape.dtype), "fortran_order": False, "shape": (rows, *shape[:3])}
            with file.open("wb") as opened:
                np.lib.format.write_array_header_1_0(opened, told)
                self.start = opened.tell()
                opened.truncate(self.start + rows * self.each)

    def __setitem__(self, item: int, pixels: np.ndarray) -> None:
        shard, row = divmod(item, self.rows)
        content = np.ascontiguousarray(pixels).tobytes()
        with self.files[shard].open("r+b") as file:  # its own place in the file: threads write at once
            file.seek(self.start + row * self.each)
            file.write(content)

    def table(self) -> Mapped:
        return Mapped(self.files)


def pack(
    data: Path,
    out: Path,
    *,
    size: str | None = None,
    labels: Path | None = None,
    channels: int | None = None,
    bits: int | None = None,
    allow_bad: bool = False,
) -> Path:
    """Decodes and scales the pictures at `data` into the folder `out`, which appears whole or not at all; returns `out`. Says on
    stderr what it found.

    size, labels, channels, allow_bad: as for `load`. bits: 8 or 16; as most pictures have, by default. Raises UserError.
    """
    if bits not in (None, 8, 16):
        raise UserError(f"bits is {bits}: give 8 or 16")
    if out.exists():
        raise UserError(f"{out} exists already: give another name, or move it away")
    making = out.parent / f"{_begins(out)}{os.getpid()}.part"
    try:
        _sweep(out)
        making.mkdir(parents=True)
        found = read(data, size, labels, channels, allow_bad, partial(_into, making, bits))
        print(found.said, file=sys.stderr)
        _finish(making, data, found)
        making.rename(out)
    except OSError as error:
        raise UserError(
            f"{out} could not be written ({error.strerror or error}); nothing was kept: free space, or give another place"
        ) from None
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return out


def _begins(out: Path) -> str:
    """How the folder of an unfinished pack is called, up to the process: with the machine, as a disk may be shared."""
    return f".{out.name}.{socket.gethostname()}."


def _sweep(out: Path) -> None:
    """Removes what processes of this machine that were killed left of a pack of this name: none of their numbers runs."""
    for path in out.parent.iterdir() if out.parent.is_dir() else []:
        left = re.fullmatch(rf"{re.escape(_begins(out))}([1-9]\d*)\.part", path.name)
        if left and not _runs(int(left[1])):
            shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether another process of that number runs; this one has left nothing yet, though one before may have had its number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return process != os.getpid()


def _into(folder: Path, bits: int | None, count: int, shape: Shape) -> tuple[Shards, Shape]:
    shape = shape._replace(bits=bits or shape.bits)
    return Shards(folder, count, shape), shape


def _finish(folder: Path, data: Path, found: Read) -> None:
    """The arrays beside the shards, and the card with the digest of every file."""
    np.save(folder / "train.npy", found.train)
    np.save(folder / "held_out.npy", found.held_out)
    if found.conditions is not None:
        np.save(folder / "conditions.npy", found.conditions)
    height, width, channels = found.table.shape
    how = {"size": [height, width], "channels": channels, "bits": found.table.dtype.itemsize * 8, "filter": FILTER}
    digest = hashlib.sha256(f"{found.digest} {json.dumps(how)}".encode()).hexdigest()
    files = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in sorted(folder.iterdir())}
    card = {"format": FORMAT, "source": data.name, "kind": found.kind, **how,
            "train": len(found.train), "held_out": len(found.held_out),
            "classes": found.names if found.classes else [], "attributes": found.names if found.attributes else [],
            "counts": _counts(found), "left_out": found.bad, "digest": digest, "files": files}  # fmt: skip
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf8")
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _counts(found: Read) -> dict[str, int]:
    """Pictures of each class, held-out ones too."""
    if not found.classes or found.conditions is None:
        return {}
    numbers = found.conditions[np.concatenate([found.train, found.held_out])]
    return {found.names[number]: count for number, count in sorted(Counter(numbers.tolist()).items())}


def card_of(data: Path) -> dict[str, Any]:
    """The card of a pack; raises UserError where it is damaged, or a file of the pack is missing or of another length."""
    try:
        card: dict[str, Any] = json.loads((data / CARD).read_text(encoding="utf8"))
        files = {name: told["bytes"] for name, told in card["files"].items()}
        fits = card["format"] == FORMAT and all(isinstance(card[key], list) for key in ("size", "classes", "attributes"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{data / CARD} is damaged or of another program: pack the pictures again") from None
    if not fits or not all(re.fullmatch(r"(images-\d{4,}|train|held_out|conditions)\.npy", name) for name in files):
        raise UserError(f"{data / CARD} is of another version: pack the pictures again")
    for name, size in files.items():
        if not (data / name).is_file() or (data / name).stat().st_size != size:
            raise UserError(f"{data / name} is missing or cut short: pack the pictures again")
    return card


def unpack(data: Path, size: str | None, labels: Path | None, channels: int | None) -> Read:
    """A pack as a run reads it, memory-mapped; raises UserError where it is damaged, or packed otherwise than asked."""
    card = card_of(data)
    if (size and list(parse(size)) != card["size"]) or (channels and channels != card["channels"]):
        told = f"{card['size'][0]}x{card['size'][1]} pixels and {card['channels']} channels"
        raise UserError(f"{data} was packed with {told}: leave out --size and --channels, or pack the pictures again")
    if labels is not None and str(labels) != "none":
        raise UserError(f"{data} has the labels it was packed with: give --labels to rivals pack, or none here")
    try:
        return _mapped(data, card, labelled=labels is None)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{data} is damaged ({str(error).splitlines()[0][:80]}): pack the pictures again") from None


def _mapped(data: Path, card: Mapping[str, Any], *, labelled: bool) -> Read:
    table = Mapped(
        [data / name for name in sorted(card["files"], key=lambda name: (len(name), name)) if name.startswith("images")]
    )
    train, held = (np.load(data / name) for name in ("train.npy", "held_out.npy"))
    if list(table.shape) != [*card["size"], card["channels"]] or table.dtype not in (np.uint8, np.uint16):
        raise ValueError("its shards are not of the card's size")
    for rows in (train, held):
        if rows.dtype != np.int64 or rows.ndim != 1 or not len(rows) or rows.min() < 0 or rows.max() >= len(table):
            raise ValueError("its row numbers do not fit its shards")
    conditions = np.load(data / "conditions.npy") if labelled and "conditions.npy" in card["files"] else None
    if conditions is not None and len(conditions) != len(table):
        raise ValueError("its conditions do not fit its shards")
    names = [] if conditions is None else card["classes"] or card["attributes"]
    said = (f"{data}: {len(train):,} pictures to train on, {len(held):,} held out; "
            f"{table.shape[0]}x{table.shape[1]} (height x width), packed")  # fmt: skip
    digest = card["digest"] if labelled else hashlib.sha256(card["digest"].encode() + b" none").hexdigest()
    return Read(
        table, train, held, conditions, names, digest, said, card["kind"], [(name, why) for name, why in card["left_out"]]
    )
