"""Two processes under torchrun: the same bits on a repeat, after a stop, and after a worker's death."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import TINY, command, ended, fork, rivals, wait_until
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from rivals.core.store import Store
from rivals.testing import final_digest

SAMPLES = 12_800


def launch(told: Path, *words: object, restarts: int = 0, name: str = "test", place: Path | None = None) -> int:
    """torchrun's agent in a forked child, its two workers forked from that: torch is imported once, here."""
    settings = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, run_id=name, rdzv_backend="c10d", monitor_interval=0.02,
                            rdzv_endpoint="localhost:0", start_method="fork", max_restarts=restarts)  # fmt: skip

    def agent() -> None:
        if place:
            os.chdir(place)
        elastic_launch(settings, command)(*words)

    return fork(agent, told)


def workers(agent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{agent}/task/{agent}/children").read_text().split()]


def lines(run: Path) -> int:
    return (run / "log.jsonl").read_bytes().count(b"\n") if (run / "log.jsonl").exists() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The digest of a run of two processes that nothing stops."""
    folder = tmp_path_factory.mktemp("ranks")
    agent = launch(folder / "told", "train", TINY, "--samples", SAMPLES, "--norm", "--out", folder / "run")
    assert ended(agent) == 0, (folder / "told").read_text()
    assert Store(folder / "run").record()["environment"]["processes"] == 2
    yield final_digest(folder / "run")


def test_a_stopped_group_goes_on_to_the_same_bits(whole: str, tmp_path: Path) -> None:
    """SIGTERM to torchrun: both processes stop after the same round, which is saved; resumed, the unbroken digest."""
    run, told = tmp_path / "run", tmp_path / "told"
    agent = launch(told, "train", TINY, "--samples", SAMPLES, "--norm", "--out", run)
    wait_until(lambda: lines(run) > 20)
    os.kill(agent, signal.SIGTERM)
    assert ended(agent) != 0
    assert "stopped and saved" in told.read_text() and Store(run).load()["round"] == lines(run) < SAMPLES // 128
    assert ended(launch(told, "resume", run, "--recipe", TINY)) == 0, told.read_text()
    assert final_digest(run) == whole


def test_a_signal_to_one_process_stops_both_after_one_round(tmp_path: Path) -> None:
    """4 SIGTERM at random moments to one of the two: neither waits for a process that has left, and no round is lost."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for number in range(4):
        run, told = tmp_path / str(number), tmp_path / f"told-{number}"
        agent = launch(told, "train", TINY, "--samples", 10**7, "--save-every", 10**7, "--out", run)
        wait_until(lambda run=run: lines(run) > 3)
        time.sleep(chance.uniform(0, 0.1))
        os.kill(workers(agent)[number % 2], signal.SIGTERM)
        assert ended(agent) != 0
        text = f"seed {seed}: {told.read_text()}"
        assert "stopped and saved" in text and "Connection closed" not in text, text
        assert Store(run).load()["round"] == lines(run), text


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_costs_nothing_under_max_restarts(rank: int, whole: str, tmp_path: Path) -> None:
    """SIGKILL to one worker: the group starts again by itself, from the last state, to the unbroken digest (--out given)."""
    run, told = tmp_path / "run", tmp_path / "told"
    agent = launch(told, "train", TINY, "--samples", SAMPLES, "--norm", "--out", run, restarts=2)
    wait_until(lambda: lines(run) > 20)
    os.kill(workers(agent)[rank], signal.SIGKILL)
    assert ended(agent) == 0, told.read_text()
    assert final_digest(run) == whole


def test_torchrun_restarts_find_the_run_that_they_numbered(whole: str, tmp_path: Path) -> None:
    """The real command, without --out: a killed worker's group goes on in runs/0001-tiny, and makes no second folder."""
    run = tmp_path / "runs/0001-tiny"
    options = ("--standalone", "--nproc-per-node", 2, "--max-restarts", 2, "--monitor-interval", 0.1, "-m", "rivals")
    process = rivals(*options, "train", TINY, "--samples", SAMPLES, "--norm", "--threads", 1,
                     module=("torch.distributed.run",), cwd=tmp_path)  # fmt: skip
    wait_until(lambda: lines(run) > 20)
    os.kill(workers(process.pid)[1], signal.SIGKILL)
    told = process.communicate()[1]
    assert process.returncode == 0, told
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["0001-tiny"]
    assert final_digest(run) == whole


def test_a_batch_that_does_not_divide_is_told(tmp_path: Path) -> None:
    """One line from each process, exit code not 0, nothing written."""
    agent = launch(tmp_path / "told", "train", TINY, "--batch", 33, "--out", tmp_path / "run")
    assert ended(agent) != 0 and not (tmp_path / "run").exists()
    told = (tmp_path / "told").read_text()
    assert "rivals: a batch of 33 does not divide among 2 processes: change --batch\n" in told
