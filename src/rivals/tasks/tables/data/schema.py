"""What a table's columns are: kinds, levels, ranges, and how the file writes their cells."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rivals.core.errors import UserError

Kind = Literal["number", "integer", "ordered", "category", "boolean", "datetime", "id", "constant", "empty"]
Cells = Literal["number", "integer", "boolean", "datetime", "text"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Column:
    """name, kind; missing: share of the rows, 0 to 1; distinct: different values among the present cells.

    cells: what one present cell is, which gives the column's dtype (a constant can be any, an id text or integer).
    levels: texts of a category (most frequent first), of an ordered column (lowest first), of a boolean (false, true), of a
    constant (one). low, high: smallest and largest number or, of dates, seconds since 1970. decimals: digits after the point,
    0 of integers; None where rounding would say nothing (more than a float64 holds). format: of dates strftime's text (`%-d` for
    no leading zero, `%3f` for three digits of a second); of numbers `fixed` (always all decimals), `point` (at least one), or
    `shortest`. token: how the file writes a missing cell. pattern: of text ids, (share, alphabet of each position), one for each
    length. note: what a reader should know, or "".
    """

    name: str
    kind: Kind
    cells: Cells = "text"
    missing: float = 0.0
    distinct: int = 0
    levels: tuple[str, ...] = ()
    low: float | int | None = None
    high: float | int | None = None
    decimals: int | None = None
    format: str = ""
    token: str = ""
    pattern: tuple[tuple[float, tuple[str, ...]], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Schema:
    """The columns in the file's order; rows: of the table that it was found on; separator: between the cells of a CSV."""

    columns: tuple[Column, ...]
    rows: int = 0
    separator: str = ","

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """By name; raises UserError where there is none."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise UserError(f"no column {name!r}: the table has {', '.join(self.names[:20])}")
        return found

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Schema":
        """The schema that `as_dict` wrote, through JSON or not."""
        columns = []
        for each in told["columns"]:
            pattern = tuple((share, tuple(alphabets)) for share, alphabets in each["pattern"])
            columns.append(Column(**{**each, "levels": tuple(each["levels"]), "pattern": pattern}))
        return cls(tuple(columns), told["rows"], told["separator"])
