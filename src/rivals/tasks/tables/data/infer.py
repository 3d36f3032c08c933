"""Which kind each column is, found on its different cells; a user's word overrides it."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.tables.data import dates
from rivals.tasks.tables.data.ids import pattern
from rivals.tasks.tables.data.schema import KINDS, Cells, Column, Kind, Schema

INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})")
LONG = re.compile(r"[+-]?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
INFINITE = re.compile(r"[+-]?(inf|infinity)", re.IGNORECASE)
NAMED_ID = re.compile(r"(.*[_\W])?(id|key|uuid|guid|index|rowid|rownum|nr)|Unnamed: 0", re.IGNORECASE)
CAMEL_ID = re.compile(r".*[a-z0-9](Id|ID)")
PAIRS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("0", "1"), ("off", "on"))
FEW_ROWS, DIFFERENT, MOST_LEVELS, NEARLY, LARGEST, TRIED = 50, 0.95, 20_000, 0.9, 1e300, 10
FORCED: dict[str, Cells] = {"number": "number", "integer": "integer", "boolean": "boolean", "datetime": "datetime"}


class Found(NamedTuple):
    """A column's different texts, most frequent first (by text among equals), their counts, and each row's place (-1 missing)."""

    name: str
    texts: list[str]
    counts: np.ndarray
    codes: np.ndarray

    def row(self, good: Sequence[bool]) -> int:
        """The first row (from 1) whose text is not good."""
        at = np.append(np.asarray(good, bool), True)[self.codes]
        return int(np.argmin(at)) + 1


def infer(text: pd.DataFrame, overrides: Mapping[str, str] | None = None) -> Schema:
    """The schema of a table of text cells, as `read_table` gives it.

    integer: whole numbers without leading zeros that fit 64 bits. number: decimals or exponents too. boolean: true and false in
    any case (yes/no, t/f and 0/1 stay levels, as in pandas.read_csv, unless overridden). datetime: one format for all cells.
    category: other texts. id: texts of which more than 95 % differ among more than 50 rows, or more than 20,000 different;
    integers that all differ among more than 50 rows and either leave no number out or are named so (id, key, index, ..._id).
    constant: one value and none missing. empty: nothing but missing cells. ordered: by override only.
    overrides: {column: kind}; `ordered:low,mid,high` gives the order, `datetime:%Y%m%d` the format. Raises UserError for an
    unknown column or kind, cells that do not fit an override, and infinity among numbers (column and row).
    """
    overrides = overrides or {}
    for name, kind in overrides.items():
        if name not in text.columns:
            raise UserError(f"types: no column {name!r}: the table has {', '.join(map(str, text.columns[:20]))}")
        if kind.partition(":")[0] not in KINDS:
            raise UserError(f"types: column {name!r} cannot be {kind!r}: give one of {', '.join(KINDS)}")
    tokens, types = text.attrs.get("missing", {}), text.attrs.get("dtypes", {})
    columns = []
    for name in text.columns:
        found, override = _found(name, text[name]), overrides.get(name, "")
        columns.append(_column(found, len(text), override, dtype=types.get(name, ""), token=tokens.get(name, "")))
    return Schema(tuple(columns), len(text), text.attrs.get("separator", ","))


def _found(name: str, cells: pd.Series) -> Found:
    codes, uniques = pd.factorize(cells)
    texts = np.asarray(uniques, object)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    order = np.lexsort((texts.astype(str), -counts)) if len(texts) else np.zeros(0, np.int64)
    place = np.append(np.argsort(order), -1)
    return Found(name, texts[order].tolist(), counts[order], place[codes])


def _column(found: Found, rows: int, override: str, *, dtype: str, token: str) -> Column:
    missing = float((found.codes < 0).mean())
    kind, told = _forced(found, override) if override else _free(found, rows, missing, dtype)
    note = str(told.pop("note", ""))
    return Column(found.name, kind, missing=missing, distinct=len(found.texts), token=token, note=note, **told)  # type: ignore[arg-type]


def _free(found: Found, rows: int, missing: float, dtype: str) -> tuple[Kind, dict[str, object]]:
    if not found.texts:
        return "empty", {"note": "every cell is missing: kept so"}
    written = dtype.startswith(("string", "large_string", "dictionary"))  # Parquet says that these are texts
    cells, told = ("text", {}) if written else _cells(found)
    if len(found.texts) == 1 and not missing:
        return "constant", {**told, "cells": cells, "levels": (found.texts[0],), "note": "the same in every row"}
    present = int(found.counts.sum())
    if cells == "integer":
        differ = present == rows > FEW_ROWS and len(found.texts) > DIFFERENT * rows
        named = NAMED_ID.fullmatch(found.name) or CAMEL_ID.fullmatch(found.name)
        closed = len(found.texts) == rows and cast(int, told["high"]) - cast(int, told["low"]) + 1 == rows
        if differ and (named or closed):
            return "id", {**told, "cells": cells, "note": f"taken as an id: {len(found.texts):,} different numbers"}
    if cells != "text":
        return cells, {**told, "cells": cells}  # the cells' names are kinds' names too
    many = len(found.texts) > MOST_LEVELS or (present > FEW_ROWS and len(found.texts) > DIFFERENT * present)
    if many:
        note = "; ".join(filter(None, [f"taken as an id: {len(found.texts):,} different texts", str(told.get("note", ""))]))
        return "id", {"pattern": pattern(found.texts), "note": note}
    return "category", {"levels": tuple(found.texts), **told}


def _forced(found: Found, override: str) -> tuple[Kind, dict[str, object]]:
    kind, _, detail = override.partition(":")
    if not found.texts and kind != "empty":
        return "empty", {"note": f"every cell is missing: it cannot be {kind}"}
    if kind in FORCED:
        return cast(Kind, kind), {**_demanded(found, FORCED[kind], detail), "cells": FORCED[kind]}
    if kind == "id":
        return "id", {"pattern": pattern(found.texts)}
    if kind == "ordered":
        levels = tuple(each.strip() for each in detail.split(",")) if detail else tuple(sorted(found.texts, key=_by_number))
        good = [each in levels for each in found.texts]
        if not all(good) or len(set(levels)) < len(levels):
            bad = next((each for each, fine in zip(found.texts, good, strict=True) if not fine), "a level twice")
            raise UserError(
                f"types: column {found.name!r}, row {found.row(good)}: {bad!r} is not in the order {', '.join(levels)}"
            )
        return "ordered", {"levels": levels, "note": "" if detail else f"order taken: {', '.join(levels[:8])}"}
    if kind == "category":
        return "category", {"levels": tuple(found.texts)}
    if kind == "constant" and len(found.texts) == 1 and np.all(found.codes == 0):
        return "constant", {"levels": (found.texts[0],)}
    if kind == "empty" and not found.texts:
        return "empty", {}
    raise UserError(f"types: column {found.name!r} is not {kind}: it has {len(found.texts):,} different values")


def _by_number(text: str) -> tuple[int, float, str]:
    return (0, float(text), text) if NUMBER.fullmatch(text) else (1, 0.0, text)


def _demanded(found: Found, cells: Cells, detail: str) -> dict[str, object]:
    if cells == "boolean":
        lower = {each.lower(): each for each in found.texts}
        pair = next((pair for pair in PAIRS if len(lower) == len(found.texts) and set(lower) <= set(pair)), None)
        if pair is None or len(found.texts) < 2:
            raise UserError(f"types: column {found.name!r} is not boolean: it has {', '.join(found.texts[:5])}, "
                            "and true/false, yes/no, y/n, t/f, 0/1 or on/off are taken")  # fmt: skip
        return {"levels": (lower[pair[0]], lower[pair[1]])}
    if cells == "datetime":
        if detail and not dates.known(detail):
            raise UserError(
                f"types: column {found.name!r}: the format {detail!r} needs a year, month and day, as %Y-%m-%d %H:%M:%S"
            )
        formats = [detail] if detail else dates.find(found.texts)
        when = dates.read(formats[0], found.texts) if formats else None
        if when is None:
            form = detail or next(iter(dates.find(found.texts[:1])), "")
            good = [bool(form) and dates.read(form, [each]) is not None for each in found.texts]
            raise _unfit(found, good, f"no date{f' of the format {form}' if form else ''}")
        return _dated(formats, when)
    good = [bool((INTEGER if cells == "integer" else NUMBER).fullmatch(each)) for each in found.texts]
    told = _integers(found) if all(good) and cells == "integer" else _numbers(found) if all(good) else None
    if told is None:
        raise _unfit(found, good, "no integer of 64 bits" if cells == "integer" else "no number")
    return told


def _unfit(found: Found, good: list[bool], why: str) -> UserError:
    row = found.row(good)
    return UserError(f"types: column {found.name!r}, row {row}: {found.texts[found.codes[row - 1]]!r} is {why}")


# What the cells are.


def _cells(found: Found) -> tuple[Cells, dict[str, object]]:
    """What all present cells are, and what the schema keeps of it; of texts, a note where they are nearly something else."""
    texts = found.texts
    numeric = [bool(NUMBER.fullmatch(each)) for each in texts]
    if all(numeric):
        whole = all(INTEGER.fullmatch(each) for each in texts)
        if whole and (told := _integers(found)) is not None:
            return "integer", told
        if all(LONG.fullmatch(each) for each in texts):
            return "text", {"note": "integers of more than 64 bits: kept as text"}
        return "number", _numbers(found)
    endless = [bool(INFINITE.fullmatch(each)) for each in texts]
    if any(numeric) and all(a or b for a, b in zip(numeric, endless, strict=True)):
        raise _endless(found, [not each for each in endless])
    if len(texts) == 2 and {each.lower() for each in texts} == {"false", "true"}:
        return "boolean", {"levels": tuple(sorted(texts, key=str.lower))}
    if formats := dates.find(texts):
        when = dates.read(formats[0], texts)
        assert when is not None
        return "datetime", _dated(formats, when)
    return "text", {"note": _nearly(found, numeric)}


def _endless(found: Found, good: list[bool]) -> UserError:
    row = found.row(good)
    return UserError(f"column {found.name!r}, row {row}: {found.texts[found.codes[row - 1]]!r} among numbers: "
                     f"give a number below {LARGEST:g}, or leave the cell empty")  # fmt: skip


def _integers(found: Found) -> dict[str, object] | None:
    values = [int(each) for each in found.texts]
    low, high = min(values), max(values)
    return {"low": low, "high": high, "decimals": 0} if low >= -(2**63) and high < 2**63 else None


def _numbers(found: Found) -> dict[str, object]:
    values = np.array([float(each) for each in found.texts])
    if not np.all(np.abs(values) < LARGEST):
        raise _endless(found, (np.abs(values) < LARGEST).tolist())
    parts = [each.lower().partition("e") for each in found.texts]
    written = [len(mantissa.partition(".")[2]) for mantissa, _, _ in parts]
    used = [len(mantissa.partition(".")[2].rstrip("0")) - int(power or 0) for mantissa, _, power in parts]
    most = max(*used, 0)
    decimals = most if most <= 15 and np.abs(values).max() * 10.0**most < 2**53 else None
    form = "shortest"
    if not any(power for _, _, power in parts) and min(written) > 0:
        form = f".{written[0]}f" if len(set(written)) == 1 and written[0] <= 15 else "point"
    return {"low": float(values.min()), "high": float(values.max()), "decimals": decimals, "format": form}


def _dated(formats: list[str], when: np.ndarray) -> dict[str, object]:
    def seconds(at: np.datetime64) -> int | float:
        whole, exact = at.astype("M8[s]"), at.astype("M8[us]").astype(np.int64)
        return int(whole.astype(np.int64)) if whole == at else float(exact) / 1e6

    several = len(formats) > 1
    note = f"{formats[0]} or {formats[1]}, the first is taken: override with datetime:{formats[1]}" if several else ""
    return {"low": seconds(when.min()), "high": seconds(when.max()), "format": formats[0], "note": note}


def _nearly(found: Found, numeric: list[bool]) -> str:
    """Why a column of texts is not what most of its cells are."""
    total = found.counts.sum()
    share = found.counts[numeric].sum() / total
    if share >= NEARLY:
        return f"{share:.2%} of the cells are numbers, row {found.row(numeric)} is not: taken as text"
    forms = {form for each in found.texts[:TRIED] for form in dates.find([each])[:1]}
    fits = {form: [dates.read(form, [each]) is not None for each in found.texts] for form in sorted(forms)}
    if not fits:
        return ""
    form, dated = max(fits.items(), key=lambda each: found.counts[each[1]].sum())
    fit = found.counts[dated].sum() / total
    told = f"dates of several formats: {fit:.0%} are {form}, row {found.row(dated)} is not"
    return f"{told}: taken as text" if fit >= 0.1 else ""
