"""What must hold in every row: read from a line of text by a small grammar, and checked exactly, in whole units.

    a < b, a <= b        numbers or dates                     unique a b       no two rows alike in these columns
    a + b + c = d        and <=, <, >=, >, either way round   fixed a b c      only combinations that the real table has
    positive a           above 0                              nonnegative a    0 or above

A name that holds a space or one of < > = + , is put in double quotes or backticks. A constraint says nothing of a row in which
one of its cells is missing.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.data.views import EXACT, scaled, step

Relation = Literal["<", "<=", "=", ">=", ">"]
Word = Literal["unique", "positive", "nonnegative", "fixed"]
TOKEN = re.compile(r'\s*(?:"([^"]*)"|`([^`]*)`|(<=|>=|==|=|<|>|\+)|([^\s<>=+"`,]+)|(,))')
WORDS = ("unique", "positive", "nonnegative", "fixed")
TURNED: dict[str, Relation] = {"<": ">", "<=": ">=", "=": "=", ">=": "<=", ">": "<"}


@dataclass(frozen=True)
class Constraint:
    """word: unique, positive, nonnegative or fixed, of `columns`; or a relation: the sum of `columns` to the column `total`."""

    columns: tuple[str, ...]
    word: Word | None = None
    relation: Relation | None = None
    total: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All its columns."""
        return (*self.columns, self.total) if self.relation else self.columns

    @property
    def text(self) -> str:
        """The declaration, which `read_constraint` reads back."""
        if self.word:
            return " ".join([self.word, *map(quoted, self.columns)])
        return f"{' + '.join(map(quoted, self.columns))} {self.relation} {quoted(self.total)}"


def quoted(name: str) -> str:
    """A column's name as a declaration needs it."""
    plain = re.fullmatch(r'[^\s<>=+"`,]+', name) and name not in WORDS
    return name if plain else f"`{name}`" if '"' in name else f'"{name}"'


def read_constraint(text: str, schema: Schema) -> Constraint:
    """Raises UserError where the text fits no form, or a column is unknown or of a kind that the constraint cannot hold."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = TOKEN.match(text, at)
        if not found:
            raise UserError(f"constraint {text!r}: cannot read from {text[at:].strip()[:20]!r} on: is a quote not closed?")
        double, back, sign, bare, comma = found.groups()
        at = found.end()
        if comma is None:
            name = next((each for each in (double, back, bare) if each is not None), None)
            tokens.append((sign, name, double is None and back is None))
    made = _read(text, tokens)
    columns = [_known(text, name, schema) for name in made.names]
    if len(set(made.names)) < len(made.names):
        raise UserError(f"constraint {text!r}: a column comes twice")
    _fitting(text, made, columns)
    return made


def _read(text: str, tokens: list[tuple[str | None, str | None, bool]]) -> Constraint:
    signs = [sign for sign, _, _ in tokens]
    names = [name for _, name, _ in tokens]
    first = names[0] if tokens else None
    if first in WORDS and tokens[0][2] and len(tokens) > 1 and not any(signs):
        word = cast(Word, first)
        columns = tuple(cast(list[str], names[1:]))
        if word == "fixed" and len(columns) < 2:
            raise UserError(f"constraint {text!r}: fixed needs two columns or more")
        if word in ("positive", "nonnegative") and len(columns) > 1:
            raise UserError(f"constraint {text!r}: {word} takes one column: declare each by itself")
        return Constraint(columns, word)
    relations = [at for at, sign in enumerate(signs) if sign not in (None, "+")]
    regular = len(tokens) % 2 == 1 and all((sign is None) == (at % 2 == 0) for at, sign in enumerate(signs))
    if not regular or len(relations) != 1:
        raise UserError(f"constraint {text!r}: give `a < b`, `a <= b`, `a + b = c`, `unique a`, `positive a`, `nonnegative a` or "
                        "`fixed a b` (names with spaces in quotes)")  # fmt: skip
    at = relations[0]
    sides = tuple(cast(list[str], names[:at:2])), tuple(cast(list[str], names[at + 1 :: 2]))
    relation = cast(Relation, cast(str, signs[at]).replace("==", "="))
    if len(sides[1]) > 1 or (relation in (">", ">=") and len(sides[0]) == 1):
        sides, relation = (sides[1], sides[0]), TURNED[relation]
    if len(sides[1]) > 1:
        raise UserError(f"constraint {text!r}: one side must be a single column")
    return Constraint(sides[0], None, relation, sides[1][0])


def _known(text: str, name: str, schema: Schema) -> Column:
    if name not in schema.names:
        raise UserError(f"constraint {text!r}: no column {name!r}: the table has {', '.join(schema.names[:20])}")
    return schema.column(name)


def _fitting(text: str, made: Constraint, columns: list[Column]) -> None:
    for column in columns:
        if column.kind == "empty":
            raise UserError(f"constraint {text!r}: every cell of {column.name!r} is missing")
        if column.kind == "id" and made.word != "unique":
            raise UserError(f"constraint {text!r}: {column.name!r} is an id, of which only `unique` can be asked")
    if made.word in ("unique", "fixed"):
        return
    dated = [column.cells == "datetime" for column in columns]
    if any(dated) and (made.word or not all(dated) or len(columns) > 2):
        raise UserError(f"constraint {text!r}: of dates only two can be compared, as in `{quoted(columns[0].name)} < ...`")
    bad = next((column for column in columns if column.cells not in ("number", "integer", "datetime")), None)
    if bad:
        raise UserError(f"constraint {text!r}: {bad.name!r} is {bad.kind}: numbers or dates are needed")


def common(columns: list[Column]) -> float | None:
    """The unit in which all these columns' cells are whole numbers: of dates microseconds. None where a float64 holds none."""
    if columns[0].cells == "datetime":
        return min(map(step, columns))
    decimals = [column.decimals for column in columns]
    if any(each is None for each in decimals):
        return None
    unit = min(map(step, columns))
    largest = max(max(abs(column.low or 0), abs(column.high or 0)) for column in columns)
    return unit if largest / unit * len(columns) < EXACT else None


def broken(made: Constraint, frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """(n,) the rows in which it does not hold; of `unique` all but the first of those alike; `fixed` is not judged here."""
    columns = [schema.column(name) for name in made.names]
    present = ~frame[list(made.names)].isna().any(axis=1).to_numpy(bool)
    if made.word == "fixed":
        return np.zeros(len(frame), bool)
    if made.word == "unique":
        return frame.duplicated(list(made.names)).to_numpy(bool) & present
    if made.word:
        x = frame[made.names[0]].to_numpy(float, na_value=np.nan)
        return present & ~(x > 0 if made.word == "positive" else x >= 0)
    unit = common(columns)
    *terms, total = [scaled(frame[column.name], column, unit) for column in columns]
    rest = total - np.sum(terms, 0)
    if unit is None:  # no exact sums of floats
        near = np.isclose(total, np.sum(terms, 0), rtol=1e-9, atol=0) if len(terms) > 1 else rest == 0
        rest = np.where(near, 0.0, rest)
    with np.errstate(invalid="ignore"):
        holds = {"<": rest > 0, "<=": rest >= 0, "=": rest == 0, ">=": rest <= 0, ">": rest < 0}[cast(str, made.relation)]
    return present & ~holds
