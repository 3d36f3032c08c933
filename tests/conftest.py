"""What every test shares: one thread, no denormals, and the shapes and types in signatures checked at each call."""

# ruff: noqa: E402 (the order of the imports is the point)
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: its idle threads spin

import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import install_import_hook

# An int is a float, as PEP 484 has it. beartype knows typing.Self in whole classes only; the hook decorates methods.
CONF = BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict({typing.Self: Any}))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked at each call, Protocols by the names of their members."""

    def open_protocols(hint: Any) -> None:
        for part in typing.get_args(hint):
            open_protocols(part)
        kind = typing.get_origin(hint) or hint
        if getattr(kind, "_is_protocol", False):
            typing.runtime_checkable(kind)

    for hint in getattr(function, "__annotations__", {}).values():
        open_protocols(hint)
    return beartype(conf=CONF)(function)


sys.modules["checking"] = types.ModuleType("checking")  # the hook takes its checker by name, from a module
sys.modules["checking"].checked = checked
install_import_hook("rivals", "checking.checked")  # before anything imports rivals

import hypothesis
import torch

hypothesis.settings.register_profile("rivals", deadline=None, database=None, derandomize=True, max_examples=30)
hypothesis.settings.load_profile("rivals")
torch.set_num_threads(1)
torch.set_flush_denormal(True)
