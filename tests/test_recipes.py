"""Every recipe has the common options and a help line, and its arguments survive run.json."""

import inspect
import json
import shlex
from pathlib import Path

import pytest

from rivals import tasks
from rivals.cli import NEXT, parse
from rivals.core.errors import UserError
from rivals.core.recipe import COMMON, trainable
from rivals.core.trainer import Trainer
from rivals.media.drawing import draw

RECIPES = tasks.names()


def test_there_is_a_recipe() -> None:
    assert "digits" in RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_common_options_and_words(name: str) -> None:
    module, recipe = tasks.find(name)
    parameters = inspect.signature(recipe).parameters
    assert set(COMMON) <= set(parameters)
    assert RECIPES[name] and len(RECIPES[name]) < 160, "one line for rivals list"
    parts = ["illustrate", "game", "read", "draw", "evaluate", "held_out"]
    if vars(module).get("draw") is draw:
        parts.append("write")
    for part in parts:
        assert callable(getattr(module, part)), f"{name} offers no {part}"


@pytest.mark.parametrize("name", RECIPES)
def test_what_to_do_next_can_be_done(name: str) -> None:
    module = tasks.find(name)[0]
    for command, _ in vars(module).get("NEXT", NEXT):
        words = shlex.split(command.format(run="runs/0001-x"))
        parse(words)
        if words[0] == "score":
            assert not hasattr(module, "anomaly") or "--anomaly" in words, f"{name} may have no discriminator"
            assert hasattr(module, "write") or not words[2].endswith("png"), f"{name} leaves no pictures"
        if "--given" in words:
            assert hasattr(module, "continue_")


def test_arguments_are_kept_as_json(tmp_path: Path) -> None:
    trainer = tasks.find("digits")[1](samples=640, width=16, out=tmp_path / "run")
    assert json.loads(json.dumps(trainer.origin)) == trainer.origin
    assert trainer.origin["recipe"] == "digits" and trainer.origin["arguments"]["samples"] == 640
    assert "out" not in trainer.origin["arguments"], "a run may be moved"
    assert not (tmp_path / "run").exists(), "nothing is written before the run begins"


def test_the_seed_draws_the_weights() -> None:
    def weights(seed: int) -> list[float]:
        return tasks.find("digits")[1](samples=640, width=16, seed=seed).game.state_dict()["generator.layers.0.weight"].tolist()

    assert weights(1) == weights(1) != weights(2)


def test_a_recipe_without_the_common_options_is_refused() -> None:
    def recipe(samples: int) -> Trainer:  # type: ignore[type-arg]
        raise AssertionError

    with pytest.raises(UserError, match="batch"):
        trainable(recipe)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match="digits"):
        tasks.find("os")
