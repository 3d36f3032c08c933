"""What the recipes of series do alike: their options, the facts that run.json keeps, and the trainer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.core.watch import every
from rivals.games.gan import Sample
from rivals.games.settings import Settings
from rivals.metrics import Doctor
from rivals.tasks.series.charts import previews
from rivals.tasks.series.data import Columns, Data, Windows, load, tell
from rivals.tasks.series.layout import Layout

OPTIONS = {
    "data": "CSV or Parquet file; or sines, which need none.",
    "time": "The column of time stamps, dates or numbers; the one of ISO dates by default, else rows in their order.",
    "entity": "The column that tells series apart, such as a customer's or a machine's name.",
    "channels": "Columns to model, separated by commas; by default all other columns of numbers.",
    "attributes": "Columns that are constant within an entity, separated by commas: categories or numbers.",
    "wide": "A row is a whole series: columns are its steps, or are named channel_1, channel_2, ...",
    "length": "Steps of a window; by default whole entities, or 24 steps of one long series.",
    "step": "Steps between the starts of two windows.",
    "max_gap": "Missing steps in a row that are filled with the value before; at longer gaps a series is cut.",
    "micro": "Series in each backward pass, to save memory; all of the batch by default.",
}
"""The options that the recipes of series share, and what the command line's help says of them."""

NEXT = (
    ("sample {run} -n 1000 -o synthetic.csv", "a thousand series"),
    ("sample {run} -n 10 --given FILE -o next.csv", "go on from the end of a file"),
    ("evaluate {run} --metric discriminative", "TimeGAN's own score, some minutes"),
)
"""What to do with a finished run, and what it is for."""


def facts_of(found: Data, path: Path, columns: Columns, windows: Windows) -> dict[str, Any]:
    """What run.json keeps of the data: JSON-able. "source" finds the same series again for judging."""
    source = {
        "path": str(path if str(path) == "sines" else path.resolve()),
        "columns": asdict(columns),
        "windows": windows._asdict(),
    }
    return {"data": found.digest, "layout": found.layout.as_dict(), "source": source}


def again(facts: Mapping[str, Any]) -> Data:
    """The data of a run, read again; raises UserError where they have gone or changed."""
    return _again(json.dumps(facts["source"]), facts["data"])


@lru_cache(maxsize=1)  # judging needs it several times
def _again(told: str, digest: str) -> Data:
    source = json.loads(told)
    columns = {key: tuple(each) if isinstance(each, list) else each for key, each in source["columns"].items()}
    found = load(Path(source["path"]), Columns(**columns), Windows(**source["windows"]))
    if found.digest != digest:
        raise UserError(f"{source['path']} has changed since this run was trained on it: its series are others")
    return found


def layout_of(facts: Mapping[str, Any]) -> Layout:
    return Layout.from_dict(facts["layout"])


def opened(path: Path, columns: Columns, windows: Windows, settings: Settings) -> Data:
    """The data of a new run; what was done to the file is told on standard error, unless a run goes on."""
    found = load(path, columns, windows)
    if len(found.train) < 8:
        raise UserError(f"{path} gives {len(found.train)} training series, and at least 8 are needed: "
                        "give a shorter --length, a smaller --step, or more entities")  # fmt: skip
    if settings.out is None or not settings.out.exists():
        tell(found)
    return found


def train(
    game: Game[Sample],
    found: Data,
    encode: Callable[[Any], Tensor],
    facts: Mapping[str, Any],
    settings: Settings,
    *,
    schedules: Mapping[str, Callable[[float], Any]] | None = None,
    watched: bool = True,
) -> Trainer[Sample]:
    """The trainer of a game of series. encode: Series -> what the game is played on. watched: by the doctor."""
    table = Sample(encode(found.train))
    real = found.held_out if len(found.held_out) else found.train
    aside = Sample(encode(real.rows(np.random.default_rng(0).permutation(len(real))[:2048])))
    watchers = [every(max(settings.samples // 20, 1), previews(found.layout, some(real)))]
    doctor = Doctor(aside, lambda rows: table.map(lambda t: t[rows]), len(table))
    return Trainer(
        game,
        Stream.over(table, seed=settings.seed, workers=settings.workers),
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=settings.samples / 30,
        schedules=schedules,
        watchers=[*watchers, *([doctor] if watched else [])],
        measure=doctor.distance if watched else None,
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )


def some(series: Any, count: int = 6) -> Any:
    """A few of the series, spread over all."""
    return series.rows(np.linspace(0, len(series) - 1, min(count, len(series))).astype(int))
