"""What can be trained: one package a task, one file a variant. Nothing is imported until it is asked for.

The module path is the registry: `recipe` in tasks/images/__init__.py is "images", that in tasks/images/dcgan.py "images.dcgan".
"""

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
    from rivals.games.gan import Sample
    from rivals.media.wanted import Trained, Wanted
    from rivals.metrics import Judging, MetricCard


class Task(Protocol):
    """What a recipe's module offers beside it, for `rivals.load`, sampling, scoring and judging.

    game(facts) builds the game, untrained, from what run.json kept ("classes": how many labels --label may name).
    read(files, facts) turns a user's files into a batch to score: a file is one sample, or many, in their order.
    draw(model, wanted) leaves what `rivals sample` was asked for, and returns the line that it prints; where it is
    media.drawing.draw, the module has write(samples, condition, folder) too, which leaves samples as files and returns them.
    record is the whole run.json, and "folder" the run's. evaluate judges a game against held-out real data, illustrate draws
    what the judge saw ("neighbours": samples above their nearest training samples), held_out gives real samples for the
    calibration. A module may have OPTIONS, help of options that a task's recipes share,
    and NEXT, what to do with a finished run.
    """

    recipe: "Callable[..., Trainer[Any]]"

    def game(self, facts: Mapping[str, Any]) -> "Game[Any]": ...

    def read(self, files: list[Path], facts: Mapping[str, Any]) -> "Sample": ...

    def draw(self, model: "Trained", wanted: "Wanted") -> str: ...

    def evaluate(self, game: "Game[Any]", record: Mapping[str, Any], judging: "Judging") -> "dict[str, MetricCard]": ...

    def illustrate(self, game: "Game[Any]", record: Mapping[str, Any]) -> "dict[str, Image]": ...

    def held_out(self, record: Mapping[str, Any]) -> "Sample": ...


def names() -> dict[str, str]:
    """Every recipe by its name on the command line, with the first line of its docstring; read without importing."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*/*.py")):
        text = path.read_text(encoding="utf8")
        for node in ast.parse(text).body if "@trainable" in text else ():  # most files hold no recipe, and parsing takes time
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(mark) == "trainable" for mark in node.decorator_list):
                task = path.parent.name
                line = (ast.get_docstring(node) or "").partition("\n")[0]
                found[task if path.stem == "__init__" else f"{task}.{path.stem}"] = line
    return dict(sorted(found.items()))


def find(name: str) -> "tuple[types.ModuleType, Callable[..., Trainer[Any]]]":
    """The module of the recipe called `name`, and the recipe; raises UserError for a name that is none of `names()`."""
    if name not in names():
        raise UserError(f"unknown recipe {name!r}: rivals list shows them all ({', '.join(names())})")
    module = importlib.import_module(f"rivals.tasks.{name}")
    return module, module.recipe
