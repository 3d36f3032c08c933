"""Synthetic rows: drawn in chunks at flat memory, with conditions and constraints held on every one of them.

Chunk k is a function of (seed, k) alone, so that the first rows are the same however many are asked for. Conditions hold by
rejection: a row that misses one is dropped, and the share of rows that were kept is told; of a rare level the generator is told
first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rivals.core.errors import UserError
from rivals.core.game import Game, evaluating
from rivals.core.stream import mix
from rivals.games.gan import Sample
from rivals.media.export import note_of, origin, place, write
from rivals.media.wanted import Trained, Wanted, check
from rivals.tasks.tables.data import Form, format_table, parse, read_table
from rivals.tasks.tables.where import Condition, conditions, holding, level

CHUNK = 10_000  # rows drawn at a time
PIECE = 4_000_000  # cells of levels drawn at a time
RARE = 0.01  # share of rows below which the generator is told what is asked for
PATIENCE, LEAST = 50, 0.002  # each 50 chunks must bring so large a share of rows, or all that are missing


@dataclass
class Draws:
    """`n` rows that meet the conditions, as typed tables of up to 10,000 rows when iterated over.

    drawn, kept: the rows so far that the generator made, and those of them that met everything.
    Raises UserError once 500,000 rows have brought fewer than 1,000 that do, and not all that are missing.
    """

    game: Game[Any]
    form: Form
    n: int
    seed: int
    wanted: Sequence[Condition] = ()
    drawn: int = 0
    kept: int = 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        given, missing, chunk, before = self._given(), self.n, 0, 0
        needed = min(missing, round(LEAST * PATIENCE * CHUNK))
        seen = Seen([each.columns for each in self.form.kept.constraints if each.word == "unique"])
        while missing:
            rows = self._chunk(chunk, given)
            rows = seen.new(rows[holding(rows, self.wanted)])
            chunk, self.drawn, self.kept = chunk + 1, self.drawn + CHUNK, self.kept + len(rows)
            if len(rows):
                yield rows[:missing].reset_index(drop=True)
            missing -= min(len(rows), missing)
            if missing and chunk % PATIENCE == 0:
                if self.kept - before < needed:
                    raise UserError(self._rare())
                needed, before = min(missing, needed), self.kept

    def _chunk(self, chunk: int, given: Sample | None) -> pd.DataFrame:
        seed = mix(self.seed, chunk)
        noise, parts = torch.Generator().manual_seed(seed), []
        piece = min(max(PIECE // sum(block.width for block in self.form.blocks), 1), CHUNK)
        with evaluating(self.game):
            for start in range(0, CHUNK, piece):
                count = min(piece, CHUNK - start)
                wanted = given.split(count)[0] if given else None
                parts.append(self.game.sample(count, given=wanted, noise=noise).float().cpu())
        return self.form.decode(torch.cat(parts), seed=seed, start=chunk * CHUNK)

    def _given(self) -> Sample | None:
        """A condition that asks for one level as the generator's own, (block, level) for each row; of several the rarest.

        None unless it is rare: rows that were not told of it are nearer to the real ones that meet it (docs/tables.md).
        """
        asked = [(each, found) for each in self.wanted if (found := level(each, self.form.values(each.column.name)))]
        if not asked:
            return None
        trial = self._chunk(0, None)
        share, rarest = min((float(holding(trial, [each]).mean()), at) for at, (each, _) in enumerate(asked))
        return Sample.wanted(torch.tensor(asked[rarest][1]).float().expand(CHUNK, 2)) if share < RARE else None

    def _rare(self) -> str:
        told = " and ".join(condition.text for condition in self.wanted) or "all different"
        return (
            f"only {self.kept:,} of {self.drawn:,} rows drawn are {told}, and {self.n:,} are asked for: "
            "ask for fewer, or for a wider condition"
        )


class Seen:
    """The cells of all rows so far in the columns that must differ, as 64-bit digests, sorted: 8 bytes a row."""

    def __init__(self, unique: Sequence[tuple[str, ...]]) -> None:
        self.digests = {names: np.empty(0, np.uint64) for names in unique}

    def new(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows that repeat none before them, of this part or of another; one with a missing cell repeats nothing."""
        for names, known in self.digests.items():
            digests, whole = _digested(rows, names)
            place = np.searchsorted(known, digests)
            again = np.append(known, 0)[place] == digests
            again[place == len(known)] = False
            rows = rows[~whole | ~(again | pd.Series(digests).duplicated().to_numpy())]
        for names, known in self.digests.items():
            digests, whole = _digested(rows, names)
            self.digests[names] = np.sort(np.concatenate([known, digests[whole]]))
        return rows


def _digested(rows: pd.DataFrame, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) digests of the cells in some columns, and (n,) whether none of them is missing."""
    part = rows[list(names)]
    return pd.util.hash_pandas_object(part, index=False).to_numpy(), part.notna().all(axis=1).to_numpy()


def rows(game: Game[Any], form: Form, n: int, *, seed: int = 0, where: Sequence[str] = ()) -> pd.DataFrame:
    """`n` synthetic rows with the original columns and dtypes, the same for the same seed.

    where: conditions such as "income=>50K". attrs["acceptance"]: the share of rows drawn that met them all.
    Raises UserError for a condition that no row can meet, or that next to none does.
    """
    check(n, seed)
    draws = Draws(game, form, n, seed, conditions(where, form.schema))
    found = pd.concat(list(draws), ignore_index=True)
    found.attrs["acceptance"] = draws.kept / draws.drawn
    return found


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the rows at `wanted.out`, a file or a new folder, with their note beside it, and says so.

    Raises UserError as `rows` does, for options that are not of tables, and for a file that is there already.
    """
    wanted.refuse("tables, whose conditions are --where", "--label", "--attributes", "--given")
    path, form = place(wanted.out, "synth.csv"), Form.from_dict(model.record["facts"]["form"])
    draws = Draws(model.game, form, wanted.n, wanted.seed, conditions(wanted.where, form.schema))

    def note() -> dict[str, Any]:
        private = model.record["facts"].get("private", {})
        return {
            **origin(model, wanted),
            "rows": wanted.n,
            "where": list(wanted.where),
            "drawn": draws.drawn,
            "acceptance": draws.kept / draws.drawn,
            **({"private": {name: private[name] for name in ("epsilon", "delta", "unit")}} if private else {}),
        }

    separator = form.schema.separator.replace("\t", ",")  # a .tsv has tabs by its name
    write(path, draws, lambda part: format_table(part, form.schema), note, safe=wanted.safe, separator=separator)
    share = f"; {draws.kept / draws.drawn:.2%} of the {draws.drawn:,} rows drawn met the conditions" if wanted.where else ""
    return f"{wanted.n:,} synthetic rows in {path} (its note: {note_of(path).name}){share}"


def read_rows(files: Sequence[Path], form: Form) -> Sample:
    """The rows of tables with the run's columns as one compact batch (n, blocks), to be scored."""
    parts = []
    for file in files:
        text = read_table(file, columns=form.schema.names, least=1)[form.schema.names]
        parts.append(form.encode(parse(text, form.schema)))
    return Sample(torch.cat(parts))
