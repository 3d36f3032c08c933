"""TensorBoard's files hold what the log holds, once each, also after a resume."""

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from rivals.core.errors import UserError
from rivals.core.game import Game, Play
from rivals.core.trainer import Trainer
from rivals.games.gan import Sample
from rivals.report import tensorboard
from rivals.tasks.digits import recipe


def logged(run: Path) -> dict[str, list[tuple[int, float]]]:
    """The log's values by TensorBoard's names: (samples seen, value)."""
    found: dict[str, list[tuple[int, float]]] = {}
    for text in (run / "log.jsonl").read_text().splitlines():
        line = json.loads(text)
        for name, value in line.items():
            if name not in ("round", "seen"):
                tag = name.replace(".", "/", 1) if "." in name else f"observed/{name}"
                found.setdefault(tag, []).append((line["seen"], value))
    return found


def written(run: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def check_same(run: Path) -> None:
    log, events = logged(run), written(run)
    assert events.keys() == log.keys() and len(log) == 7
    for tag, values in log.items():
        assert [step for step, _ in events[tag]] == [step for step, _ in values], tag
        assert [value for _, value in events[tag]] == pytest.approx([value for _, value in values], abs=2e-6), tag


def test_values_and_steps_are_the_logs(tmp_path: Path) -> None:
    recipe(out=tmp_path / "run", samples=1500, width=16).fit(tensorboard(tmp_path / "run"), progress=False)
    check_same(tmp_path / "run")


def test_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    """Stopped a while after its last state: what it had logged beyond the state is logged again, and purged."""
    run = tmp_path / "run"
    trainer = recipe(out=run, samples=3000, width=16)
    trainer.save_every = 1000

    def crash(trainer: Trainer[Any], report: Any) -> None:
        if report.seen >= 1664:
            raise RuntimeError("the power fails")

    with pytest.raises(RuntimeError, match="the power fails"):
        trainer.fit(tensorboard(run), crash, progress=False)
    assert trainer.store is not None
    trainer.store.close()
    assert max(step for step, _ in written(run)["observed/D(x)"]) >= 1664
    again = recipe(out=run, samples=3000, width=16)
    again.resume()
    assert 1000 <= again.seen < 1664
    again.fit(tensorboard(run), progress=False)
    check_same(run)


def test_one_watcher_follows_a_trainer_that_steps_back(tmp_path: Path) -> None:
    run = tmp_path / "run"
    trainer = recipe(out=run, samples=2000, width=16)
    trainer.save_every = 1000
    watch = tensorboard(run)
    for report in trainer:
        watch(trainer, report)
        if report.seen >= 1408:
            break
    trainer.resume()
    assert trainer.seen == 1024
    trainer.fit(watch, progress=False)
    check_same(run)


class Silent(Game[Any]):
    """A game of one player that observes nothing."""

    averaged = ("player",)

    def __init__(self) -> None:
        super().__init__()
        self.player = nn.Linear(1, 1)

    def round(self, play: Play[Any]) -> None:
        play.move(self.player, lambda batch: {"loss": self.player(batch.data).square().mean()})

    def sample(self, n: int, *, given: Any = None, noise: torch.Generator | None = None) -> torch.Tensor:
        return torch.zeros(n)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"player": torch.optim.SGD(self.player.parameters(), lr=0.1)}


def test_a_game_that_observes_nothing_is_logged_at_the_interval(tmp_path: Path) -> None:
    def data(seen: int, count: int, step: int) -> Iterator[Sample]:
        while True:
            yield Sample(torch.ones(count, 1))

    trainer = Trainer(Silent(), data, samples=400, batch=10, log_every=100, device="cpu")
    trainer.fit(tensorboard(tmp_path), progress=False)
    assert [step for step, _ in written(tmp_path)["player/loss"]] == [100, 200, 300, 400]


def test_without_tensorboard_the_way_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("torch.utils.tensorboard"):
            raise ModuleNotFoundError("No module named 'tensorboard'", name="tensorboard")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match=r"pip install 'rivals\[tensorboard\]'"):
        tensorboard(tmp_path)
    assert not list(tmp_path.iterdir())
