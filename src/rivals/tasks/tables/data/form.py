"""A whole table <-> a compact tensor: constraints taken out, each column encoded, and all of it kept as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from rivals.core.types import Float, Tensor
from rivals.tasks.tables.data import ids
from rivals.tasks.tables.data.constraints import Constraint
from rivals.tasks.tables.data.encode import FEW, Block, Choice, Quantile
from rivals.tasks.tables.data.keep import Kept
from rivals.tasks.tables.data.modes import Modes
from rivals.tasks.tables.data.parse import framed, nullable
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.data.views import EXACT, View, back, origin, shown_as, splits, view

WAYS: dict[str, type[Choice] | type[Quantile] | type[Modes]] = {"choice": Choice, "quantile": Quantile, "modes": Modes}


@dataclass(frozen=True)
class Part:
    """One encoder, the column it reads, as which view, less which origin."""

    name: str
    column: str
    view: View
    origin: int
    encoder: Choice | Quantile | Modes


@dataclass(frozen=True)
class Form:
    """How a schema's tables become tensors: what `fit` learnt from the training rows. JSON-able by as_dict."""

    schema: Schema
    kept: Kept
    parts: tuple[Part, ...]
    seed: int

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        schema: Schema,
        *,
        constraints: Sequence[str | Constraint] = (),
        modes: bool = False,
        seed: int = 0,
    ) -> "Form":
        """Learns each column's encoder from a typed table. modes: Gaussian modes (CTGAN) in place of quantiles. seed: of draws.

        Raises UserError for a constraint that cannot be read, or that the table breaks (how many rows, and the first).
        """  # fmt: skip
        kept = Kept.fit(constraints, frame, schema)
        taken = kept.forward(frame)
        parts = [part for column in kept.columns for part in _parts(taken[column.name], column, modes=modes, seed=seed)]
        return cls(schema, kept, tuple(parts), seed)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What each column of the tensor is."""
        found: list[Block] = []
        for part in self.parts:
            found += part.encoder.blocks(part.name, len(found))
        return tuple(found)

    def levels(self, block: Block) -> list[str]:
        """The names of a choice block's levels, in the order of their numbers."""
        part = next(part for part in self.parts if part.name == block.column)
        encoder = part.encoder
        if shown := self.kept.shown(part.name):
            return shown
        if isinstance(encoder, Modes):
            return encoder.levels()
        told = np.array([*(encoder.values if isinstance(encoder, Choice) else encoder.special), None], object)[:-1]
        texts = shown_as(told, self.kept.column(part.column), part.view, part.origin)
        missing = ["missing"] if encoder.missing else []
        return [*texts, *missing] if isinstance(encoder, Choice) else ["continuous", *missing, *texts]

    def values(self, column: str) -> tuple[int, list[Any]] | None:
        """The choice block that alone decides a column, and the column's cell at each of its levels (None where missing).

        None where no single block does: numbers and dates of many values, what a constraint computes, ids, constants.
        """
        name, combined = self.kept.place(column)
        part = next((part for part in self.parts if part.name == name), None)
        if part is None or not isinstance(part.encoder, Choice) or part.encoder.width < 2:
            return None
        block = next(place for place, block in enumerate(self.blocks) if block.column == name)
        cells = self._cells(part, part.encoder.decode(np.arange(part.encoder.width, dtype=float)[:, None]))
        cells = self.kept.parted(name, cells, column) if combined else cells
        return block, [None if gone else each for each, gone in zip(cells.tolist(), cells.isna(), strict=True)]

    def encode(self, frame: pd.DataFrame) -> Float[Tensor, "n blocks"]:
        """A typed table -> float32: level numbers of choice blocks, transformed values of numbers; the same each time.

        Tables other than the one fitted may hold what that had not: numbers go to the nearest level or knot, texts and
        combinations to the most frequent level.
        """
        taken = self.kept.forward(frame)
        made = [np.zeros((len(frame), 0))]
        for place, part in enumerate(self.parts):
            column = self.kept.column(part.column)
            cells = view(taken[part.column], column, part.view, part.origin)
            random = np.random.default_rng((self.seed, place))
            if part.view == "time":
                made.append(_within(part, cells, random))
            else:
                made.append(part.encoder.encode(cells, random))
        return torch.from_numpy(np.concatenate(made, 1).astype(np.float32))

    def decode(self, values: Float[Tensor, "n blocks"], *, seed: int, start: int = 0) -> pd.DataFrame:
        """A tensor such as `encode` gives -> a typed table in the schema's order, every constraint held.

        There may be fewer rows than values: those that would break a constraint which no transform holds (`unique`, and such as
        share a column with another) are left out. seed: of the missing cells of ids. start: how many rows were decoded before,
        so that ids of the parts of one file differ: they count on from it, by the form's own seed.
        """
        numbers, count, at = values.detach().cpu().double().numpy(), len(values), 0
        read: dict[str, list[tuple[Part, np.ndarray]]] = {}
        for part in self.parts:
            width = len(part.encoder.blocks(part.name, at))
            read.setdefault(part.column, []).append((part, part.encoder.decode(numbers[:, at : at + width])))
            at += width
        taken: dict[str, Any] = {}
        for column in self.kept.columns:
            if column.name in read:
                parts, arrays = zip(*read[column.name], strict=True)
                taken[column.name] = back(list(arrays), column, [part.view for part in parts], parts[0].origin)
            else:
                taken[column.name] = self._filled(column, count, seed, start)
        return self.kept.backward(framed(taken, count))

    def _cells(self, part: Part, cells: np.ndarray) -> pd.Series:
        column = self.kept.column(part.column)
        return framed({part.name: back([cells], column, [part.view], part.origin)}, len(cells))[part.name]

    def _filled(self, column: Column, count: int, seed: int, start: int) -> Any:
        """Columns without blocks: fresh ids; nothing but missing cells."""
        if column.kind != "id":
            return np.full(count, np.nan)
        random = np.random.default_rng((seed, start, self.schema.names.index(column.name)))
        missing = random.random(count) < column.missing
        if column.cells == "integer":
            return nullable(ids.counted(int(column.low or 0), int(column.high or 0), count, start=start), missing, column)
        made = ids.fresh(column.pattern, count, start=start, seed=self.seed)
        made[missing] = None
        return made

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` reads it back."""
        parts = [{**asdict(part), "encoder": part.encoder.as_dict()} for part in self.parts]
        return {"schema": self.schema.as_dict(), "kept": self.kept.as_dict(), "parts": parts, "seed": self.seed}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Form":
        """The form that `as_dict` wrote, through JSON or not."""
        schema = Schema.from_dict(told["schema"])
        parts = tuple(Part(**{**each, "encoder": _encoder(each["encoder"])}) for each in told["parts"])
        return cls(schema, Kept.from_dict(told["kept"], schema), parts, told["seed"])


def _encoder(told: dict[str, Any]) -> Choice | Quantile | Modes:
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items() if name != "way"}
    return WAYS[told["way"]](**fields)


def _within(part: Part, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Times of day: where the date is missing, nothing of the time is said (0 everywhere)."""
    missing = np.isnan(cells)
    made = part.encoder.encode(np.where(missing, 0.0, cells), random)
    made[missing] = 0
    return made


def _parts(cells: pd.Series, column: Column, *, modes: bool, seed: int) -> list[Part]:
    """The encoders of one column: none of ids and of columns that are always missing."""
    if column.kind in ("id", "empty"):
        return []
    if column.cells in ("text", "boolean") or column.kind in ("category", "ordered", "constant"):
        return [Part(column.name, column.name, "cells", 0, _choice(view(cells, column, "cells", 0), column))]
    decimals = column.decimals if column.cells == "number" else 0
    if splits(cells, column):
        days, times = view(cells, column, "days", 0), view(cells, column, "time", 0)
        clock = _number(times[~np.isnan(times)], 0, modes, seed)
        return [
            Part(column.name, column.name, "days", 0, _number(days, 0, modes, seed)),
            Part(f"{column.name} (time of day)", column.name, "time", 0, clock),
        ]
    start = origin(cells, column)
    whole = view(cells, column, "whole", start)
    values = np.unique(whole[~np.isnan(whole)])
    if column.cells == "integer" and len(values) <= FEW and len(values) and np.ptp(values) >= EXACT:
        exact = view(cells, column, "cells", 0)  # a float64 would not tell them apart
        return [Part(column.name, column.name, "cells", 0, Choice.fit(exact, tuple(sorted(set(exact) - {None}))))]
    return [Part(column.name, column.name, "whole", start, _number(whole, decimals, modes, seed))]


def _choice(cells: np.ndarray, column: Column) -> Choice:
    if column.cells == "text":
        return Choice.fit(cells, column.levels)
    return Choice.fit(cells, tuple(sorted({each for each in cells if each is not None})))


def _number(cells: np.ndarray, decimals: int | None, modes: bool, seed: int) -> Choice | Quantile | Modes:
    """Few values are levels (of modes, two); else a mixture's modes, or quantiles."""
    values = np.unique(cells[~np.isnan(cells)])
    if len(values) <= (2 if modes else FEW):
        return Choice.fit(cells, tuple(values.tolist()))
    return Modes.fit(cells, decimals, seed) if modes else Quantile.fit(cells, decimals)
