"""The command line that repeats a run reads back as the run's arguments."""

import shlex
from pathlib import Path
from typing import Any

import cyclopts
import pytest

from rivals.core.store import Store
from rivals.report.command import command
from rivals.tasks.digits import recipe


def test_it_is_readable() -> None:
    arguments = {"half_life": 0.001, "micro": None, "name": "my run", "fast": True, "out": "x"}
    record = {"recipe": "tables.ctgan", "arguments": arguments}
    assert command(record) == "rivals train tables.ctgan --half-life 0.001 --name 'my run' --fast"


def test_a_cpus_threads_are_told() -> None:
    record = {"recipe": "r", "arguments": {"seed": 1}, "environment": {"device": "cpu AVX2", "threads": 4}}
    assert command(record) == "rivals train r --seed 1 --threads 4"
    assert command(record | {"environment": {"device": "cuda X", "threads": 4}}) == "rivals train r --seed 1"
    assert command(record | {"arguments": {"threads": 2}}) == "rivals train r --threads 2"


def test_without_a_recipe_there_is_none() -> None:
    assert command({"facts": {}}) is None
    assert command({"recipe": "", "arguments": {}}) is None


def test_the_recipes_own_signature_reads_it_back(run: Path) -> None:
    """The trained run's command, read by the same library that makes the command line from signatures."""
    record = Store(run).record()
    words = shlex.split(command(record) or "")
    assert words[:3] == ["rivals", "train", "digits"]
    assert words[-2:] == ["--threads", "1"]  # of every training, not of the recipe
    _, bound, _ = cyclopts.App(default_command=recipe).parse_args(words[3:-2], exit_on_error=False, print_error=False)
    given = {key: value for key, value in record["arguments"].items() if value is not None}
    assert bound.arguments == given and given["name"] == "seven digits"


def everything(
    *, text: str = "", number: float = 1.0, flag: bool = True, many: list[str] | None = None, by: dict[str, float] | None = None
) -> None:
    """Takes an argument of each kind."""


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "it's; rm -rf / $(x) `y` \n \"z\""},
        {"text": "-starts-with-a-dash"},
        {"text": "--flag"},
        {"text": ""},
        {"number": -0.5},
        {"number": 1e-05},
        {"flag": False},
        {"flag": True},
        {"many": ["a b", "c", "-d"]},
        {"by": {"lr": 0.1, "beta": -1.0}},
    ],
)  # fmt: skip
def test_every_kind_of_argument_reads_back(arguments: dict[str, Any]) -> None:
    words = shlex.split(command({"recipe": "r", "arguments": arguments}) or "")
    _, bound, _ = cyclopts.App(default_command=everything).parse_args(words[3:], exit_on_error=False, print_error=False)
    assert bound.arguments == arguments
