"""Files of synthetic rows, whole or not at all, each with a note that says what it is: FILE.card.json beside it."""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import Hashing, write_file
from rivals.media.wanted import Trained, Wanted

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
FORMULA = re.compile(r"[=+\-@\t\r\n]")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


Note = Callable[[], Mapping[str, Any]]
Text = Callable[[pd.DataFrame], pd.DataFrame]


def place(out: Path, name: str) -> Path:
    """The file that `-o out` means: out itself where it ends like a table, the file `name` in it where it has no ending."""
    if out.name.lower().endswith(ENDINGS):
        return out
    if out.suffix and not out.is_dir():
        raise UserError(f"{out}: tables are written as {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, or into a folder")
    return out / name


def note_of(path: Path) -> Path:
    """Where the note of a file of synthetic rows lies."""
    return path.with_name(f"{path.name}.card.json")


def origin(model: Trained, wanted: Wanted) -> dict[str, Any]:
    """What a note says of where rows come from: run, recipe, digests of the weights, seed."""
    weights = model.record.get("weights") or _digests(model.game)
    return {"run": model.run.name, "recipe": model.record["recipe"], "weights": weights, "seed": wanted.seed}


def _digests(game: Game[Any]) -> dict[str, str]:
    """The SHA-256 of each player's weights, of a run that has not ended: run.json holds none yet."""
    found = {}
    for name, player in game.named_children():
        tensors = {key: tensor.contiguous().cpu() for key, tensor in player.state_dict().items()}
        if tensors:
            found[name] = hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
    return found


def write(path: Path, parts: Iterable[pd.DataFrame], text: Text, note: Note, *, safe: bool, separator: str = ",") -> None:
    """Writes typed tables as one file, and beside it the note, which is taken when all rows are written.

    text: a typed table -> one whose cells of text are as a CSV has them.

    safe: cells of a CSV that a spreadsheet would run get an apostrophe before them. The note adds "synthetic", and the file's
    SHA-256; in Parquet's own metadata it stands under "rivals". Raises UserError where a file is there already, and OSError.
    """
    if path.name.lower().endswith(".parquet") and safe:
        raise UserError("--safe-csv is for CSV: leave it out, or give -o a .csv")
    for each in (path, note_of(path)):
        if each.exists():
            raise UserError(f"{each} exists: give -o a new file")
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        lines = _lines(parts, text, "\t" if path.name.lower().endswith((".tsv", ".tsv.gz")) else separator, safe)
        write_file(path, partial(_whole, path, parts, lines, note))
    except BaseException:
        note_of(path).unlink(missing_ok=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def _whole(path: Path, parts: Iterable[pd.DataFrame], lines: Iterable[bytes], note: Note, file: Hashing) -> None:
    """The rows, then the note: it is there before the file takes its name, so that no export is ever without one."""

    def told() -> dict[str, Any]:
        return {"synthetic": True, **note()}

    if path.name.lower().endswith(".parquet"):
        _parquet(parts, told, file)
    else:
        _text(lines, file, packed=path.name.lower().endswith(".gz"))
    written = {"file": path.name, "sha256": file.sha.hexdigest(), **told()}
    write_file(note_of(path), lambda card: card.write(json.dumps(written, indent=1, ensure_ascii=False).encode()))


def _lines(parts: Iterable[pd.DataFrame], text: Text, separator: str, safe: bool) -> Iterator[bytes]:
    """CSV, a part at a time; the header first."""
    for number, part in enumerate(parts):
        cells = text(part)
        if safe:
            cells = cells.apply(lambda column: column.map(escaped, na_action="ignore")).rename(columns=escaped)
        written: str = cells.to_csv(index=False, header=number == 0, sep=separator, lineterminator="\n")
        yield written.encode()


def escaped(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet would run it as a formula; a number stays as it is."""
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def _text(lines: Iterable[bytes], file: Hashing, *, packed: bool) -> None:
    if not packed:
        for each in lines:
            file.write(each)
        return
    with gzip.GzipFile(fileobj=Sink(file), mode="wb", filename="", mtime=0, compresslevel=6) as archive:
        for each in lines:
            archive.write(each)


def _parquet(parts: Iterable[pd.DataFrame], told: Callable[[], Mapping[str, Any]], file: Hashing) -> None:
    """Columns with the types that the typed table has: int64, double, string, bool, timestamp."""
    several = iter(parts)
    first = next(several)
    kinds = pa.schema([(name, _kind(cells)) for name, cells in first.items()])
    with pq.ParquetWriter(Sink(file), kinds, compression="zstd") as writer:
        for part in chain([first], several):
            writer.write_table(pa.Table.from_pandas(part, schema=kinds, preserve_index=False))
        writer.add_key_value_metadata({"synthetic": "true", "rivals": json.dumps(told(), ensure_ascii=False)})


def _kind(cells: pd.Series) -> pa.DataType:
    """By the dtype alone: the cells of one part may all be missing."""
    tests = {
        pd.api.types.is_bool_dtype: pa.bool_(),
        pd.api.types.is_integer_dtype: pa.int64(),
        pd.api.types.is_float_dtype: pa.float64(),
    }
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return pa.timestamp("ns" if "ns" in str(cells.dtype) else "us")
    return next((kind for test, kind in tests.items() if test(cells.dtype)), pa.string())


class Sink(io.RawIOBase):
    """A file being written, as gzip and Parquet want it; what they close is not the file."""

    def __init__(self, file: Hashing) -> None:
        super().__init__()
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.file.write(memoryview(data))
