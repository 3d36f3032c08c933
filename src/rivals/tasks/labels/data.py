"""A set of pictures of which few labels are used: some of each class, and the others without theirs."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.core.types import Int, Tensor
from rivals.games.gan import Sample
from rivals.media.collection import READ, Pictures, labels_of, load
from rivals.tasks.labels.game import Partly

UNKNOWN = ("", "-1")  # labels of pictures without one: an empty cell of a CSV, -1 in an array


@dataclass(frozen=True)
class Few:
    """pictures: the set. shown: the pictures whose labels are used. pool: numbers of the pictures without labels, in the set
    `others`, which is the same one or a set of its own."""

    pictures: Pictures
    shown: Sample
    others: Pictures
    pool: Int[Tensor, "m"]

    def stream(self, seed: int, workers: int) -> "Twin":
        return Twin(
            Stream(partial(_rows, self.others, self.pool), len(self.pool), seed=seed, workers=workers),
            Stream.over(self.shown, seed=seed),
        )

    def unlabelled(self, most: int) -> Tensor:
        """The first `most` pictures of the pool (m, c, h, w)."""
        return torch.cat([self.others.fetch(rows).data for rows in self.pool[:most].split(READ)])


@dataclass(frozen=True)
class Twin:
    """Batches of as many unlabelled as labelled pictures; sample k of either order is a function of (seed, k)."""

    pool: Stream[Sample]
    shown: Stream[Sample]

    def __call__(self, seen: int, size: int, stride: int) -> Iterator[Partly]:
        for one, other in zip(self.pool(seen, size, stride), self.shown(seen, size, stride), strict=True):
            assert other.condition is not None
            yield Partly(one.data, other.data, other.condition)


def _rows(pictures: Pictures, pool: Tensor, items: Tensor) -> Sample:
    return Sample(pictures.fetch(pool[items]).data)


def few(pictures: Pictures, labelled: int, *, unlabelled: int | None, pool: Pictures | None, seed: int) -> Few:
    """`labelled` pictures of the training set, as many of each class as can be, drawn by `seed`; at most `unlabelled` others.

    labelled: 0 for all that there are; then the others are those of a pool, or have no label (UNKNOWN) themselves. Raises
    UserError where there are no classes, fewer labels than classes, a class without pictures, or no picture without a label.
    """
    pictures = known(pictures)
    classes = pictures.form.classes
    if classes < 2:
        raise UserError("few labels are still labels: give pictures in a sub-folder for each class, or --labels FILE.csv")
    every = labels_of(pictures)
    named = (every >= 0).nonzero()[:, 0]
    if labelled and labelled < classes:
        raise UserError(f"{labelled} labels are fewer than the {classes} classes: give --labelled {classes} or more")
    if labelled > len(named):
        raise UserError(f"--labelled {labelled} is more than the {len(named)} training pictures with a label: give fewer")
    found = set(every.unique().tolist())
    if lost := [pictures.names[each] for each in range(classes) if each not in found]:
        raise UserError(f"no training picture of class {', '.join(lost[:3])}: add some, or leave the class out")
    if not len(pictures.held_out):
        raise UserError("no held-out picture has a label, so no error can be measured: give more labels")
    rows = named[balanced(every[named], labelled, seed)] if labelled else named
    others, rest = pool or pictures, torch.arange((pool or pictures).count)
    if pool is None:
        rest = rest[~torch.isin(rest, rows)]
    elif pool.form[:3] != pictures.form[:3]:
        raise UserError("the pictures of --pool have other channels than those of --data: give --channels")
    if unlabelled is not None:
        rest = rest[torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))[:unlabelled]]
    if not len(rest):
        raise UserError("no picture is left without a label: give a smaller --labelled, or --pool DIR")
    print(f"{len(rows):,} labels of {classes} classes; {len(rest):,} pictures without", file=sys.stderr)
    return Few(pictures, pictures.fetch(rows), others, rest)


def known(pictures: Pictures) -> Pictures:
    """The same set where "no label" is no class: a label of -1 in training, and nothing held out without one."""
    place = next((k for k, name in enumerate(pictures.names) if name in UNKNOWN), None)
    if place is None or not pictures.form.classes:
        return pictures
    numbers = torch.arange(len(pictures.names))
    numbers = torch.where(numbers == place, -1, numbers - (numbers > place).long())
    held = _numbered(pictures.held_out, numbers)
    assert held.condition is not None
    return replace(
        pictures,
        form=pictures.form._replace(classes=len(numbers) - 1),
        names=[name for name in pictures.names if name not in UNKNOWN],
        held_out=held.map(lambda tensor: tensor[held.condition >= 0]),  # type: ignore[operator]
        fetch=partial(_fetched, pictures.fetch, numbers),
    )


def _fetched(fetch: Callable[[Tensor], Sample], numbers: Tensor, items: Tensor) -> Sample:
    return _numbered(fetch(items), numbers)


def _numbered(given: Sample, numbers: Tensor) -> Sample:
    assert given.condition is not None
    return Sample(given.data, numbers[given.condition])


def balanced(labels: Int[Tensor, "n"], count: int, seed: int) -> Int[Tensor, "count"]:
    """Numbers of `count` items, taking turns among the classes while they have some, drawn by `seed`."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    turn = torch.zeros(len(labels), dtype=torch.long)
    for each in labels.unique():
        mine = order[labels[order] == each]
        turn[mine] = torch.arange(len(mine))
    return order[turn[order].argsort(stable=True)][:count].sort().values


def again(record: Mapping[str, Any]) -> Few:
    """The data of a run, opened again; raises UserError where they are gone or have changed."""
    facts, told = record["facts"], record["arguments"]
    with contextlib.redirect_stderr(io.StringIO()):  # what the data are was said when the run was trained
        found = opened({**told, "size": f"{facts['form']['height']}x{facts['form']['width']}"})
    if found.pictures.digest != facts["data"]:
        raise UserError(f"{told['data']} has changed since this run was trained: put the same pictures back to judge it")
    return found


def opened(told: Mapping[str, Any]) -> Few:
    """The data that a recipe's arguments name."""
    where = {name: Path(str(told[name])) if told.get(name) else None for name in ("data", "labels", "pool")}
    assert where["data"] is not None
    how: dict[str, Any] = {name: told.get(name) for name in ("size", "channels")}
    seed, bad = int(told.get("seed") or 0), bool(told.get("allow_bad"))
    pictures = load(where["data"], labels=where["labels"], seed=seed, allow_bad=bad, **how)
    pool = None
    if where["pool"]:
        form = pictures.form
        same: dict[str, Any] = {"size": f"{form.height}x{form.width}", "channels": form.channels}
        pool = load(where["pool"], labels=Path("none"), seed=seed, allow_bad=bad, **same)
    return few(pictures, int(told["labelled"]), unlabelled=told.get("unlabelled"), pool=pool, seed=seed)
