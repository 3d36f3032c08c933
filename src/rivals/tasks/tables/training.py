"""What every table recipe does alike: a file's rows made ready, split, and the trainer that then gives rows back."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rivals.core.device import pick_device
from rivals.core.errors import UserError
from rivals.core.ranks import join
from rivals.core.store import Store, sha256
from rivals.core.stream import Data
from rivals.core.trainer import Trainer
from rivals.games.gan import Sample
from rivals.games.settings import Settings
from rivals.tasks.tables.data import Form, Schema, find_constraints, infer, parse, read_table
from rivals.tasks.tables.data.overrides import overrides
from rivals.tasks.tables.data.survey import Survey, surveyed
from rivals.tasks.tables.sampling import rows as synthetic

OPTIONS = {
    "data": "A table: .csv, .tsv (or .csv.gz) or .parquet, one row a record.",
    "target": "The column that others predict: judged by training on synthetic rows and testing on real ones.",
    "types": "Kinds of columns where the found ones are wrong, as age=integer; or a JSON file. rivals inspect shows them.",
    "constraint": "What every row keeps, as 'a < b', 'a + b = c', 'fixed a b'; auto: what is found in the data; none: nothing.",
    "rows": "Rows to train on, the rest held out for judging; by default nine in ten.",
    "micro": "Rows in each backward pass, to save memory; all of the batch by default.",
}
"""The options that all table recipes share, and what the command line's help says of them."""

NEXT = (
    ("sample {run} -n 10000 -o synthetic.csv", "rows, written as your file is"),
    ("score {run} synthetic.csv", "how real each row looks to the discriminator"),
    ("evaluate {run} --seed 1", "judge other rows"),
)
"""What to do with a finished run, and what it is for."""


class Table(NamedTuple):
    """A file's rows, parted: typed tables of those to train on and those held out, and what the columns are."""

    train: pd.DataFrame
    held: pd.DataFrame
    schema: Schema
    digest: str
    survey: Survey | None = None


def load(data: Path, types: Sequence[str] | None, rows: int | None, seed: int) -> Table:
    """Reads a file and parts its rows at random by `seed`. Raises UserError for what cannot be read or trained on."""
    text = read_table(data)
    schema = infer(text, overrides(types or ()))
    if all(column.kind in ("id", "constant", "empty") for column in schema.columns):
        raise UserError(f"{data}: every column is an id, constant or empty, so there is nothing to learn")
    table = parted(parse(text, schema), schema, rows, seed, sha256(data))
    return table._replace(survey=surveyed(data, text, schema))


def parted(frame: pd.DataFrame, schema: Schema, rows: int | None, seed: int, digest: str = "") -> Table:
    """A typed table in two, at random by `seed`: `rows` to train on (nine in ten by default), the rest held out."""
    count = len(frame)
    rows = max(count - max(count // 10, 1), 1) if rows is None else rows
    if not 1 <= rows < count:
        raise UserError(f"rows is {rows}: the table has {count:,}, and some must be held out: give 1 to {count - 1:,}")
    order = np.random.default_rng(seed).permutation(count)
    train, held = (frame.iloc[np.sort(part)].reset_index(drop=True) for part in (order[:rows], order[rows:]))
    return Table(train, held, schema, digest)


def formed(table: Table, constraint: Sequence[str], *, modes: bool = False, seed: int = 0) -> Form:
    """The form of the training rows, with the constraints that were declared, found ("auto") or neither ("none")."""
    declared = [each for each in constraint if each not in ("auto", "none")]
    found = find_constraints(table.train, table.schema) if "auto" in constraint else []
    return Form.fit(table.train, table.schema, constraints=_kept(declared, found), modes=modes, seed=seed)


def _kept(declared: list[str], found: list[str]) -> list[str]:
    return [*declared, *(each for each in found if each not in declared)]


def tell(table: Table, form: Form, device: str, out: Path | None) -> None:
    """Says on standard error what was found and is kept, before a run begins; of a run that goes on it has been said."""
    if table.survey is None or (out is not None and out.exists()) or join(pick_device(device)).rank:
        return
    survey = replace(table.survey, constraints=[each.text for each in form.kept.constraints])
    split = f"  {len(table.train):,} rows to train on, {len(table.held):,} held out to judge by"
    print(f"{survey.text()}\n{split}", file=sys.stderr)


def facts_of(table: Table, form: Form, target: str | None) -> dict[str, Any]:
    """What run.json keeps of the data, for `game(facts)`, sampling and judging: JSON-able."""
    return {"data": table.digest, "form": form.as_dict(), "target": target, "training rows": len(table.train)}


def check_target(table: Table, target: str | None) -> None:
    """Raises UserError for a target that the table lacks, or that cannot be predicted."""
    if target is not None and table.schema.column(target).kind in ("id", "constant", "empty", "datetime"):
        raise UserError(f"target {target!r} is {table.schema.column(target).kind}: give a column of numbers or of levels")


def of_run(record: Mapping[str, Any]) -> Table:
    """The table that a run was trained on, read again; raises UserError where the file has changed or gone."""
    arguments, facts = record["arguments"], record["facts"]
    return _again(
        Path(arguments["data"]), facts["data"], json.dumps(facts["form"]["schema"]), arguments["rows"], arguments["seed"]
    )


@lru_cache(maxsize=1)  # judging needs it three times
def _again(data: Path, digest: str, schema: str, rows: int | None, seed: int) -> Table:
    if sha256(data) != digest:
        raise UserError(f"{data} has changed since the run was trained: judge it with the file that it was trained on")
    found = Schema.from_dict(json.loads(schema))
    return parted(parse(read_table(data), found), found, rows, seed, digest)


class TableTrainer(Trainer[Sample]):
    """A trainer that gives rows: `recipe(...).fit().sample(1000)`."""

    def sample(self, n: int, *, where: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
        """`n` synthetic rows from the averaged weights, with the original columns and dtypes.

        where: conditions that every row meets, such as "income=>50K" or "age=30..40". Raises UserError for one that none can.
        """
        with self.averaged() as game:
            return synthetic(game, Form.from_dict(self.facts["form"]), n, seed=seed, where=where)


def train(
    game: Any,
    stream: Data[Sample],
    facts: Mapping[str, Any],
    settings: Settings,
    *,
    half_life: float | None = None,
    schedules: Mapping[str, Callable[[float], Any]] | None = None,
) -> TableTrainer:
    """The trainer of a table game, in the run folder that the settings name."""
    return TableTrainer(
        game,
        stream,
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=half_life,
        schedules=schedules,
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )
