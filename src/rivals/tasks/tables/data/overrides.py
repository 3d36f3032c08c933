"""Kinds of columns that a user declares: "age=integer", or a JSON file that holds them."""

import json
from collections.abc import Sequence
from pathlib import Path

from rivals.core.errors import UserError


def overrides(told: Sequence[str]) -> dict[str, str]:
    """Column -> kind. told: texts such as "age=integer", and names of JSON files with one object.

    Raises UserError for text that is neither, and for a file that does not hold such an object.
    """
    found: dict[str, str] = {}
    for each in told:
        if each.endswith(".json") and "=" not in each:
            found |= _file(Path(each))
            continue
        column, sign, kind = each.rpartition("=")
        if not sign or not column:
            raise UserError(f"--types {each!r}: give column=kind, as age=integer, or a JSON file")
        found[column.strip()] = kind.strip()
    return found


def _file(path: Path) -> dict[str, str]:
    try:
        held = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise UserError(f"{path}: no JSON ({error})") from None
    if not isinstance(held, dict) or not all(isinstance(kind, str) for kind in held.values()):
        raise UserError(f'{path}: give one object of column names and kinds, as {{"age": "integer"}}')
    return held
