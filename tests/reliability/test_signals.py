"""SIGTERM and SIGINT through the command line (RELIABILITY A6): saved, told, the exit codes that shells expect."""

import os
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from harness import TINY, command, digest, ended, fork, rivals, wait_until
from tiny_gan import recipe

from rivals.core.store import Store
from rivals.testing import final_digest

EXIT = {signal.SIGTERM: 143, signal.SIGINT: 130}


def lines(run: Path) -> int:
    return (run / "log.jsonl").read_bytes().count(b"\n") if (run / "log.jsonl").exists() else 0


def saved_all(run: Path) -> None:
    """No round is lost: the newest state is that of the log's last line, and its mark is the log's end."""
    state = Store(run).load()
    assert state["round"] == lines(run) and state["log"]["bytes"] == (run / "log.jsonl").stat().st_size


@pytest.mark.parametrize("number", EXIT, ids=lambda number: number.name)
def test_a_signal_saves_and_leaves_with_its_code(number: signal.Signals, tmp_path: Path) -> None:
    """A real process: exit code 143 or 130, one line that says how to go on, no round lost, the unbroken digest."""
    run = tmp_path / "run"
    process = rivals("train", TINY, "--samples", 12_800, "--out", run)
    wait_until(lambda: lines(run) > 20)
    process.send_signal(number)
    told = process.communicate()[1]
    last = told.splitlines()[-1]
    assert process.returncode == EXIT[number] and last.startswith("rivals: stopped and saved") and f"resume {run}" in last
    assert "Traceback" not in told
    saved_all(run)
    assert Store(run).load()["seen"] < 12_800
    assert digest(run, samples=12_800) == digest(tmp_path / "whole", samples=12_800)


def test_a_signal_between_the_save_and_the_next_round_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def late(trainer: Any) -> None:
        told.append(trainer.round)
        if len(told) == 3:
            trainer._ask(signal.SIGTERM)

    monkeypatch.setattr("rivals.core.trainer.heed", late)
    trainer = recipe(samples=6_400, out=tmp_path / "run")
    with pytest.raises(SystemExit) as left:
        trainer.fit(progress=False)
    assert left.value.code == 143 and trainer.round == 4
    assert Store(tmp_path / "run").load()["round"] == 4


def test_20_signals_at_random_moments(tmp_path: Path) -> None:
    """20 SIGTERM at moments uniform over half a second from the first round on: exit code 143, no round lost, and 10 s at
    most until the process has left (the longest of them is told when that fails)."""
    seed = random.randrange(10**6)
    chance, times = random.Random(seed), []
    for number in range(20):
        run = tmp_path / str(number)
        child = fork(
            lambda run=run: command("train", TINY, "--samples", 10**7, "--save-every", 10**7, "--out", run), tmp_path / "told"
        )
        wait_until(lambda run=run: lines(run) > 0)
        time.sleep(chance.uniform(0, 0.5))
        start = time.monotonic()
        os.kill(child, signal.SIGTERM)
        assert ended(child) == 143, f"seed {seed}, signal {number}: {(tmp_path / 'told').read_text()}"
        times.append(time.monotonic() - start)
        saved_all(run)
    assert max(times) <= 10, f"seed {seed}: {max(times):.1f} s"


SLOW = """
import time
from tiny_gan import recipe as tiny
def slow(trainer, report):
    print("round", flush=True)
    time.sleep(60)
def recipe(*, samples: int = 2560, batch: int = 64, seed: int = 0, device: str = "cpu", precision: str = "auto",
           workers: int = 0, out: str = "", name: str = ""):
    from pathlib import Path
    trainer = tiny(out=Path(out))
    trainer.watchers = [slow]
    return trainer
"""


@pytest.mark.parametrize("launched", [False, True], ids=["alone", "under torchrun"])
def test_a_second_interrupt_leaves_at_once(launched: bool, tmp_path: Path) -> None:
    """A round that takes a minute: the first Ctrl-C waits for its end, the second one does not: 130 within 2 s. Under
    torchrun, which passes a Ctrl-C on, one within a second of the first is the same one."""
    (tmp_path / "slow.py").write_text(SLOW)

    def work() -> None:
        os.environ |= {"TORCHELASTIC_RUN_ID": "test"} if launched else {}
        command("train", tmp_path / "slow.py", "--out", tmp_path / "run")

    child = fork(work, tmp_path / "told")
    wait_until(lambda: (tmp_path / "told").exists() and "round" in (tmp_path / "told").read_text())
    os.kill(child, signal.SIGINT)
    time.sleep(0.3 if launched else 1.5)  # two that a starved process finds pending together are one signal
    if launched:
        os.kill(child, signal.SIGINT)
        time.sleep(1.2)
    assert os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None, "it left at the first one"
    start = time.monotonic()
    os.kill(child, signal.SIGINT)
    assert ended(child) == 130 and time.monotonic() - start < 2


@pytest.mark.parametrize("number", EXIT, ids=lambda number: number.name)
def test_a_signal_to_the_whole_group_spares_the_loader(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and launchers signal a process group: the loader's workers stay until the run has saved and let them go."""
    run = tmp_path / "run"

    def work() -> None:
        os.setpgid(0, 0)
        command("train", TINY, "--samples", 10**7, "--workers", 2, "--out", run)

    child = fork(work, tmp_path / "told")
    wait_until(lambda: lines(run) > 20)
    os.killpg(child, number)
    assert ended(child) == EXIT[number], (tmp_path / "told").read_text()
    saved_all(run)


def test_train_to_the_end_says_nothing_of_stopping(tmp_path: Path) -> None:
    """The other way out: exit code 0, the same digest through the command line as through Python."""
    assert ended(fork(lambda: command("train", TINY, "--out", tmp_path / "run"), tmp_path / "told")) == 0
    assert not re.search("stopped|Traceback", (tmp_path / "told").read_text())
    assert final_digest(tmp_path / "run") == digest(tmp_path / "whole")
