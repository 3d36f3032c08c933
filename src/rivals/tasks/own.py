"""A user's own file as a task: `recipe` is all it must have; what it lacks beside that has a plain default."""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from rivals.core.errors import UserError
from rivals.core.recipe import OWN, trainable
from rivals.core.types import Tensor
from rivals.media.drawing import draw


def own(path: Path) -> SimpleNamespace:
    """The task in the Python file at `path`, which the user named; raises UserError where it has no recipe."""
    if not path.is_file():
        raise UserError(f"{path} does not exist: give the Python file that holds your recipe")
    name = f"{OWN}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))  # as Python does for a script, so that it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except ImportError as error:
        raise UserError(f"{path}: {error}") from None
    parts = {
        "game": _no_game,
        "read": _no_read,
        "write": _write,
        "draw": draw,
        "evaluate": unjudged,
        "illustrate": _nothing,
        "held_out": unjudged,
    }
    task = SimpleNamespace(**(parts | vars(module)))
    if "recipe" not in vars(module):
        raise UserError(f"{path} has no function called recipe: write recipe(...) -> Trainer, see examples/new_gan.py")
    if "__wrapped__" not in vars(module.recipe):  # not marked: it may do without
        task.recipe = trainable(module.recipe)
    return task


def _no_game(facts: Mapping[str, Any]) -> Any:
    raise UserError("your recipe's file has no game(facts) -> Game: add it, so that a trained run can be loaded")


def _no_read(files: list[Path], facts: Mapping[str, Any]) -> Any:
    raise UserError("your recipe's file has no read(files, facts) -> Sample: add it, so that files can be scored")


def unjudged(*_: Any, **__: Any) -> Any:
    raise UserError(
        "your recipe's file has no evaluate(game, record, judging) or held_out(record): add it, so that runs can be judged"
    )


def _nothing(game: Any, record: Any) -> dict[str, Any]:
    return {}


def _write(samples: Tensor, condition: Tensor | None, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"samples": samples.cpu().numpy()} | ({} if condition is None else {"label": condition.cpu().numpy()})
    np.savez_compressed(folder / "samples.npz", **arrays)
    return [folder / "samples.npz"]
