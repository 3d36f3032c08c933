"""Wanted: what a person asks of `rivals sample`; each task draws it in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rivals.core.errors import UserError, within
from rivals.core.types import Tensor


def check(n: int, seed: int) -> None:
    """Raises UserError for fewer than one sample and for a seed that no generator takes."""
    if n < 1:
        raise UserError(f"n is {n}: ask for at least one sample")
    within(0, 2**63 - 1, seed=seed)


@dataclass(frozen=True)
class Wanted:
    """n samples from `seed`, left at `out`, a file or a folder that is new.

    label, attributes: the class, or the vector, of all of them. where: conditions on columns, as text. given: a file to go on
    from. safe: cells that a spreadsheet would run as a formula are escaped.
    Raises UserError as `check` does.
    """

    n: int
    seed: int
    out: Path
    label: str | None = None
    attributes: Sequence[float] | None = None
    where: tuple[str, ...] = ()
    given: Path | None = None
    safe: bool = False

    def __post_init__(self) -> None:
        check(self.n, self.seed)

    def refuse(self, kind: str, *options: str) -> None:
        """Raises UserError where an option was given that means nothing for samples of this `kind`."""
        given = {
            "--label": self.label is not None,
            "--attributes": self.attributes is not None,
            "--where": bool(self.where),
            "--given": self.given is not None,
            "--safe-csv": self.safe,
        }
        for option in options:
            if given[option]:
                raise UserError(f"{option} is not for {kind}: leave it out")


class Trained(Protocol):
    """What drawing reads of a `rivals.Model`. record: run.json; task: the recipe's module; game: in eval mode."""

    run: Path
    record: dict[str, Any]
    task: Any
    game: Any

    def labelled(
        self, n: int, *, label: int | str | None = None, attributes: Sequence[float] | None = None, seed: int = 0
    ) -> tuple[Tensor, Tensor | None]: ...
