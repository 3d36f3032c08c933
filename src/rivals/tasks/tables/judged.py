"""Judging a run of a table recipe: what its rows are compared with."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.games.gan import Sample
from rivals.metrics import Judging, MetricCard
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.data.constraints import broken
from rivals.tasks.tables.judging import judge
from rivals.tasks.tables.judging.charts import charts
from rivals.tasks.tables.sampling import read_rows, rows
from rivals.tasks.tables.training import Table, of_run

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 10_000  # synthetic rows that are judged, where there are so many to train on


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Shapes, pairs, detection, use and privacy of synthetic rows, beside those of simple samplers.

    As many rows are judged as were trained on, at most 10,000, or more where more samples are asked for.
    """
    if judging.backbone != "own" or judging.weights:
        raise UserError("tables are judged without a backbone: leave --backbone and --weights out")
    table, form = of_run(record), Form.from_dict(record["facts"]["form"])
    made = _made(game, record, table, judging)
    return judge(
        table.train,
        table.held,
        made,
        table.schema,
        target=record["facts"]["target"],
        judging=judging,
        constraints_broken=broken_rows(form, made) if form.kept.constraints else None,
    )


def broken_rows(form: Form, made: pd.DataFrame) -> int:
    """How many rows break a constraint of the form; of those that must differ, all but the first of each."""
    bad = form.kept.broken(made)
    for each in form.kept.constraints:
        if each.word == "unique":
            bad |= broken(each, made, form.schema)
    return int(bad.sum())


def _made(game: Game[Any], record: Mapping[str, Any], table: Table, judging: Judging) -> pd.DataFrame:
    count = max(judging.samples, min(len(table.train), MOST))
    return rows(game, Form.from_dict(record["facts"]["form"]), count, seed=judging.seed)


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> "dict[str, Image]":
    """Columns and pairs, real beside synthetic."""
    table = of_run(record)
    return charts(table.held, _made(game, record, table, Judging()), table.schema)


def held_out(record: Mapping[str, Any]) -> Sample:
    """The real rows that the run was not trained on."""
    table = of_run(record)
    return Sample(Form.from_dict(record["facts"]["form"]).encode(table.held))


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """The rows of tables with the run's columns, to be scored."""
    return read_rows(files, Form.from_dict(facts["form"]))
