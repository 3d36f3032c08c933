"""trainable: marks a function as a recipe, something to train; its typed signature is its configuration and its command line."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import torch

from rivals.core.game import B
from rivals.core.trainer import Trainer

P = ParamSpec("P")

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

    Raises TypeError where the function lacks one of the common options.
    """
    signature = inspect.signature(function)
    if missing := [name for name in COMMON if name not in signature.parameters]:
        raise TypeError(f"recipe {function.__name__} lacks the common options {missing}")

    @functools.wraps(function)
    def build(*args: P.args, **kwargs: P.kwargs) -> Trainer[B]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        torch.default_generator.manual_seed(bound.arguments["seed"])
        trainer = function(*args, **kwargs)
        arguments = {key: _plain(value) for key, value in bound.arguments.items() if key != "out"}
        trainer.origin = {"recipe": _name(function), "arguments": arguments}
        return trainer

    return build


def _name(function: Callable[..., Any]) -> str:
    """ "digits" for rivals.tasks.digits.recipe, "tables.ctgan" for a variant beside it; a user's file gives its own name."""
    package, _, module = function.__module__.rpartition(".")
    if package != "rivals.tasks":
        return f"{module}.py"
    return module if function.__name__ == "recipe" else f"{module}.{function.__name__}"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
