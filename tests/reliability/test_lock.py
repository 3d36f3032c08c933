"""One process at a time for a run folder (RELIABILITY A15)."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import command, ended, fork, play, recipe, trainer

from rivals.core.errors import UserError
from rivals.core.store import Store

RECORD = {"run": "0" * 16, "recipe": "", "arguments": {}, "facts": {}, "environment": {}}


def race(take: Callable[[], object], hold: Path) -> list[int]:
    """Two processes at once: their exit codes; who wins holds the folder until `hold` is gone."""

    def work() -> None:
        try:
            take()
        except UserError:
            os._exit(2)
        while hold.exists():
            time.sleep(0.001)

    return [fork(work) for _ in range(2)]


@pytest.mark.parametrize("begin", [True, False], ids=["create", "open"])
def test_100_races_have_one_winner(begin: bool, tmp_path: Path) -> None:
    """50 races to begin a run and 50 to go on with one: one winner each, the other refused; the winner is then killed and
    leaves no lock that needs a hand."""
    for number in range(50):
        run = tmp_path / str(number)
        hold = tmp_path / f"hold-{number}"
        hold.touch()
        if not begin:
            first = Store(run)
            first.create(RECORD)
            first.close()
        pair = race(lambda run=run: Store(run).create(RECORD) if begin else Store(run).open(), hold)
        loser, status = os.waitpid(-1, 0)
        assert loser in pair and os.waitstatus_to_exitcode(status) == 2
        winner = next(child for child in pair if child != loser)
        while not (run / "run.json").exists():  # it holds the lock before it has written
            time.sleep(0.001)
        with pytest.raises(UserError, match="in use by another process"):
            Store(run).open()
        os.kill(winner, signal.SIGKILL)
        assert ended(winner) == -9
        after = Store(run)
        assert after.open()["run"] == RECORD["run"]
        after.close()


def test_a_run_that_ended_meanwhile_is_not_begun_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the folder and the lock another process may begin and end a run there: it stays as it is."""
    late, take = Store(tmp_path / "run"), Store._take

    def meanwhile(store: Store) -> None:
        monkeypatch.undo()
        play(tmp_path / "run", 7)
        take(store)

    monkeypatch.setattr(Store, "_take", meanwhile)
    with pytest.raises(UserError, match="already holds a run"):
        late.create(RECORD)
    late.close()
    assert trainer(tmp_path / "run").seen == 640


def test_a_folder_in_use_is_named_and_left_alone(tmp_path: Path) -> None:
    """While one process trains, resume, train and a second trainer are refused in one line; looking on is not."""
    run = tmp_path / "run"
    playing = recipe(out=run)
    rounds = iter(playing)
    for _ in range(7):
        next(rounds)
    before = sorted(path.name for path in run.iterdir())
    for words in (["resume", run], ["train", Path(__file__).with_name("tiny_gan.py"), "--out", run]):
        told = tmp_path / f"told-{words[0]}"
        more = ["--recipe", Path(__file__).with_name("tiny_gan.py")] if words[0] == "resume" else []
        assert ended(fork(lambda words=words, more=more: command(*words, *more), told)) == 2
        last = told.read_text().splitlines()[-1]
        assert str(run) in last and ("in use by another process" in last or "already holds a run" in last)
    assert before == sorted(path.name for path in run.iterdir())
    assert Store(run).load()["seen"] == 640
    rounds.close()
