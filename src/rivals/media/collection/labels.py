"""A CSV of conditions: a column `file` and one column `label`, or columns of numbers (labels of 0 and 1, or continuous)."""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from rivals.core.errors import UserError
from rivals.media.source import Labels

LONGEST = 1 << 28  # bytes


def table(path: Path, every: Sequence[str], wanted: Sequence[str]) -> tuple[Labels, tuple[str, ...]]:
    """The conditions of the files `wanted`, in their order, and a note where labels are empty; `every` are all that there are. A
    file is named as in the folder, or by its last part where that is the only one. Raises UserError where a row fits no file, or
    a wanted file has no row.
    """
    columns, rows = _rows(path)
    place = {name: name for name in every}
    short: dict[str, list[str]] = {}
    for name in every:
        short.setdefault(PurePosixPath(name).name, []).append(name)
    found: dict[str, list[str]] = {}
    row_of = {}
    unknown = []
    for line, (file, *cells) in rows:
        name = PurePosixPath(file.strip().replace("\\", "/")).as_posix()
        lone = short.get(name, [])
        name = place.get(name) or (lone[0] if len(lone) == 1 else "")
        if not name:
            unknown.append(file)
        elif name in found:
            raise UserError(f"{path}, line {line}: {file} has a row already: give each file one")
        else:
            found[name], row_of[name] = cells, f"line {line}: {file}"
    if unknown:
        raise UserError(f"{path}: {len(unknown)} of {len(rows)} rows name no file of the data ({', '.join(unknown[:3])}"
                        f"{' ...' if len(unknown) > 3 else ''}): write the paths as they are in the data's folder")  # fmt: skip
    if lost := [name for name in wanted if name not in found]:
        raise UserError(f"{path}: {len(lost)} of {len(wanted)} pictures have no row ({', '.join(lost[:3])}"
                        f"{' ...' if len(lost) > 3 else ''}): add rows, or take the pictures out")  # fmt: skip
    kept = [found[name] for name in wanted]
    if columns == ["label"]:
        words = [cell[0].strip() for cell in kept]
        _refuse_measures(path, [word for word in words if word])
        empty = [row_of[name] for name, word in zip(wanted, words, strict=True) if not word]
        told = f"{path}: {len(empty)} label{'s are' if len(empty) > 1 else ' is'} empty ({empty[0]})" if empty else ""
        return Labels.of(words), (told,) * bool(empty)
    return _numbers(path, columns, kept, wanted), ()


def _refuse_measures(path: Path, words: list[str]) -> None:
    """Classes that are measured values: numbers, some of which come once, and either fractions or mostly different."""
    counts = Counter(words)
    lonely = sum(count == 1 for count in counts.values())
    try:
        numbers = [float(word) for word in counts]
    except ValueError:
        return
    if lonely and (2 * len(counts) > len(words) or not all(number.is_integer() for number in numbers)):
        raise UserError(f"{path}: the column label has {len(counts)} different numbers, {lonely} of them once: give the column "
                        "another name, as score, to train on numbers, or each class two pictures or more")  # fmt: skip


def _numbers(path: Path, columns: list[str], cells: list[list[str]], files: Sequence[str]) -> Labels:
    values = np.empty((len(cells), len(columns)), np.float32)
    for row, (file, each) in enumerate(zip(files, cells, strict=True)):
        for at, (column, cell) in enumerate(zip(columns, each, strict=True)):
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if not abs(value) < 3e38:
                raise UserError(f"{path}: {column} of {file} is {cell!r}, no number: classes go into one column called label")
            values[row, at] = value
    return Labels(values, columns)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns but `file`, and each row with its line number, its file first."""
    try:
        if path.stat().st_size > LONGEST:
            raise UserError(f"{path} has more than {LONGEST >> 20} MiB: give a CSV of one row a picture")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8: save it as CSV in UTF-8") from None
    reader = csv.reader(text.splitlines())
    try:
        head = [column.strip() for column in next(reader, [])]
        if "file" not in head or len(head) < 2 or len(set(head)) < len(head) or "" in head:
            raise UserError(f"{path}: its first line is {','.join(head)[:80]!r}: {_mended(head)}")
        at = head.index("file")
        rows = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(head):
                raise UserError(f"{path}, line {reader.line_num}: {len(row)} cells, where the first line has {len(head)}")
            rows.append((reader.line_num, [row[at], *row[:at], *row[at + 1 :]]))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return head[:at] + head[at + 1 :], rows


def _mended(head: list[str]) -> str:
    """How to mend a first line that is none."""
    separators = {";": "semicolons", "\t": "tabs", "|": "bars"}
    if len(head) == 1 and (found := [name for mark, name in separators.items() if mark in head[0]]):
        return f"separate the cells of every line by commas, not by {found[0]}"
    if "file" not in head and (found := [column for column in head if column.lower() == "file"]):
        return f"name the column file, not {found[0]}" + (", and Label label" * ("Label" in head))
    return "it must name a column file, and label or others, once each"
