"""SIGKILL at random moments (RELIABILITY A1, A16, A17), through the code of benchmarks/kills.py."""

import os
import random
import subprocess
import sys
from pathlib import Path

from harness import ROOT, command, digest, ended, fork, play, play_here, rivals, wait_until


def test_20_kills_lose_nothing(tmp_path: Path) -> None:
    """20 kills: no run lost, no newest state unreadable, no round missing or doubled, no litter, the unbroken digest."""
    seed = random.randrange(10**6)
    script = [sys.executable, str(ROOT / "benchmarks/kills.py"), "--kills", "20", "--seed", str(seed)]
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)  # what survives a kill is the same there
    done = subprocess.run([*script, "--log", str(tmp_path / "kills.jsonl")], env=os.environ | {"TMPDIR": fast},
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, f"seed {seed}; again: {' '.join(script)}\n{done.stdout}{done.stderr}"
    assert "20 kills" in done.stdout


def test_a_run_killed_before_its_record_can_be_begun_again(tmp_path: Path) -> None:
    """What is left then is a lock and a temporary file: resume says that there is no run, train makes one, and sweeps."""
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").touch()
    (run / ".run.json.4242.tmp").write_bytes(b'{"half')
    (run / ".mine.tmp").write_bytes(b"a user's own file")
    told = tmp_path / "told"
    assert ended(fork(lambda: command("resume", run), told)) == 2
    assert told.read_text().count("\n") == 1 and "holds no run" in told.read_text()
    assert digest(run) == digest(tmp_path / "whole")
    assert [path.name for path in run.glob(".*.tmp")] == [".mine.tmp"]


def test_a_kill_leaves_the_folder_free_though_loader_workers_live_on(tmp_path: Path) -> None:
    """A run with 2 workers is killed: its orphans do not hold the lock, so it goes on at once, to the same digest."""
    run = tmp_path / "run"
    child = fork(lambda: play_here(run, None, workers=2, samples=10**7))
    wait_until(lambda: (run / "newest").exists() or os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    os.kill(child, 9)
    assert ended(child) == -9
    play(run, 1, workers=2, samples=10**7)


def test_train_in_a_process_killed_and_resumed_by_the_command_line(tmp_path: Path) -> None:
    """The whole way through real processes: train, SIGKILL, resume, the unbroken digest."""
    from harness import TINY, trainer

    from rivals.testing import final_digest

    run = tmp_path / "run"
    process = rivals("train", TINY, "--samples", 25_600, "--out", run)
    wait_until(lambda: (run / "newest").exists())
    process.kill()
    process.communicate()
    assert ended(fork(lambda: command("resume", run, "--recipe", TINY), tmp_path / "told")) == 0, (tmp_path / "told").read_text()
    assert final_digest(run) == digest(tmp_path / "whole", samples=25_600)
    assert trainer(run, samples=25_600).seen == 25_600
