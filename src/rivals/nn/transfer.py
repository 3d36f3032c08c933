"""transfer: starts a game from the weights of another run, as far as they fit (fine-tuning a GAN: Wang et al. 2018,
arXiv:1805.01677), and says what was loaded, what was adapted and what begins anew.

Tensors meet by name. Stages are numbered from the smallest resolution, so two resolutions share the stages below. The rows of
a table of classes, and the columns of one of attributes, meet by the names of these where both runs have names; a new class
starts as the mean of the old ones. Where one axis alone differs: a table without names keeps the first rows, and more begin as
the mean; picture channels do the same, and one channel made of several is their mean. An input's weights are then scaled by
old / new, so that a picture that is equal in all channels gets the answer that it had.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.conv import _ConvTransposeNd

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import State, Store
from rivals.core.types import Tensor
from rivals.nn.condition import Embed
from rivals.nn.head import Head
from rivals.nn.tensors import read_tensors

PLANES = 4  # an axis of at most so many is taken for the channels of pictures, a longer one for a network's width
SHOWN = 6  # names in one line of the report

MEAN = -1  # the row of a class that the other run does not know
Weights = Mapping[str, Tensor]
Facts = Mapping[str, Any]


@dataclass
class Fitted:
    """What became of a player's tensors, by name; `unused`: those that only the other run has."""

    loaded: list[str] = field(default_factory=list)
    adapted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def told(self) -> str:
        """One line: counts, and the names of what was not simply loaded."""
        parts = [f"{len(self.loaded)} tensors loaded"]
        for what, names in (("adapted", self.adapted), ("left as new", self.kept), ("not used", self.unused)):
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                parts.append(f"{len(names)} {what} ({', '.join(names[:SHOWN])}{more})")
        return ", ".join(parts)


class Meeting(NamedTuple):
    """Which row of the other run's tables each class (or attribute) of this run begins as, `MEAN` for a new one.

    kind: classes or attributes. names: of this run. dropped: how many the other run alone has.
    """

    kind: str
    names: list[str]
    rows: list[int]
    dropped: int

    def told(self) -> str:
        """One line: how many were met by name, are new, were dropped."""
        new = [name for name, row in zip(self.names, self.rows, strict=True) if row == MEAN]
        which = f" ({', '.join(new[:SHOWN])}{' ...' if len(new) > SHOWN else ''})" if new else ""
        met = f"{len(self.rows) - len(new)} met by name"
        return f"{met}, {len(new)} new, which begin as the mean of the old{which}, {self.dropped} dropped"


def meet(theirs: Facts, mine: Facts) -> Meeting | None:
    """How the classes, or attributes, of two runs meet, by the facts of each (Format's, and `names`).

    None where tables are to be taken by number: a run has no names, one has classes and the other attributes, or no name is
    in both and those of one are mere numbers.
    """
    (kind, old), (other, new) = _conditions(theirs), _conditions(mine)
    if not old or not new or kind != other:
        return None
    place = {name: row for row, name in enumerate(old)}
    rows = [place.get(name, MEAN) for name in new]
    if set(rows) == {MEAN} and any(all(name.isdecimal() for name in names) for names in (old, new)):
        return None
    return Meeting(kind, new, rows, len(place.keys() - set(new)))


def _conditions(facts: Facts) -> tuple[str, list[str]]:
    kind = "classes" if facts.get("classes") else "attributes"
    names = list(facts.get("names") or [])
    return kind, names if len(names) == facts.get(kind, 0) else []


def transfer(game: Game[Any], start: Path | None, out: Path | None = None, facts: Facts | None = None) -> None:
    """Loads the averaged weights of run `start` into the game's players where they fit; None: nothing happens.

    start: a run folder, finished or not (then its newest state counts), or a folder of <player>.safetensors. out: the run
    folder to be; where it holds a state already, that is what the run goes on from, and `start` need not exist any more.
    facts: of the run to be, by whose names its classes meet those of `start`; None: by number. Prints what was done to standard
    error. Call it before the Trainer is made, whose averages begin as copies.
    Raises UserError where there is no such run, or none of its tensors fits.
    """
    if start is None or (out is not None and Store(out).begun()):
        return
    players = game.players()
    weights = _read(start, list(players))
    record = Store(start).record() if (start / "run.json").exists() else {}
    meeting = meet(record.get("facts", {}), facts or {})
    rows = None if meeting is None else meeting.rows
    fitted = {name: fit_weights(player, weights.get(name, {}), rows) for name, player in players.items()}
    if not any(each.loaded or each.adapted for each in fitted.values()):
        raise UserError(f"{start} was made by another network: none of its weights fits; give --start a run of the same recipe")
    for name, each in fitted.items():
        print(f"{name} from {start}: {each.told()}", file=sys.stderr)
    if meeting is not None:
        print(f"{meeting.kind} from {start}: {meeting.told()}", file=sys.stderr)


@torch.no_grad()
def fit_weights(player: nn.Module, weights: Weights, rows: list[int] | None = None) -> Fitted:
    """Copies into the player each tensor that fits, or that can be adapted along one axis; the others stay.

    rows: the other run's class for each of this one's, `MEAN` for a new one, by which tables of conditions are made; None: by
    number.
    """
    own, modules = player.state_dict(), dict(player.named_modules())
    fitted = Fitted(unused=sorted(weights.keys() - own.keys()))
    for name, mine in own.items():
        parents = [modules[".".join(name.split(".")[:depth])] for depth in range(name.count(".") + 1)]
        theirs = weights.get(name)
        axis = None if rows is None else _table(name, parents)
        if theirs is None:
            change = None
        elif rows is None or axis is None or axis >= theirs.ndim:
            change = adapted(theirs, mine.shape, parents)
        else:
            made = _rows(theirs, axis, rows)
            change = made if made.shape == mine.shape else None
        if theirs is None or change is None:
            fitted.kept.append(name)
            continue
        mine.copy_(change)
        if torch.equal(change, theirs):
            fitted.loaded.append(name)
        else:
            same = theirs.shape == mine.shape
            fitted.adapted.append(f"{name} by name" if same else f"{name} {_by(theirs)} -> {_by(mine)}")
    return fitted


def _table(name: str, parents: list[nn.Module]) -> int | None:
    """The axis along which a tensor has an entry for each class or attribute; None where it lies in no table of them.

    The table of an Embed and the layer of a Head that names the condition; spectral norm's `u` goes with the rows.
    """
    for parent, child in zip(parents, name.split("."), strict=True):
        if isinstance(parent, Embed) and parent.attributes:
            return 1
        if isinstance(parent, nn.Embedding) or (isinstance(parent, Head) and child == "classifier"):
            return 0
    return None


def _rows(theirs: Tensor, axis: int, rows: list[int]) -> Tensor:
    """Those slices along the axis; `MEAN` for the mean of all."""
    every = torch.cat([theirs, theirs.mean(axis, keepdim=True)], axis)
    return every.index_select(axis, torch.tensor([row % every.shape[axis] for row in rows], device=every.device))


def _by(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def adapted(theirs: Tensor, shape: torch.Size, parents: list[nn.Module]) -> Tensor | None:
    """The tensor in another shape, None where that has no meaning. parents: the modules that it lies in."""
    if theirs.shape == shape:
        return theirs
    if theirs.ndim != len(shape) or not theirs.is_floating_point():
        return None
    axes = [axis for axis, (old, new) in enumerate(zip(theirs.shape, shape, strict=True)) if old != new]
    axis, old, new = axes[0], theirs.shape[axes[0]], shape[axes[0]]
    if len(axes) > 1 or axis > 1:
        return None
    if any(isinstance(parent, nn.Embedding) for parent in parents):
        return _longer(theirs, axis, new) if axis == 0 else None
    if max(old, new) > PLANES:
        return None
    fitted = theirs.mean(axis, keepdim=True) if new == 1 else _longer(theirs, axis, new)
    turned = any(isinstance(parent, _ConvTransposeNd) for parent in parents)  # its weight has the inputs first
    return fitted * (old / new) if theirs.ndim > 1 and axis == (0 if turned else 1) else fitted


def _longer(theirs: Tensor, axis: int, size: int) -> Tensor:
    """The first `size` slices along the axis; those that lack are the mean of all."""
    return _rows(theirs, axis, [row if row < theirs.shape[axis] else MEAN for row in range(size)])


def _read(start: Path, players: list[str]) -> dict[str, Weights]:
    """The weights by player: a finished run's, or its newest state's, averaged where there is an average; or loose files'."""
    if not start.is_dir():
        raise UserError(f"{start} is no folder: give --start a run's folder")
    files = {name: start / f"{name}.safetensors" for name in players if (start / f"{name}.safetensors").is_file()}
    if files and not (start / "run.json").exists():
        return {name: _load(file) for name, file in files.items()}
    store = Store(start)
    if weights := store.read_weights():
        return dict(weights)
    if not store.begun():
        raise UserError(f"{start} has saved no weights yet: wait for its first state, or give --start another run")
    return averaged_weights(store.load(), players)


def averaged_weights(state: State, players: Iterable[str]) -> dict[str, Weights]:
    """The weights of players by name in a trainer's state, averaged where there is an average."""
    whole = state["game"] | state["averages"]
    return {
        name: {key.removeprefix(f"{name}."): tensor for key, tensor in whole.items() if key.startswith(f"{name}.")}
        for name in players
    }


def _load(file: Path) -> dict[str, Tensor]:
    try:
        return read_tensors(file)
    except (OSError, ValueError):
        raise UserError(f"{file} is no safetensors file, or damaged: restore it from a copy") from None
