"""`--start` by name: what a class or an attribute learned goes on under its name, whatever its number is in either run."""

from pathlib import Path
from typing import Any

import pytest
import torch
from picture_files import folder

from rivals import tasks
from rivals.core.store import Store
from rivals.core.types import Tensor

TINY = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "samples": 16, "device": "cpu"}
RECIPES: list[tuple[str, dict[str, Any]]] = [
    ("dcgan", {"condition_by": "projection"}),
    ("dcgan", {"condition_by": "auxiliary", "norm": "spectral"}),
    ("dcgan", {"condition_by": "embedding"}),
    ("sngan", {}),
    ("biggan", {}),
    ("fastgan", {"latent": 8}),
    ("stylegan2", {"depth": 1}),
    ("r3gan", {"blocks": 1, "expand": 1, "group": 0}),
]


def begun(recipe: str, data: Path, **more: Any) -> Any:
    return tasks.find(f"images.{recipe}")[1](data=data, **(TINY | more))


def tables(found: dict[str, Tensor], classes: int) -> dict[str, Tensor]:
    """Every tensor with a row for each class: tables, layers that name the class, and what spectral norm keeps of them."""
    return {name: each for name, each in found.items() if ("table" in name or "classifier" in name) and len(each) == classes}


@pytest.mark.parametrize(("recipe", "more"), RECIPES, ids=lambda each: each if isinstance(each, str) else "")
def test_classes_meet_by_name(recipe: str, more: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = folder(tmp_path / "a", 40, classes=("coat", "scarf", "shirt"), height=16, width=16)
    second = folder(tmp_path / "b", 40, classes=("bag", "coat", "hat", "shirt"), height=16, width=16)
    begun(recipe, first, out=tmp_path / "run", **more).fit(progress=False)
    trainer = begun(recipe, second, start=tmp_path / "run", out=tmp_path / "next", **more)
    told = capsys.readouterr().err
    assert (
        f"classes from {tmp_path / 'run'}: 2 met by name, 2 new, which begin as the mean of the old (bag, hat), 1 dropped" in told
    )
    seen = 0
    for player, weights in Store(tmp_path / "run").read_weights().items():
        for name, old in tables(weights, 3).items():
            new = trainer.game.get_submodule(player).state_dict()[name]
            assert torch.equal(new, torch.stack([old.mean(0), old[0], old.mean(0), old[2]])), f"{player}.{name}"
            seen += 1
    assert seen >= 2, "a table in each player"


@pytest.mark.parametrize("by", ["projection", "auxiliary"])
def test_attributes_meet_by_name(by: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"smile": lambda i: i % 2, "hat": lambda i: int(i % 3 == 0), "age": lambda i: i / 40, "beard": lambda i: i % 2}
    for at, columns in (("a", ("smile", "hat", "age")), ("b", ("age", "beard", "hat"))):
        folder(tmp_path / at, 40, height=16, width=16)
        rows = [",".join([f"{i:03d}.png", *(str(values[name](i)) for name in columns)]) for i in range(40)]
        (tmp_path / f"{at}.csv").write_text("\n".join([",".join(("file", *columns)), *rows]))
    begun("dcgan", tmp_path / "a", labels=tmp_path / "a.csv", condition_by=by, out=tmp_path / "run").fit(progress=False)
    trainer = begun("dcgan", tmp_path / "b", labels=tmp_path / "b.csv", condition_by=by, start=tmp_path / "run",
                    out=tmp_path / "next")  # fmt: skip
    assert "2 met by name, 1 new, which begin as the mean of the old (beard), 1 dropped" in capsys.readouterr().err
    players = Store(tmp_path / "run").read_weights()
    judge = ("head.project.table.weight", 1) if by == "projection" else ("head.classifier.weight", 0)
    checked = [("generator", "embed.table.weight", 1), ("discriminator", *judge)]
    for player, name, axis in checked:
        mine = trainer.game.get_submodule(player).state_dict()[name]
        old, new = players[player][name].movedim(axis, 0), mine.movedim(axis, 0)
        assert torch.equal(new, torch.stack([old[2], old.mean(0), old[1]])), f"{player}.{name}"
