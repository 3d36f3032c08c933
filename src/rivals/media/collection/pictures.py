"""Pictures: the training stream, the held-out pictures and the facts of a user's data."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media.collection.pack import unpack
from rivals.media.collection.reading import read
from rivals.media.opening import is_pack
from rivals.media.pixels import Table, values
from rivals.nn.format import Format

READ = 10_000  # pictures read at a time where all are looked at


@dataclass(frozen=True)
class Pictures:
    """A data set, split. form: channels, height, width and condition; bits: 8 or 16 a channel. names: of the classes, or of
    the attributes. digest: changes when a file is added, dropped or edited. train: endless, of training pictures.
    held_out: real pictures that no run trains on, at most 10,000. count: training pictures. fetch: item numbers (n,) of
    training pictures, 0 to count - 1 -> Sample, without mirroring.
    """

    form: Format
    bits: int
    names: list[str]
    digest: str
    train: Stream[Sample]
    held_out: Sample
    count: int
    fetch: Callable[[Tensor], Sample]


def load(
    data: Path,
    *,
    size: str | None = None,
    labels: Path | None = None,
    channels: int | None = None,
    mirror: bool = False,
    allow_bad: bool = False,
    seed: int = 0,
    workers: int = 0,
) -> Pictures:
    """The pictures at `data`: every file decoded and checked, a tenth held out. Says on stderr what it found.

    size: "64" or "112x92" (height x width), to which they are scaled and cut. labels: a CSV of file and label or numbers; the
    key of an array in a .npz; "none" for no condition. Raises UserError for whatever a person can mend.
    """
    packed = is_pack(data)
    found = unpack(data, size, labels, channels) if packed else read(data, size, labels, channels, allow_bad)
    print(found.said, file=sys.stderr)
    form = Format(found.table.shape[2], *found.table.shape[:2], found.classes, found.attributes)
    kept = None if found.conditions is None else torch.from_numpy(found.conditions[found.train])
    held = found.held_out
    fetch = partial(_fetch, found.table, found.train, kept)
    count = len(found.train)
    return Pictures(
        form=form,
        bits=found.table.dtype.itemsize * 8,
        names=found.names,
        digest=found.digest,
        train=Stream(fetch, count * (1 + mirror), seed=seed, workers=workers),
        held_out=Sample(
            values(found.table.rows(held)), None if found.conditions is None else torch.from_numpy(found.conditions[held])
        ),
        count=count,
        fetch=fetch,
    )


def labels_of(pictures: Pictures) -> Tensor:
    """The class of each training picture (count,), read a part at a time. Raises UserError where there are no classes."""
    if not pictures.form.classes:
        raise UserError("these pictures have no classes: give a sub-folder for each, or --labels FILE.csv with a column label")
    found = [pictures.fetch(rows).condition for rows in torch.arange(pictures.count).split(READ)]
    return torch.cat([each for each in found if each is not None])


def _fetch(table: Table, train: np.ndarray, conditions: Tensor | None, items: Tensor) -> Sample:
    """Training pictures by number; those from len(train) on are the same ones, left to right."""
    count = len(train)
    pixels, mirrored = table.rows(train[items.numpy() % count]), items.numpy() >= count
    if mirrored.any():
        pixels[mirrored] = pixels[mirrored, :, ::-1]
    return Sample(values(pixels), None if conditions is None else conditions[items % count])


def refuse(pictures: Pictures, *, bits: int = 16, batch: int = 1, labelled: bool = False) -> None:
    """Raises UserError where a set has more bits a channel than a recipe takes, fewer pictures than a batch, or, for a recipe
    that is `labelled`, empty labels.
    """
    if labelled and "" in pictures.names:
        raise UserError("some pictures have an empty label: write their class, or take them out, or give --labels none "
                        "(rivals train labels makes use of pictures without)")  # fmt: skip
    if pictures.bits > bits:
        raise UserError(
            f"the pictures have {pictures.bits} bits a channel and this recipe takes {bits}: rivals pack DIR -o SET --bits 8"
        )
    if batch > pictures.count:
        raise UserError(
            f"a batch of {batch} is more than the {pictures.count} pictures to train on: give --batch {pictures.count} or less"
        )
