"""A run folder tells nothing of who made it or where, and training talks to nobody: 0 canaries, 0 connects."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CANARIES = {"HOME": "/canary-home", "USER": "canaryuser", "LOGNAME": "canaryuser", "HF_TOKEN": "hf_canarytoken"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and, where strace is installed, the calls that making it took."""
    home = tmp_path_factory.mktemp("secret-folder")
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(home / "calls")] if shutil.which("strace") else []
    train = [sys.executable, "-m", "rivals", "train", "digits", "--samples", "2560", "--width", "16", "--threads", "1"]
    environment = {**os.environ, **CANARIES, "OMP_NUM_THREADS": "1"}
    subprocess.run([*strace, *train, "--out", "run"], cwd=home, env=environment, check=True, capture_output=True)
    return home


def test_nothing_of_the_maker_is_kept(made: Path) -> None:
    host = socket.gethostname()
    secrets = {*CANARIES.values(), "secret-folder", str(Path(sys.prefix)), host if len(host) > 4 else "secret-folder"}
    files = [path for path in (made / "run").rglob("*") if path.is_file()]
    found = [(path.name, secret) for path in files for secret in secrets if secret.encode() in path.read_bytes()]
    assert len(files) > 20 and found == []


def test_nobody_is_called(made: Path) -> None:
    if not (made / "calls").exists():
        pytest.skip("strace is not installed")
    calls = [line for line in (made / "calls").read_text().splitlines() if "AF_INET" in line]
    assert (made / "run" / "report.html").exists() and calls == []
