"""A table's file, CSV or Parquet -> cells of text, exactly as they are written, each mistake named by line and column."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rivals.core.errors import UserError
from rivals.media import TABLES

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "?")
CELLS, COLUMNS, ROWS = 2**16, 10_000, 64  # cells at a time as strings of Python; the most columns; the fewest rows at a time
MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_table(path: Path, *, columns: Sequence[str] | None = None, least: int = 2) -> pd.DataFrame:
    """The file's cells as text (pandas' `str`), missing ones missing; spaces around a cell are cut off, blank lines left out.

    path: .csv, .tsv, .txt (or those with .gz), UTF-8, first line the header, separated by the comma, semicolon, tab or bar that
    cuts the header into most cells; .parquet. columns: only these, in the file's order. least: fewer rows are refused.
    attrs: "missing" {column: what it most often writes for a missing cell}, "separator"; of Parquet "dtypes" {column: type}.
    Of CSV the cells in MISSING are missing; of Parquet nulls and NaN. Raises UserError with line and column.
    """
    if not path.is_file():
        raise UserError(f"{path} is a folder: give a .csv or .parquet file" if path.is_dir() else f"{path} does not exist")
    name = path.name.lower()
    if not name.endswith(TABLES):
        raise UserError(f"{path}: give a .csv, .tsv, .csv.gz or .parquet file")
    try:
        parquet, tabs = name.endswith((".parquet", ".pq")), name.endswith((".tsv", ".tsv.gz"))
        frame = _parquet(path, columns) if parquet else _plain(path, columns, tabs=tabs)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0][:200]
        raise UserError(f"{path} cannot be read: {reason}") from None
    if len(frame) < least:
        raise UserError(f"{path} has {len(frame)} row{'s' * (len(frame) != 1)} below its header: at least {least} are needed")
    return frame


def _framed(columns: dict[str, pa.ChunkedArray]) -> pd.DataFrame:
    kind = pd.StringDtype("pyarrow", na_value=np.nan)
    return pa.table(columns).to_pandas(types_mapper={pa.large_string(): kind}.get)


# CSV.


def _plain(path: Path, columns: Sequence[str] | None, *, tabs: bool) -> pd.DataFrame:
    with _opened(path) as file:
        _marked(path, file)
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        try:
            lines = _lines(path, text)
            first = next(lines, None)
            if first is None:
                raise UserError(f"{path} is empty: its first line must name the columns")
            separator = "\t" if tabs else _separator(first)
            reader = csv.reader(chain([first], lines), delimiter=separator, skipinitialspace=separator != "\t", strict=True)
            header = _header(path, next(reader, []))
            kept = _kept(path, header, columns)
            parts, tokens = _cells(path, reader, header, kept)
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: {_told(error)}") from None
        except UnicodeDecodeError:
            raise UserError(_undecoded(path)) from None
    frame = _framed({header[at]: pa.chunked_array(parts[at], pa.large_string()) for at in kept})
    frame.attrs["missing"] = {header[at]: tokens[at].most_common(1)[0][0] if tokens[at] else "" for at in kept}
    frame.attrs["separator"] = separator
    return frame


def _opened(path: Path) -> io.BufferedIOBase:
    return gzip.GzipFile(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _marked(path: Path, file: io.BufferedIOBase) -> None:
    head = file.read(4)
    file.seek(0)
    if name := next((name for mark, name in MARKS.items() if head.startswith(mark)), None):
        raise UserError(f"{path} is written in {name} (line 1, column 1): save it as UTF-8")
    if head[:2] == b"\x1f\x8b":
        raise UserError(f"{path} is compressed: name it .csv.gz")
    if head == b"PK\3\4":
        raise UserError(f"{path} is a ZIP archive or a spreadsheet: save the table as CSV")
    if head == b"PAR1":
        raise UserError(f"{path} is a Parquet file: name it .parquet")


def _lines(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(text, 1):
        if "\0" in line:
            column = line[: line.index("\0")].count(",") + 1
            raise UserError(f"{path}, line {number}, column {column}: a NUL byte: the file is damaged, or UTF-16: save as UTF-8")
        yield line


def _separator(line: str) -> str:
    """Which cuts the header into most cells; the comma among equals."""

    def cells(separator: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=separator)))
        except csv.Error:
            return 0

    return max(",;\t|", key=cells)


def _undecoded(path: Path) -> str:
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                column = line[: error.start].count(b",") + 1
                byte = line[error.start]
                return (f"{path}, line {number}, column {column}: the byte 0x{byte:02x} is no UTF-8 "
                        f"({bytes([byte]).decode('latin-1')!r} in Latin-1): save the file as UTF-8")  # fmt: skip
    return f"{path} is not UTF-8: save it as UTF-8"


def _header(path: Path, cells: list[str]) -> list[str]:
    """The names; one that is empty, as an index column's often is, becomes `Unnamed: 0`, as in pandas."""
    names = [cell.strip() or f"Unnamed: {at}" for at, cell in enumerate(cells)]
    if not any(cell.strip() for cell in cells):
        raise UserError(f"{path}, line 1: no names of columns: the first line must name them")
    if len(names) > COLUMNS:
        raise UserError(f"{path} has {len(names):,} columns: at most {COLUMNS:,} are taken")
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        if name in seen:
            raise UserError(f"{path}, line 1: columns {seen[name] + 1} and {at + 1} are both named {name!r}: rename one")
        seen[name] = at
    return names


def _kept(path: Path, header: list[str], columns: Sequence[str] | None) -> list[int]:
    for name in columns or ():
        if name not in header:
            raise UserError(f"{path} has no column {name!r}: it has {', '.join(header[:20])}")
    return [at for at, name in enumerate(header) if columns is None or name in columns]


def _cells(
    path: Path, reader: Iterator[list[str]], header: list[str], kept: list[int]
) -> tuple[dict[int, list[pa.Array]], dict[int, Counter[str]]]:
    """Each kept column's cells in parts, and how often it writes which token for a missing cell."""
    parts: dict[int, list[pa.Array]] = {at: [] for at in kept}
    tokens: dict[int, Counter[str]] = {at: Counter() for at in kept}
    width, rows, most = len(header), [], max(CELLS // len(header), ROWS)

    def flush() -> None:
        for at, cells in enumerate(zip(*rows, strict=True)):
            if at in parts:
                array = pc.utf8_trim_whitespace(pa.array(cells, pa.large_string()))
                missing = pc.is_in(array, value_set=pa.array(MISSING, pa.large_string()))
                for each in pc.value_counts(array.filter(missing)).to_pylist():
                    tokens[at][each["values"]] += each["counts"]
                parts[at].append(pc.if_else(missing, pa.scalar(None, pa.large_string()), array))
        rows.clear()

    for row in reader:
        if len(row) != width:
            if not row:
                continue
            _ragged(path, reader.line_num, row, header)  # type: ignore[attr-defined]
        rows.append(row)
        if len(rows) >= most:
            flush()
    flush()
    return parts, tokens


def _ragged(path: Path, line: int, row: list[str], header: list[str]) -> None:
    short, many = len(row), len(header)
    where = f"from column {header[short]!r} on" if short < many else f"the first too many is {row[many][:40]!r}"
    raise UserError(f"{path}, line {line}: {len(row)} cells where the header names {len(header)} columns ({where}): "
                    "mend the line; a cell that holds the separator needs quotes")  # fmt: skip


def _told(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell of more than {csv.field_size_limit():,} characters: is a quote not closed?"
    if "unexpected end" in text:
        return 'a quote (") is opened and never closed'
    return 'a quote (") ends inside a cell: double the quotes that belong to the text'


# Parquet.


def _parquet(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    names = pq.read_schema(path).names
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise UserError(f"{path}: {len(doubled)} names of columns come twice ({doubled[0]!r}): rename them")
    if not names or len(names) > COLUMNS:
        raise UserError(f"{path} has {len(names):,} columns: 1 to {COLUMNS:,} are taken")
    kept = [names[at] for at in _kept(path, names, columns)]
    table = pq.read_table(path, columns=kept)
    frame = _framed({name: _text(path, name, table[name]) for name in kept})
    frame.attrs["missing"] = dict.fromkeys(kept, "")
    frame.attrs["dtypes"] = {name: str(table[name].type) for name in kept}
    return frame


def _text(path: Path, name: str, cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Typed cells as text that reads back as the same values: numbers in full, dates by ISO 8601."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return _text(path, name, cells.cast(kind.value_type))
    if pa.types.is_floating(kind):  # Python's shortest text of a float is exact
        whole = np.float32 if pa.types.is_float32(kind) else np.float64
        written = [None if each is None or each != each else str(whole(each)) for each in cells.to_pylist()]
        return pa.chunked_array([pa.array(written, pa.large_string())])
    if pa.types.is_boolean(kind):
        return pc.if_else(cells, "True", "False").cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz else ""  # an instant is kept in UTC
        return pc.strftime(_coarse(cells), format=f"%Y-%m-%d %H:%M:%S{zone}").cast(pa.large_string())
    if any(test(kind) for test in (pa.types.is_integer, pa.types.is_date, pa.types.is_decimal, pa.types.is_string,
                                   pa.types.is_large_string, pa.types.is_null)):  # fmt: skip
        return cells.cast(pa.large_string())
    raise UserError(f"{path}, column {name!r}: cells of type {kind} fit no table of numbers, texts and dates: leave it out")


def _coarse(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Time stamps without zone, in whole seconds where none has a fraction: what is written has the digits of its unit."""
    plain = times.cast(pa.timestamp(times.type.unit))
    try:
        return plain.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        return plain
