"""A short real run, trained once, and copies of it that a test may spoil."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rivals.core.store import Store
from rivals.metrics import MetricCard
from rivals.tasks.digits import recipe

KNOWN = ("frechet", "frechet_bound", "kernel", "precision", "recall", "density", "coverage", "copies", "labels")


def card(metric: str, value: float, **extra: float | str) -> MetricCard:
    return MetricCard(metric, value, value * 0.9, value * 1.1, "digits-cnn-v1", "0123456789abcdef" * 4, "test", 1000, 7, extra)


def cards() -> dict[str, dict[str, object]]:
    found = {name: card(name, (i + 1) / 17, bound=(i + 2) / 23) for i, name in enumerate(KNOWN)}
    found["frechet"] = card("frechet", 20.54059556445239, bound=0.5176090399259294, ratio=39.68361056327721)
    found["copies"] = card("copies", 0.2, expected=0.00995, z=-7.5)
    return {name: each.as_dict() for name, each in found.items()}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / "0001-digits"
    trainer = recipe(out=folder, samples=4000, width=32, name="seven digits", seed=7).fit(progress=False)
    assert trainer.store is not None
    trainer.store.close()
    for grid in sorted((folder / "samples").iterdir())[:-12]:  # a dozen are enough
        grid.unlink()
    trainer.store.write_record(trainer.store.record() | {"seconds": 21.3})
    quality = {"cards": cards(), "calibration": {"slope": 1.25, "bias": -0.5}}
    (folder / "quality.json").write_text(json.dumps(quality))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """The trained run, for this test alone."""
    return shutil.copytree(trained, tmp_path / "0001-digits")


@pytest.fixture
def edit() -> Callable[..., None]:
    """Changes entries of run.json and gives it a new digest."""

    def change(folder: Path, **entries: Any) -> None:
        store = Store(folder)
        store.write_record(store.record() | entries)

    return change
