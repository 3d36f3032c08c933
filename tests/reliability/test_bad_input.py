"""What a user gets wrong is told in one line, with exit code 2, within 2 s of CPU time, and nothing is written."""

import os
import resource
from pathlib import Path

import pytest
from harness import TINY, command, ended, fork, play, rivals

from rivals.core.store import Store


def state_of(place: Path) -> list[tuple[str, bytes]]:
    return sorted((str(path), path.read_bytes()) for path in place.rglob("*") if path.is_file() and path.name != "told")


CASES = {
    "an unknown recipe": "train unicorns",
    "an unknown option": "train digits --colour red",
    "an unknown value": "train digits --objective best",
    "a value of the wrong kind": "train digits --samples many",
    "no samples": "train digits --samples 0 --out {place}/new",
    "no batch": "train digits --batch 0 --out {place}/new",
    "a device that is not there": "train digits --device cuda:77 --out {place}/new",
    "a file of one's own that is not there": "train {place}/nothing.py",
    "an out that is a file": "train {tiny} --out {place}/file",
    "an out inside a file": "train {tiny} --out {place}/file/run",
    "an out that holds a run": "train {tiny} --out {place}/run",
    "no run": "resume {place}/nowhere",
    "a folder that is no run": "resume {place}/empty",
    "an unknown command": "tarin digits",
    "a run without its file": "resume {place}/run",
    "a run with another's file": "resume {place}/run --recipe {place}/other.py",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bad")
    (place / "file").write_text("a file")
    (place / "empty").mkdir()
    play(place / "run", 7)
    store = Store(place / "run")
    store.write_record(store.record() | {"recipe": "tiny_gan.py"})
    (place / "other.py").write_text(TINY.read_text())
    return place


@pytest.mark.parametrize("words", CASES.values(), ids=CASES)
def test_a_mistake_is_one_line(words: str, place: Path) -> None:
    """16 mistakes: exit code 2, one line that begins with rivals:, no traceback, every file as it was, 2 s of CPU at most
    (torch is imported here already: see the next test)."""
    before, told = state_of(place), place / "told"
    told.unlink(missing_ok=True)

    def work() -> None:
        os.chdir(place / "empty")
        resource.setrlimit(resource.RLIMIT_CPU, (int(sum(os.times()[:2])) + 3, -1))
        command(*words.format(place=place, tiny=TINY).split())

    assert ended(fork(work, told)) == 2, told.read_text()
    text = told.read_text()
    assert text.startswith("rivals: ") and text.count("\n") == 1 and "Traceback" not in text
    assert state_of(place) == before and not (place / "new").exists() and not list((place / "empty").iterdir())


@pytest.mark.parametrize("words", ["train unicorns", "resume {place}/nowhere"])
def test_a_mistake_costs_little_in_a_process_of_its_own(words: str, place: Path) -> None:
    """User and system time of the whole process, Python's start and torch's import included: 2 s on a quiet machine; 4 s
    are allowed here, as the same work takes that on a busy one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = rivals(*words.format(place=place).split())
    out, told = process.communicate()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 2 and not out and told.count("\n") == 1, told
    assert now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime < 4
