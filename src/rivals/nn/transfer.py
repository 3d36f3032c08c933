"""transfer: starts a game from the weights of another run, as far as they fit (fine-tuning a GAN: Wang et al. 2018,
arXiv:1805.01677), and says what was loaded, what was adapted and what begins anew.

Tensors meet by name. Stages are numbered from the smallest resolution, so two resolutions share the stages below. Where one
axis alone differs: a table of classes keeps the shared rows, and a new class starts as the mean of the old ones; picture
channels do the same, and one channel made of several is their mean. An input's weights are then scaled by old / new, so that
a picture that is equal in all channels gets the answer that it had.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvTransposeNd

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import State, Store
from rivals.core.types import Tensor
from rivals.nn.tensors import read_tensors

PLANES = 4  # an axis of at most so many is taken for the channels of pictures, a longer one for a network's width
SHOWN = 6  # names in one line of the report

Weights = Mapping[str, Tensor]


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


def transfer(game: Game[Any], start: Path | None, out: Path | None = None) -> None:
    """Loads the averaged weights of run `start` into the game's players where they fit; None: nothing happens.

    start: a run folder, finished or not (then its newest state counts), or a folder of <player>.safetensors. out: the run
    folder to be; where it holds a state already, that is what the run goes on from, and `start` need not exist any more.
    Prints what was done to standard error. Call it before the Trainer is made, whose averages begin as copies.
    Raises UserError where there is no such run, or none of its tensors fits.
    """
    if start is None or (out is not None and Store(out).begun()):
        return
    players = game.players()
    weights = _read(start, list(players))
    fitted = {name: fit_weights(player, weights.get(name, {})) for name, player in players.items()}
    if not any(each.loaded or each.adapted for each in fitted.values()):
        raise UserError(f"{start} was made by another network: none of its weights fits; give --start a run of the same recipe")
    for name, each in fitted.items():
        print(f"{name} from {start}: {each.told()}", file=sys.stderr)


@torch.no_grad()
def fit_weights(player: nn.Module, weights: Weights) -> Fitted:
    """Copies into the player each tensor that fits, or that can be adapted along one axis; the others stay."""
    own, modules = player.state_dict(), dict(player.named_modules())
    fitted = Fitted(unused=sorted(weights.keys() - own.keys()))
    for name, mine in own.items():
        parents = [modules[".".join(name.split(".")[:depth])] for depth in range(name.count(".") + 1)]
        theirs = weights.get(name)
        change = None if theirs is None else adapted(theirs, mine.shape, parents)
        if theirs is None or change is None:
            fitted.kept.append(name)
            continue
        mine.copy_(change)
        same = theirs.shape == mine.shape
        (fitted.loaded if same else fitted.adapted).append(name if same else f"{name} {_by(theirs)} -> {_by(mine)}")
    return fitted


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
    lacking = [theirs.mean(axis, keepdim=True)] * (size - theirs.shape[axis])
    return torch.cat([theirs.narrow(axis, 0, min(size, theirs.shape[axis])), *lacking], axis)


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
