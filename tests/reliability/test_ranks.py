"""Two processes of one run: the same bits on a repeat, after a stop, and after a worker's death under torchrun."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness import TINY, command, ended, fork, rivals, wait_until

from rivals.core.store import Store
from rivals.testing import final_digest

SAMPLES = 12_800


def pair(told: Path, *words: object) -> list[int]:
    """Two ranks, as torchrun would start them, but forked: torch is imported once, here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def work(rank: int) -> None:
        os.environ |= {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        command(*words)

    return [fork(lambda rank=rank: work(rank), told) for rank in range(2)]


def both(children: list[int]) -> list[int]:
    return [ended(child) for child in children]


def lines(run: Path) -> int:
    return (run / "log.jsonl").read_bytes().count(b"\n") if (run / "log.jsonl").exists() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a run of two processes that nothing stops."""
    folder = tmp_path_factory.mktemp("ranks")
    codes = both(pair(folder / "told", "train", TINY, "--samples", SAMPLES, "--norm", "--out", folder / "run"))
    assert codes == [0, 0], (folder / "told").read_text()
    assert Store(folder / "run").record()["environment"]["processes"] == 2
    return final_digest(folder / "run")


def test_a_repeat_and_a_stopped_run_have_the_same_bits(whole: str, tmp_path: Path) -> None:
    """SIGTERM to both processes, a moment apart: they stop after the same round, which is saved, with 143; resumed, the
    digest of the run that was not stopped."""
    run, told = tmp_path / "run", tmp_path / "told"
    children = pair(told, "train", TINY, "--samples", SAMPLES, "--norm", "--out", run)
    wait_until(lambda: lines(run) > 20)
    for child in children:
        os.kill(child, signal.SIGTERM)
    assert both(children) == [143, 143], told.read_text()
    assert Store(run).load()["round"] == lines(run) < SAMPLES // 128
    assert both(pair(told, "resume", run, "--recipe", TINY)) == [0, 0], told.read_text()
    assert final_digest(run) == whole


def test_a_signal_to_one_process_stops_both_after_the_same_round(tmp_path: Path) -> None:
    """4 SIGTERM at random moments to one of the two: neither waits for the other, both exit 143, and no round is lost."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for number in range(4):
        run, told = tmp_path / str(number), tmp_path / f"told-{number}"
        children = pair(told, "train", TINY, "--samples", 10**7, "--save-every", 10**7, "--out", run)
        wait_until(lambda run=run: lines(run) > 3)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(children[number % 2], signal.SIGTERM)
        assert both(children) == [143, 143], f"seed {seed}: {told.read_text()}"
        assert Store(run).load()["round"] == lines(run), f"seed {seed}"


def test_a_batch_that_does_not_divide_is_told(tmp_path: Path) -> None:
    """One line from each process, exit code 2, nothing written."""
    assert both(pair(tmp_path / "told", "train", TINY, "--batch", 33, "--out", tmp_path / "run")) == [2, 2]
    line = "rivals: a batch of 33 does not divide among 2 processes: change --batch\n"
    assert (tmp_path / "told").read_text() == 2 * line and not (tmp_path / "run").exists()


def torchrun(place: Path, *words: object) -> "subprocess.Popen[str]":
    options = (
        "--standalone",
        "--nproc-per-node",
        2,
        "--max-restarts",
        2,
        "--monitor-interval",
        0.1,
        "-m",
        "rivals",
        "train",
        TINY,
    )
    return rivals(*options, "--samples", SAMPLES, "--norm", "--threads", 1, *words, module=("torch.distributed.run",), cwd=place)


@pytest.mark.parametrize("rank, out", [(0, True), (1, False)], ids=["first worker, --out", "second worker, a numbered folder"])
def test_torchrun_goes_on_after_a_killed_worker(rank: int, out: bool, whole: str, tmp_path: Path) -> None:
    """torchrun --max-restarts 2, SIGKILL to one worker: the group starts again by itself, finds its run (without --out too,
    and makes no second folder), goes on from the last state, and ends with the unbroken digest of two processes."""
    run = tmp_path / ("mine" if out else "runs/0001-tiny")
    process = torchrun(tmp_path, *(("--out", run) if out else ()))
    wait_until(lambda: lines(run) > 20)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(workers[rank]), signal.SIGKILL)
    told = process.communicate(timeout=120)[1]
    assert process.returncode == 0, told
    assert out or [path.name for path in (tmp_path / "runs").iterdir()] == ["0001-tiny"]
    assert final_digest(run) == whole
