"""Drawing series from a run into a file, new ones or continuations of given ones; and reading files to be scored."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rivals.core.errors import UserError
from rivals.core.stream import mix
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media.export import origin, place, write
from rivals.media.wanted import Trained, Wanted
from rivals.tasks.series.data import Columns
from rivals.tasks.series.game import SeriesGAN
from rivals.tasks.series.layout import Layout, Series
from rivals.tasks.series.reading import Entity, Read
from rivals.tasks.series.reading import read as read_file
from rivals.tasks.series.training import layout_of
from rivals.tasks.series.view import codes
from rivals.tasks.series.windows import Piece, pieces, together
from rivals.tasks.series.writing import frame, random_starts, texts

CHUNK = 1000  # series drawn at a time; chunk k is a function of (seed, k)


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the series at `wanted.out`, a file or a folder, and says so; with `wanted.given`, continuations of its series."""
    wanted.refuse("series", "--label", "--attributes", "--where")
    path, layout = place(wanted.out, "samples.csv"), layout_of(model.record["facts"])
    if wanted.given:
        parts: Iterator[pd.DataFrame] = iter([continue_(model, wanted.given, wanted.n, wanted.seed)])
    else:
        parts = drawn(model, wanted.n, wanted.seed)
    note = origin(model, wanted) | {"series": wanted.n, "given": wanted.given.name if wanted.given else None}
    write(path, parts, partial(texts, layout), lambda: note, safe=wanted.safe)
    what = f"continuations of {wanted.given}" if wanted.given else "synthetic series"
    return f"{wanted.n:,} {what} in {path}"


def drawn(model: Trained, n: int, seed: int = 0) -> Iterator[pd.DataFrame]:
    """`n` new series in long form, some at a time; their time stamps begin at random within the time of the training series."""
    layout = layout_of(model.record["facts"])
    for number, first in enumerate(range(0, n, CHUNK)):
        count = min(CHUNK, n - first)
        noise = torch.Generator().manual_seed(mix(seed, number))
        with torch.no_grad():
            made: Series = model.game.decode(model.game.sample(CHUNK, noise=noise)).rows(np.arange(count))
        starts = random_starts(layout.clock, count, np.random.default_rng(mix(seed, number, 1)))
        made = Series(made.values, made.lengths, made.attributes, starts, made.entities)
        yield frame(layout, made, [f"s{first + at + 1}" for at in range(count)])


def continue_(model: Trained, file: Path, n: int, seed: int = 0) -> pd.DataFrame:
    """`n` continuations of the series in a file, in turn, in long form: the new steps alone.

    Of windows of equal length the last half of a window is taken as the beginning, and the other half is drawn; of series with
    ends of their own the whole beginning is taken, and drawn to an end. Time stamps go on from the file's last.
    Raises UserError for a file without the run's columns, or with series that are too long to go on from.
    """
    game, layout = model.game, layout_of(model.record["facts"])
    if not isinstance(game, SeriesGAN) or not game.continued:
        raise UserError("this run was not trained to go on from a beginning: train series with --continued above 0")
    found, begun = _begun(file, model.record["facts"])
    rows = np.arange(n) % len(begun)
    known = begun.rows(rows)
    names = [f"{found.entities[begun.entities[row]].name or 'given'}-{at // len(begun) + 1}" for at, row in enumerate(rows)]
    parts = []
    noise = torch.Generator().manual_seed(seed)
    for count in np.unique(known.lengths):  # `frame` leaves out equally many steps
        same = np.flatnonzero(known.lengths == count)
        condition = _known(game, layout, known.rows(same))
        with torch.no_grad():
            samples = game.sample(len(same), given=Sample.wanted(condition), noise=noise)
        made: Series = game.decode(samples)
        made = Series(made.values, np.maximum(made.lengths, count), made.attributes, known.starts[same], made.entities)
        parts.append(frame(layout, made, [names[at] for at in same], skip=int(count)))
    return pd.concat(parts, ignore_index=True)


def _begun(file: Path, facts: Mapping[str, Any]) -> tuple[Read, Series]:
    """The beginnings in a file: its entities' last steps, as far as the run goes on from them."""
    layout = layout_of(facts)
    found, made, attributes = _of_file(file, facts)
    most = layout.steps - 1 if layout.quantiles else max(layout.steps // 2, 1)
    begun = []
    for piece in {each.entity: each for each in made}.values():  # the last piece of each
        if len(piece.values) > most and layout.quantiles:
            raise UserError(f"{file}: entity {found.entities[piece.entity].name!r} has {len(piece.values)} steps, and this run's "
                            f"series have at most {layout.steps}: give a beginning of at most {most}")  # fmt: skip
        first = max(len(piece.values) - most, 0)
        start = piece.start + first * (layout.clock.step if layout.clock.name else 1)
        begun.append(Piece(piece.values[first:], start, piece.entity))
    return found, together(begun, layout.steps, attributes)


def _known(game: SeriesGAN, layout: Layout, begun: Series) -> Tensor:
    known = game.generator.known
    flat = known.steps * known.channels
    made = codes(layout, begun)
    x = made[:, :flat].view(-1, known.steps, known.channels)
    told = torch.full((len(made),), float(known.codes > 0))
    return known.of(x, made[:, flat : flat + known.codes], torch.from_numpy(begun.lengths), told)


def _of_file(file: Path, facts: Mapping[str, Any]) -> tuple[Read, list[Piece], np.ndarray]:
    """The entities of a file with the run's columns, their pieces, and the codes of their attributes."""
    layout, source = layout_of(facts), facts["source"]
    kept = source["columns"]
    channels = () if kept["wide"] else tuple(each.name for each in layout.channels)
    columns = Columns(layout.clock.name, kept["entity"], channels, tuple(each.name for each in layout.attributes), kept["wide"])
    found = read_file(file, columns)
    if len(found.channels) != len(layout.channels):
        raise UserError(f"{file} has {len(found.channels)} channels, and this run's series have {len(layout.channels)}")
    made = pieces(found, layout.clock, source["windows"]["max_gap"]).pieces
    return found, made, _codes(file, layout, found.entities)


def _codes(file: Path, layout: Layout, entities: list[Entity]) -> np.ndarray:
    made = np.zeros((len(entities), len(layout.attributes)))
    for at, each in enumerate(layout.attributes):
        for row, entity in enumerate(entities):
            text = entity.attributes[at]
            try:
                made[row, at] = each.levels.index(text) if each.levels else float(text)
            except ValueError:
                known = f"one of {', '.join(each.levels[:10])}" if each.levels else "a number"
                raise UserError(f"{file}, column {each.name!r}, row {entity.row}: {text!r} is not {known}") from None
    return made


def series_of(files: list[Path], facts: Mapping[str, Any]) -> Series:
    """The series in files with the run's columns, cut into windows as long as the run's, one after the other."""
    layout, parts = layout_of(facts), []
    for file in files:
        _, made, attributes = _of_file(file, facts)
        whole = bool(layout.quantiles)
        cut_up = made if whole else [
            Piece(piece.values[first : first + layout.steps], piece.start, piece.entity)
            for piece in made
            for first in range(0, len(piece.values) - layout.steps + 1, layout.steps)
        ]  # fmt: skip
        if not cut_up:
            raise UserError(f"{file}: no series in it has {layout.steps} steps without a gap")
        parts.append(together(cut_up, layout.steps, attributes))
    return Series(*(np.concatenate(each) for each in zip(*(vars(part).values() for part in parts), strict=True)))


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """The series in files, to be scored: (n, 1, d), as `SeriesGAN.score` takes them."""
    return Sample(codes(layout_of(facts), series_of(files, facts))[:, None])
