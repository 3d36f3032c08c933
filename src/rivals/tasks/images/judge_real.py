"""The real pictures of a run, opened again to judge it, and generated ones in the same proportions."""

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media.collection import Pictures, load
from rivals.metrics import Backbone
from rivals.nn.format import Format
from rivals.tasks.images.stack import stack

Record = Mapping[str, Any]
ROWS = 60_000  # training pictures that are looked at: of more, as many at random
CHUNK = 250  # pictures at a time, so that memory does not grow with their number


@dataclass(frozen=True)
class Real:
    """form: of one picture, condition included. digest: of the data. names: of classes or attributes. count: training
    pictures. fetch: item numbers (n,) -> training pictures. held_out: those that no run trains on.
    """

    form: Format
    digest: str
    names: list[str]
    count: int
    fetch: Callable[[Tensor], Sample]
    held_out: Sample

    def rows(self, most: int = ROWS) -> Tensor:
        """Numbers of at most `most` training pictures, always the same."""
        if self.count <= most:
            return torch.arange(self.count)
        return torch.randperm(self.count, generator=torch.Generator().manual_seed(0))[:most].sort().values

    def train(self, rows: Tensor) -> Iterator[Sample]:
        return (self.fetch(part) for part in rows.split(CHUNK))

    def conditions(self) -> Tensor | None:
        """Of the training pictures, of `ROWS` at most."""
        if not self.form.conditional:
            return None
        return torch.cat([each for part in self.train(self.rows()) if (each := part.condition) is not None])

    def wanted(self, n: int, seed: int) -> Tensor | None:
        """Conditions for `n` samples in the proportions of the training pictures: classes spread evenly, attribute rows drawn."""
        conditions = self.conditions()
        if conditions is None:
            return None
        if self.form.classes:
            place = (torch.arange(n) + 0.5) * (len(conditions) / n)
            shown = conditions.sort().values[place.long().clamp(max=len(conditions) - 1)]
            return shown[torch.randperm(n, generator=torch.Generator().manual_seed(seed))]
        return conditions[torch.randint(len(conditions), (n,), generator=torch.Generator().manual_seed(seed))]


class Seen(NamedTuple):
    """Features (n, d) of pictures, and their conditions where there are."""

    features: Tensor
    condition: Tensor | None

    @property
    def labels(self) -> Tensor:
        if self.condition is None:
            raise UserError("this run has no labels: give --metric a measure that needs none")
        return self.condition


def real(record: Record) -> Real:
    """The pictures that a run was trained on and those it was not; raises UserError where they are gone or have changed."""
    facts, told = record["facts"], record["arguments"]
    stacked = facts.get("stack", 1) > 1
    pictures = _load(
        str(told["data"]),
        f"{facts['height']}x{facts['width']}",
        str(told["labels"]) if told.get("labels") else None,
        1 if stacked else facts["channels"],
        bool(told.get("allow_bad")),
        int(told.get("seed") or 0),
    )
    if facts.get("data", pictures.digest) != pictures.digest:
        raise UserError(f"{told['data']} has changed since this run was trained: put the same pictures back to judge it")
    if stacked:
        pictures = stack(pictures, int(told.get("seed") or 0), 0)
    return Real(pictures.form, pictures.digest, pictures.names, pictures.count, pictures.fetch, pictures.held_out)


@lru_cache(maxsize=1)
def _load(data: str, size: str, labels: str | None, channels: int, allow_bad: bool, seed: int) -> Pictures:
    with contextlib.redirect_stderr(io.StringIO()):  # what the data are was said when the run was trained
        return load(Path(data), size=size, labels=Path(labels) if labels else None, channels=channels,
                    allow_bad=allow_bad, seed=seed)  # fmt: skip


def singles(record: Record) -> Pictures:
    """The grey pictures that a run of stacked ones takes its channels from."""
    facts, told = record["facts"], record["arguments"]
    return _load(str(told["data"]), f"{facts['height']}x{facts['width']}", None, 1, False, int(told.get("seed") or 0))


def generated(game: Game[Sample], n: int, wanted: Tensor | None, seed: int) -> Iterator[Sample]:
    """`n` samples of a game with their conditions, a part at a time; the same for the same seed."""
    noise = torch.Generator().manual_seed(seed)
    for start in range(0, n, CHUNK):
        condition = None if wanted is None else wanted[start : start + CHUNK]
        with torch.no_grad():
            given = None if condition is None else Sample.wanted(condition)
            data = game.sample(min(CHUNK, n - start), given=given, noise=noise)
        yield Sample(data.float().cpu(), condition)


def look(backbone: Backbone, parts: Iterator[Sample]) -> Seen:
    """Features and conditions of pictures that come in parts."""
    features, conditions = [], []
    for part in parts:
        features.append(backbone(part.data))
        conditions.append(part.condition)
    known = [each for each in conditions if each is not None]
    return Seen(torch.cat(features), torch.cat(known) if known else None)
