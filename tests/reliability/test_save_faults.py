"""Errors and kills at each step of a save (RELIABILITY A2, A3), and power loss between them (A5)."""

import ctypes
import errno
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import digest, ended, fork, play, told, trainer

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.testing import final_digest

CALLS = "openat,write,fsync,rename,unlink"
THIRD = 1920  # the state whose saving is disturbed: the third, so that an old one is dropped too


def has_a_good_state(run: Path, *seen: int) -> None:
    """The folder holds a whole state, the one being saved or the one before it, and at most one unfinished file."""
    with told() as warned:
        assert Store(run).load()["seen"] in (seen or (THIRD, THIRD - 640))
    assert not warned and len(list(run.glob(".*.tmp"))) <= 1


# In this process: the functions that a save calls, counted, and one of them made to fail.
class Killed(BaseException):
    """Stands for SIGKILL: from here on nothing of the process reaches the disk."""


@contextmanager
def faulty(patch: pytest.MonkeyPatch, at: int, error: BaseException | None, times: int = 1) -> Iterator[list[str]]:
    """Within, the file operations from number `at` on fail (`times` of them; each one after a kill). Yields their names."""
    calls: list[str] = []

    def failing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            if error and at <= len(calls) - 1 < at + (10**9 if isinstance(error, Killed) else times):
                raise error
            return function(*args, **kwargs)

        return call

    with patch.context() as here:
        here.setattr(os, "fsync", failing("fsync", os.fsync))
        for name in ("open", "replace", "unlink", "mkdir"):
            here.setattr(Path, name, failing(name, getattr(Path, name)))
        yield calls


def saving(run: Path, patch: pytest.MonkeyPatch, at: int, error: BaseException | None, times: int = 1) -> list[str]:
    """Plays to the third save and disturbs that."""
    playing = trainer(run)
    for _ in playing:
        if playing.seen == THIRD:
            break
    with faulty(patch, at, error, times) as calls:
        playing.save()
    return calls


def test_a_kill_at_each_operation_of_a_save_leaves_a_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation on a save's path: step n or n - 1 is on disk, whole, and the run goes on to the unbroken digest."""
    whole = digest(tmp_path / "whole")
    calls = saving(tmp_path / "count", monkeypatch, 0, None)
    assert {"open", "fsync", "replace", "unlink"} <= set(calls)
    for at, name in enumerate(calls):
        run = tmp_path / f"{at}-{name}"
        with pytest.raises(Killed):
            saving(run, monkeypatch, at, Killed())
        has_a_good_state(run)
        assert digest(run) == whole, f"killed at {name}, operation {at}"
        assert not list(run.glob(".*.tmp"))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_an_error_at_each_operation_of_a_save_is_one_warning(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 errors x every operation: one line that names the folder and the reason, the last good state intact."""
    calls = saving(tmp_path / "count", monkeypatch, 0, None)
    for at, name in enumerate(calls):
        run = tmp_path / f"{at}-{name}"
        with told() as warned:
            saving(run, monkeypatch, at, OSError(code, os.strerror(code)))
        expected = [] if name in ("mkdir", "unlink") and not warned else [f"{run}: the state was not saved ({os.strerror(code)})"]
        assert [text.partition(";")[0] for text in warned] == expected and "\n" not in "".join(warned), f"{name}, operation {at}"
        has_a_good_state(run)
        assert not list(run.glob(".*.tmp"))


def test_a_full_disk_is_told_twice_and_stops_at_the_third_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves that fail in a row: warning, warning, UserError that names the way on; the last good state stays; then the
    same digest. The bytes of torch.save are what fails: it turns the error into one of its own."""
    whole, run = digest(tmp_path / "whole"), tmp_path / "run"
    play(run, 7)
    from rivals.core import store

    def full(self: Any, data: bytes) -> int:
        self.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise self.error

    playing = trainer(run)
    monkeypatch.setattr(store.Hashing, "write", full)
    with (
        told() as warned,
        pytest.raises(UserError, match=r"not saved \(No space left on device\).*Make room, then rivals resume"),
    ):
        for _ in playing:
            pass
    assert len(warned) == 2 and playing.seen == 2560
    monkeypatch.undo()
    has_a_good_state(run, 640)
    assert digest(run) == whole


def test_the_last_save_that_fails_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end there is no next save to wait for: UserError at the first failure."""
    playing = trainer(tmp_path / "run")
    with pytest.raises(UserError, match="not saved"):
        for _ in playing:
            if playing.seen == playing.samples:
                monkeypatch.setattr(os, "fsync", _no_space)
    monkeypatch.undo()
    assert digest(tmp_path / "run") == digest(tmp_path / "whole")


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_log_lines_wait_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that found no room are written later, in order: the log is the unbroken run's, byte for byte."""
    playing, opened = trainer(tmp_path / "run"), Path.open

    def full(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "log.jsonl" and 6 < playing.round < 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    for _ in playing:
        pass
    monkeypatch.undo()
    assert final_digest(tmp_path / "run") == digest(tmp_path / "whole")


def test_a_watcher_that_finds_the_disk_full_costs_no_run(tmp_path: Path) -> None:
    """A preview that cannot be written is told and left out; the run ends as it would."""

    def preview(trainer: Any, _: object) -> None:
        if trainer.round == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "samples/6.png")

    playing = trainer(tmp_path / "run")
    with told() as warned:
        playing.fit(preview, progress=False)
    assert warned == ["samples/6.png: No space left on device; the run goes on without it"]
    assert final_digest(tmp_path / "run") == digest(tmp_path / "whole")


# From outside: the kernel's own calls, by strace.
def attach(child: int, log: Path, *options: str) -> "subprocess.Popen[bytes]":
    strace = subprocess.Popen(["strace", "-f", "-p", str(child), "-o", str(log), *options], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text():
        if strace.poll() is not None or time.monotonic() > deadline:
            strace.kill()
            os.kill(child, 9)
            pytest.skip(f"strace cannot attach here: {strace.communicate()[1].decode().strip()}")
        time.sleep(0.002)
    return strace


def traced(run: Path, inject: str | None) -> tuple[int, str, str]:
    """The tiny run in a child, its third save under strace: exit code, the calls on that path, what it told."""
    ready, go = os.pipe(), os.pipe()

    def work() -> None:
        ctypes.CDLL(None).prctl(0x59616D61, -1, 0, 0, 0)  # PR_SET_PTRACER: any process may trace this one
        for report in (playing := trainer(run)):
            if report.seen == THIRD:
                os.write(ready[1], b".")
                os.read(go[0], 1)
        assert playing.seen == playing.samples

    child = fork(work, run.with_suffix(".told"))
    os.read(ready[0], 1)
    temporary = [f".state-{THIRD:012d}.{child}.tmp", f".newest.{child}.tmp", "newest", "log.jsonl"]
    paths = [word for name in ["", *temporary] for word in ("-P", str(run / name) if name else str(run))]
    old = [word for kept in Store(run).states() for word in ("-P", str(kept.path))]
    log = run.with_suffix(".strace")
    strace = attach(child, log, "-e", f"trace={CALLS}", *(("-e", f"inject={inject}") if inject else ()), *paths, *old)
    os.write(go[1], b".")
    code = ended(child)
    strace.communicate()
    for end in (*ready, *go):
        os.close(end)
    told = run.with_suffix(".told")
    return code, log.read_text(), told.read_text() if told.exists() else ""


needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


@needs_strace
def test_a_kill_at_each_system_call_of_a_save(tmp_path: Path) -> None:
    """SIGKILL from the kernel at each openat, fsync, rename and unlink of a save and at its first and last write: n or
    n - 1 is whole on disk, and the run ends with the unbroken digest."""
    whole = digest(tmp_path / "whole")
    code, log, _ = traced(tmp_path / "count", None)
    assert code == 0
    save = re.search(r"(?s).*?rename\([^\n]*newest.*?unlink\([^\n]*", log)
    assert save, log
    counted = {name: len(re.findall(rf"(?m)^\d+ +{name}\(", save[0])) for name in CALLS.split(",")}
    assert min(counted.values()) >= 1 and counted["fsync"] >= 5, log
    points = [(name, when) for name, count in counted.items() for when in range(1, count + 1)]
    for name, when in points:
        if name == "write" and 1 < when < counted["write"]:
            continue
        run = tmp_path / f"{name}-{when}"
        code, _, _ = traced(run, f"{name}:signal=KILL:when={when}")
        assert code == -9, f"{name} {when}"
        has_a_good_state(run)
        assert digest(run) == whole, f"killed at {name} {when}"


@needs_strace
@pytest.mark.parametrize(
    "fault",
    ["openat:error=EACCES:when=2", "openat:error=EROFS:when=1", "write:error=ENOSPC:when=2", "write:error=EIO:when=4",
     "write:error=ENOSPC:when=6", "fsync:error=EIO:when=2", "fsync:error=ENOSPC:when=3", "rename:error=EROFS:when=1",
     "rename:error=EIO:when=2"],
)  # fmt: skip
def test_an_error_from_the_kernel_is_one_line_and_the_run_goes_on(fault: str, tmp_path: Path) -> None:
    """A system call of one save fails: one warning with the reason, no traceback, and the unbroken digest at the end."""
    run = tmp_path / "run"
    code, log, told = traced(run, fault)
    assert "INJECTED" in log and code == 0, told
    reason = os.strerror(getattr(errno, re.search("E[A-Z]+", fault)[0]))  # type: ignore[index]
    assert told == f"warning: {run}: the state was not saved ({reason}); the last good state stays\n"
    assert final_digest(run) == digest(tmp_path / "whole")


# Power loss: what was not flushed may be lost, in part or whole; what was done to a folder, in any part of its order.
class Disk:
    """Records what a store does to the files of one folder, and makes the folders that a power loss can leave."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.steps, self.done = folder, list[tuple[Any, ...]](), list[tuple[int, int]]()
        opened, flushed, moved, removed = Path.open, os.fsync, Path.replace, Path.unlink
        disk = self

        def open_(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            file = opened(path, mode, *args, **kwargs)
            if path.parent == folder and mode in ("wb", "ab"):
                disk.steps.append(("create", path.name, os.fstat(file.fileno()).st_ino))
            return file

        def fsync(handle: int) -> None:
            flushed(handle)
            path, node = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle).st_ino
            if path == folder:
                disk.steps.append(("folder",))
            elif path.parent == folder and path.is_file():
                disk.steps.append(("file", node, path.read_bytes()))

        def replace(path: Path, target: Path) -> Path:
            if path.parent == folder:
                disk.steps.append(("move", path.name, Path(target).name, path.stat().st_ino, path.read_bytes()))
            return moved(path, target)

        def unlink(path: Path, missing_ok: bool = False) -> None:
            disk.steps.append(("remove", path.name))
            removed(path, missing_ok=missing_ok)

        for place, name, function in [
            (Path, "open", open_),
            (os, "fsync", fsync),
            (Path, "replace", replace),
            (Path, "unlink", unlink),
        ]:
            patch.setattr(place, name, function)

    def crash(self, place: Path, at: int, chance: random.Random) -> None:
        """The folder as a power loss after step `at` may leave it: a random part of what was never flushed."""
        place.mkdir()
        safe: dict[str, int] = {}
        loose: list[tuple[Any, ...]] = []
        bytes_: dict[int, bytes] = {}
        written: dict[int, bytes] = {}
        for step in self.steps[:at]:
            match step:
                case ("file", node, data):
                    bytes_[node] = written[node] = data
                case ("folder",):
                    for change in loose:
                        self._apply(safe, change)
                    loose = []
                case _:
                    loose.append(step)
                    if step[0] == "move":
                        written[step[3]] = step[4]
        for change in loose:  # each one may have reached the disk or not, in any order
            if chance.random() < 0.5:
                self._apply(safe, change)
        for name, node in safe.items():
            whole = written.get(node, b"")
            data = bytes_.get(node, whole[: chance.randrange(len(whole) + 1)])
            (place / name).write_bytes(data)

    @staticmethod
    def _apply(safe: dict[str, int], change: tuple[Any, ...]) -> None:
        match change:
            case ("create", name, node):
                safe.setdefault(name, node)
                safe[name] = node
            case ("move", source, target, node, _):
                safe.pop(source, None)
                safe[target] = node
            case ("remove", name):
                safe.pop(name, None)


def test_power_loss_leaves_the_last_saved_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 folders that a power loss may leave, with unflushed bytes and folder entries dropped at random: each one holds
    the last state that a save had returned, or the next, whole, and the log as far as that state's mark."""
    run, seed = tmp_path / "run", random.randrange(10**6)
    chance = random.Random(seed)
    playing = trainer(run)
    with monkeypatch.context() as here:
        disk, saves = Disk(run, here), [(0, 0)]
        for _ in playing:
            if playing.store and playing.store.states() and playing.store.states()[0].seen > saves[-1][1]:
                saves.append((len(disk.steps), playing.store.states()[0].seen))
    for number in range(200):
        at = chance.randrange(saves[1][0], len(disk.steps) + 1)
        place = tmp_path / f"crash-{number}"
        disk.crash(place, at, chance)
        returned = max(seen for step, seen in saves if step <= at)
        with told() as warned:
            store = Store(place)
            state = store.load()
            store.rewind_log(state["log"])
        assert state["seen"] in (returned, returned + 640) and not warned, f"seed {seed}, image {number}: {warned}"


def test_a_file_is_flushed_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of a save: the log's lines, then the state, then the pointer; each one flushed, moved, its folder flushed."""
    playing = trainer(tmp_path / "run")
    next(iter(playing))
    playing.store.open()  # type: ignore[union-attr]
    with monkeypatch.context() as here:
        disk = Disk(tmp_path / "run", here)
        playing.save()
    kinds = [
        step[0] if step[0] != "create" else f"create {step[1].lstrip('.').partition('-')[0].partition('.')[0]}"
        for step in disk.steps
    ]
    one = ["file", "move", "folder"]
    assert kinds == ["create log", "file", "create state", *one, "create newest", *one]
