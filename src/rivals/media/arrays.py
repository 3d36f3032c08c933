"""Sets of arrays: .npy, .npz, and .npz files of JPEG bytes joined end to end; never a pickle."""

import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from rivals.core.errors import UserError
from rivals.media.pixels import Arrays, Mapped
from rivals.media.source import Decoded, Encoded, Labels, Source, Told

PICTURES = ("x_train", "images", "image", "rgba", "x", "data", "arr_0")
LABELS = ("labels", "label", "y", "targets", "target", "y_train")
PEOPLE = ("person", "identity", "subject")
MOST_CHANNELS = 64
BOMB, RATIO = 1 << 30, 200
"""An array of more than 1 GiB, packed to less than a 200th, is no pictures."""

Read = Callable[[str], np.ndarray]


def arrays(path: Path, labels: str = "") -> Source:
    """The pictures of a .npz or .npy file. labels: the key of the labels ("" for the usual ones, "none" for no labels)."""
    try:
        if path.suffix.lower() == ".npy":
            return _single(path)
        with path.open("rb") as opened:  # numpy leaves its own open where the archive is damaged
            if opened.read(4) != b"PK\3\4":
                raise UserError(f"{path} is no .npz file, or cut short: save it with numpy.savez")
            opened.seek(0)
            with np.load(opened) as file:
                _refuse_bomb(path, file)
                return _several(path, file, labels)
    except UserError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise UserError(f"{path} holds Python objects (a pickle), which are not read: save plain arrays") from None
        raise UserError(f"{path} is damaged or cut short: {str(error).splitlines()[0]}") from None
    except (OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError) as error:
        raise UserError(f"{path} is damaged or cut short: {str(error).splitlines()[0] if str(error) else 'no data'}") from None


def _refuse_bomb(path: Path, file: NpzFile) -> None:
    for info in file.zip.infolist() if file.zip else []:
        if info.file_size > BOMB and info.file_size > RATIO * info.compress_size:
            raise UserError(f"{path}: {info.filename} would grow {info.file_size // max(info.compress_size, 1)} times, to "
                            f"{info.file_size >> 30} GiB, as a bomb does: it is not read; save it as .npy")  # fmt: skip


def _single(path: Path) -> Decoded:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise UserError(f"{path} is no .npy file, or cut short: save it with numpy.save")
    array = np.load(path, mmap_mode="r")
    plain = array.dtype == np.uint8 and array.ndim == 4 and not _channels_first(array.shape)
    pixels, note = (array, "") if plain and 0 < array.shape[3] <= MOST_CHANNELS else pictures(array, str(path))
    _refuse_empty(pixels, str(path))
    names = [str(row) for row in range(len(pixels))]
    table = Mapped([path]) if plain else Arrays([pixels])
    return Decoded(path=path, kind="npy", names=names, table=table, known=Told(notes=(note,) if note else ()))


def _several(path: Path, file: NpzFile, labels: str) -> Source:
    keys = list(file)
    if "jpeg" in keys or "jpeg_train" in keys:
        return _jpegs(path, file, labels)
    key = next((key for key in PICTURES if key in keys), keys[0] if len(keys) == 1 else "")
    if not key:
        raise UserError(f"{path} has the arrays {', '.join(keys[:9])}, none of them called {', '.join(PICTURES)}: rename one")
    parts = [key, *(["x_test"] if key == "x_train" and "x_test" in keys else [])]
    found = [pictures(file[part], f"{path} ({part})") for part in parts]
    tables = [pixels for pixels, _ in found]
    if len({(table.shape[1:], table.dtype) for table in tables}) > 1:
        told = " and ".join(f"{part} {table.shape} {table.dtype}" for part, table in zip(parts, tables, strict=True))
        raise UserError(f"{path}: {told} are not alike: give both splits the same size and type")
    names = [f"{part}/{row}" for part, table in zip(parts, tables, strict=True) for row in range(len(table))]
    known, used = _told(path, file, parts, [len(table) for table in tables], labels)
    notes = (*dict.fromkeys(note for _, note in found if note), *known.notes)
    return Decoded(path=path, kind=f"npz ({', '.join([*parts, *used])})", names=names, table=Arrays(tables),
                   known=known._replace(notes=notes))  # fmt: skip


def _jpegs(path: Path, file: NpzFile, labels: str) -> Encoded:
    parts = [part for part in ("jpeg", "jpeg_train", "jpeg_test") if part in file]
    joined, offsets = [], []
    for part in parts:
        key = part.replace("jpeg", "offset")
        if key not in file:
            raise UserError(f"{path} has {part} but no {key}: add where each picture starts, and the end")
        content, offset = file[part], file[key]
        fits = content.dtype == np.uint8 and content.ndim == offset.ndim == 1 and offset.dtype.kind in "iu" and len(offset) > 1
        if not (fits and offset[0] >= 0 and offset[-1] <= len(content) and (np.diff(offset.astype(np.int64)) >= 0).all()):
            raise UserError(f"{path}: {key} must rise from 0 to the {len(content)} bytes of {part}, one more than pictures")
        joined.append(content)
        offsets.append(offset.astype(np.int64))
    names = [f"{part}/{row}" for part, offset in zip(parts, offsets, strict=True) for row in range(len(offset) - 1)]
    known, used = _told(path, file, parts, [len(offset) - 1 for offset in offsets], labels)
    read = partial(_cut, dict(zip(parts, zip(joined, offsets, strict=True), strict=True)))
    return Encoded(path=path, kind=f"npz of JPEG bytes ({', '.join([*parts, *used])})", names=names, read=read, known=known)


def _cut(joined: Mapping[str, tuple[np.ndarray, np.ndarray]], name: str) -> bytes:
    part, _, row = name.partition("/")
    content, offset = joined[part]
    return content[offset[int(row)] : offset[int(row) + 1]].tobytes()


def _told(path: Path, file: NpzFile, parts: list[str], counts: list[int], key: str) -> tuple[Told, list[str]]:
    """Labels, split and people of all parts together, and the keys that they came from."""
    split = len(parts) == 2
    test = np.repeat([False, True], counts) if split else None
    people = next((each for each in PEOPLE if each in file and len(file[each]) == sum(counts)), "")
    groups = [str(each) for each in file[people]] if people and people != key else None
    used = [people] if groups else []
    notes = (f"the pictures of one {people} are held out together",) if groups and not split else ()
    if key == "none":
        return Told(None, test, groups, notes), used
    train = parts[0].startswith(("x_", "jpeg_"))
    choices = [key] if key else ["y_train"] if train else list(LABELS)
    found = next((each for each in choices if each in file), "")
    if not found:
        if key:
            raise UserError(f"{path} has no array {key}: --labels takes one of {', '.join(list(file)[:9])}, or none")
        return Told(None, test, groups, notes), used
    keys = [found, *([found.replace("train", "test")] if split else [])]
    if missing := [each for each in keys if each not in file]:
        raise UserError(f"{path} has {found} but no {missing[0]}: give both splits labels")
    columns = [file[each] for each in keys]
    for each, column, count in zip(keys, columns, counts, strict=True):
        if column.shape[:1] != (count,):
            raise UserError(f"{path}: {each} has the shape {column.shape}, but there are {count} pictures: give each one label")
    names = [str(each) for each in file["class_names"]] if "class_names" in file and not key else []
    return Told(labelled(np.concatenate(columns), names, f"{path} ({found})"), test, groups, notes), used + keys


def labelled(column: np.ndarray, names: list[str], where: str) -> Labels:
    """Whole numbers or words (n,), or one of k ones (n, k) -> classes; other numbers (n, k), and fractions -> attributes."""
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim not in (1, 2) or column.dtype.kind not in "iufbUS" or column.shape[-1] == 0:
        raise UserError(
            f"{where}: labels of type {column.dtype}, shape {column.shape}: give whole numbers, words, or rows of numbers"
        )
    if column.ndim == 2 and column.dtype.kind in "iufb" and ((column == 0) | (column == 1)).all() and (column.sum(1) == 1).all():
        column = column.argmax(1)
    if column.dtype.kind in "US":
        if column.ndim == 2:
            raise UserError(f"{where}: labels are rows of words: give one word a picture")
        return Labels.of([str(each) for each in column])
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise UserError(f"{where}: {int((~np.isfinite(column)).sum())} labels are NaN or infinite: fill or drop those pictures")
    if column.ndim == 1 and (column.dtype.kind in "iub" or (column == np.rint(column)).all()):
        found, numbers = np.unique(column.astype(np.int64), return_inverse=True)
        if names and found[0] >= 0 and found[-1] < len(names):
            return Labels(numbers.astype(np.int64), [names[each] for each in found])
        return Labels(numbers.astype(np.int64), [str(each) for each in found])
    rows = column.reshape(len(column), -1).astype(np.float32)
    return Labels(rows, [str(each) for each in range(rows.shape[1])])


def pictures(array: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Any array of pictures -> (n, h, w, c) uint8 or uint16, and what was made of it; raises UserError."""
    if array.ndim not in (3, 4) or 0 in array.shape[1:]:
        raise UserError(f"{where} has the shape {array.shape}: give (n, height, width) or (n, height, width, channels)")
    notes = []
    if array.ndim == 3:
        array = array[..., None]
    elif _channels_first(array.shape):
        array = np.moveaxis(array, 1, 3)
        notes.append("channels come first")
    if array.shape[3] > MOST_CHANNELS:
        raise UserError(
            f"{where} has {array.shape[3]} channels: at most {MOST_CHANNELS} are taken, as (n, height, width, channels)"
        )
    _refuse_empty(array, where)
    pixels, note = _levels(array, where)
    return np.ascontiguousarray(pixels), "; ".join([*notes, *([note] if note else [])])


def _refuse_empty(array: np.ndarray, where: str) -> None:
    if len(array) == 0:
        raise UserError(f"{where} holds no picture")


def _channels_first(shape: tuple[int, ...]) -> bool:
    """(n, c, h, w): the smaller of the second and the last axis is that of channels."""
    return len(shape) == 4 and shape[1] < shape[3] and shape[1] < shape[2]


def _levels(array: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Pixel values as uint8 or uint16, and how they were read."""
    if array.dtype == np.uint8:
        return array, ""
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255, "pixels are 0 and 1"
    if array.dtype.kind not in "iuf":
        raise UserError(f"{where} is of type {array.dtype}: give uint8, uint16, or fractions from 0 to 1 or from -1 to 1")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = len(np.unique(np.nonzero(~np.isfinite(array))[0]))
        raise UserError(f"{where}: {bad} of {len(array)} pictures hold NaN or infinite pixels: mend or drop them")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and high <= 1 and low >= -1:
        unit = array.astype(np.float32) if low >= 0 else (array.astype(np.float32) + 1) / 2
        said = "pixels are fractions from 0 to 1" if low >= 0 else "pixels are fractions from -1 to 1"
        eight = np.rint(unit * 255)
        if np.abs(unit * 255 - eight).max() < 1e-3:
            return eight.astype(np.uint8), f"{said}, of 8 bits"
        return np.rint(unit * 65535).astype(np.uint16), f"{said}, kept as 16 bits"
    if low >= 0 and high <= 65535 and (array.dtype.kind != "f" or (array == np.rint(array)).all()):
        if high <= 255:
            return array.astype(np.uint8), f"pixels of type {array.dtype} are 0 to {high:.0f}: read as 8 bits"
        return array.astype(np.uint16), "" if array.dtype == np.uint16 else f"pixels of type {array.dtype}: read as 16 bits"
    raise UserError(f"{where}: pixels run from {low:.4g} to {high:.4g}: give 0 to 255, 0 to 65535, 0 to 1, or -1 to 1")
