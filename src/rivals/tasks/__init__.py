"""What can be trained: one package a task. Its module path is the registry; nothing is imported until it is asked for."""

import ast
import importlib
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rivals.core.errors import UserError

if TYPE_CHECKING:  # so that the command line can list the recipes without torch
    from PIL.Image import Image

    from rivals.core.game import Game
    from rivals.core.trainer import Trainer
    from rivals.core.types import Tensor
    from rivals.games.gan import Sample
    from rivals.metrics import MetricCard


class Task(Protocol):
    """What a task's package offers beside its recipes, for `rivals.load`, sampling, scoring and judging.

    game(facts) builds the game, untrained, from what run.json kept ("classes": how many labels --label may name).
    read(files, facts) turns a user's files into a batch to score; write(samples, condition, folder) leaves samples as
    files and returns them. evaluate(game) judges it against held-out real data, illustrate(game) draws what the judge saw
    ("neighbours": samples above their nearest training samples), held_out() gives real samples for the calibration.
    """

    recipe: "Callable[..., Trainer[Any]]"

    def game(self, facts: Mapping[str, Any]) -> "Game[Any]": ...

    def read(self, files: list[Path], facts: Mapping[str, Any]) -> "Sample": ...

    def write(self, samples: "Tensor", condition: "Tensor | None", folder: Path) -> list[Path]: ...

    def evaluate(self, game: "Game[Any]", *, samples: int, seed: int) -> "dict[str, MetricCard]": ...

    def illustrate(self, game: "Game[Any]") -> "dict[str, Image]": ...

    def held_out(self) -> "Sample": ...


def names() -> dict[str, str]:
    """Every recipe by its name on the command line, with the first line of its docstring; read without importing."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*/__init__.py")):
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(mark) == "trainable" for mark in node.decorator_list):
                task = path.parent.name
                line = (ast.get_docstring(node) or "").partition("\n")[0]
                found[task if node.name == "recipe" else f"{task}.{node.name}"] = line
    return found


def find(name: str) -> "tuple[types.ModuleType, Callable[..., Trainer[Any]]]":
    """The task's package and the recipe called `name`; raises UserError for a name that is none of `names()`."""
    if name not in names():
        raise UserError(f"unknown recipe {name!r}: rivals list shows them all ({', '.join(names())})")
    task, _, variant = name.partition(".")
    module = importlib.import_module(f"rivals.tasks.{task}")
    return module, getattr(module, variant or "recipe")
