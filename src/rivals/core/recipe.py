"""trainable: marks a function as a recipe, something to train; its typed signature is its configuration and its command line."""

import functools
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, get_args

import torch

from rivals.core.errors import UserError, within
from rivals.core.game import B
from rivals.core.trainer import Trainer

P = ParamSpec("P")
OWN = "rivals_own_"  # what the module of a user's own file is called, so that it shadows none

COMMON = {
    "samples": "Length of the run: real samples drawn in all.",
    "batch": "Real samples drawn for each move.",
    "seed": "Seed of weights, noise and order.",
    "device": "auto, cpu, cuda, cuda:1, mps.",
    "precision": "auto is bf16 on CUDA, else fp32.",
    "workers": "Processes that load data; 0 for none but this one.",
    "out": "The run folder; the next free runs/NNNN-name by default.",
    "name": "The run's name.",
}
"""The options that every recipe has, and what the command line's help says of them."""


def trainable(function: Callable[P, Trainer[B]]) -> Callable[P, Trainer[B]]:
    """The function, with the weights it makes drawn from its `seed`, and its name and arguments kept in run.json.

    What run.json gave back as text is a Path again where the annotation says so. Raises UserError where the function lacks
    one of the common options, and for arguments that do not fit or that JSON cannot hold.
    """
    signature = inspect.signature(function, eval_str=True)
    if missing := [name for name in COMMON if name not in signature.parameters]:
        raise UserError(f"recipe {recipe_name(function)} lacks the common options {', '.join(missing)}: add them")

    @functools.wraps(function)
    def build(*args: P.args, **kwargs: P.kwargs) -> Trainer[B]:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise UserError(f"recipe {recipe_name(function)}: {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if isinstance(value, str) and Path in (kind := signature.parameters[name].annotation, *get_args(kind)):
                bound.arguments[name] = Path(value)
        arguments = {key: _plain(value) for key, value in bound.arguments.items() if key != "out"}
        if bad := [f"{key}={value}" for key, value in arguments.items() if not _fits_json(value)]:
            raise UserError(f"recipe {recipe_name(function)}: run.json cannot hold {', '.join(bad)}: give numbers, text or lists")
        within(0, 2**63 - 1, seed=bound.arguments["seed"])
        torch.default_generator.manual_seed(bound.arguments["seed"])
        trainer = function(*bound.args, **bound.kwargs)
        if not isinstance(trainer, Trainer):
            raise UserError(f"recipe {recipe_name(function)} returned {trainer!r}: let it return a Trainer")
        chosen = trainer.origin.get("arguments", {})  # by the recipe itself: a private run's secret seed
        trainer.origin = {"recipe": recipe_name(function), "arguments": arguments | chosen}
        return trainer

    return build


def recipe_name(function: Callable[..., Any]) -> str:
    """ "images" for the recipe in rivals.tasks.images, "images.dcgan" for that in a file there; a user's file gives its name."""
    if function.__module__.startswith("rivals.tasks."):
        return function.__module__.removeprefix("rivals.tasks.")
    return f"{function.__module__.removeprefix(OWN)}.py"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _fits_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
