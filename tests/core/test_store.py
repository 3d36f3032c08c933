"""The run folder: files written whole or not at all, states kept and dropped, a log that is cut back, a lock."""

import errno
import hashlib
import json
import os
import random
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from rivals.core.errors import UserError
from rivals.core.store import Store, going_on, numbered, sha256, write_file

RECORD = {"run": "ab" * 8, "recipe": "digits", "arguments": {"seed": 0}, "facts": {}, "environment": {}}


def store(folder: Path) -> Store:
    made = Store(folder)
    made.create(RECORD)
    return made


def state(seen: int, made: Store) -> dict[str, Any]:
    return {"seen": seen, "run": RECORD["run"], "log": made.log_mark(), "weights": torch.full((3,), float(seen))}


def test_a_file_is_written_whole_with_its_digest(tmp_path: Path) -> None:
    """The folder is made, the digest is SHA-256 of the bytes, the name may come from it, nothing else is left."""
    data = os.urandom(100_000)
    digest = write_file(tmp_path / "a/b", lambda file: file.write(data))
    assert digest == hashlib.sha256(data).hexdigest() == sha256(tmp_path / "a/b") and (tmp_path / "a/b").read_bytes() == data
    write_file(tmp_path / "a/b", lambda file: file.write(b"new"), name=lambda digest: f"{digest[:4]}.x")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(
        ["b", hashlib.sha256(b"new").hexdigest()[:4] + ".x"]
    )


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file(error: BaseException, tmp_path: Path) -> None:
    """Any exception passes on, the old content stays, and no temporary file; an OSError names the file."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file: Any) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)) as raised:
        write_file(path, fail)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    assert getattr(raised.value, "filename", str(path)) == str(path)


def test_a_full_disk_inside_torch_save_is_an_os_error(tmp_path: Path) -> None:
    """torch.save turns it into a RuntimeError of its zip writer: the reason must survive. /dev/full is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    (tmp_path / f".state.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write_file(tmp_path / "state", lambda file: torch.save({"x": torch.zeros(100_000)}, file))
    assert not list(tmp_path.iterdir())


def test_states_come_back_newest_first(tmp_path: Path) -> None:
    """What was saved is what is loaded, the newest whole one; the two newest are kept."""
    made = store(tmp_path / "run")
    for seen in (100, 200, 300):
        made.save(state(seen, made))
    assert [kept.seen for kept in made.states()] == [300, 200]
    assert torch.equal(made.load()["weights"], torch.full((3,), 300.0))


def test_2000_saves_keep_the_newest_two_and_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 2,000 saves with a random best now and then: the newest two and the best are there after each one, nothing
    else; keep + 1 states at most. (Writing is replaced by an empty file: what counts is what is dropped.)"""

    def quick(path: Path, write: Any, name: Any = None) -> str:
        digest = f"{seen:064x}"
        (path.with_name(name(digest)) if name else path).touch()
        return digest

    made, chance, best = store(tmp_path / "run"), random.Random(0), 0
    monkeypatch.setattr("rivals.core.store.write_file", quick)
    monkeypatch.setattr(Store, "_write_log", lambda self, flush=False: None)
    pointers = {"newest": "", "best": ""}
    monkeypatch.setattr(Store, "_named", lambda self, which: pointers[which])
    for seen in range(1, 2_001):
        is_best = chance.random() < 0.01
        best = seen if is_best else best
        pointers["best"] = f"state-{best:012d}.{f'{best:064x}'[:16]}.pt" if best else ""
        made.save({"seen": seen}, best=is_best)
        there = [kept.seen for kept in made.states()]
        assert there == sorted({seen, seen - 1, best} - {0}, reverse=True)


def test_the_best_state_is_kept_and_its_loss_told(tmp_path: Path) -> None:
    """`best` names a state that stays however old; where it is gone, the next save says so."""
    made = store(tmp_path / "run")
    made.save(state(100, made), best=True)
    for seen in (200, 300, 400):
        made.save(state(seen, made))
    assert [kept.seen for kept in made.states()] == [400, 300, 100]
    made.states()[-1].path.unlink()
    with pytest.warns(UserWarning, match="best state so far is lost"):
        made.save(state(500, made))
    (tmp_path / "run/best").write_bytes(b"\xff\xfe\x00damaged")
    with pytest.warns(UserWarning, match="best state so far is lost"):
        made.save(state(600, made))


def test_a_missing_newest_state_is_told(tmp_path: Path) -> None:
    """The state that `newest` names was removed: a warning names it, the one before is loaded."""
    made = store(tmp_path / "run")
    made.save(state(100, made))
    made.save(state(200, made))
    made.states()[0].path.unlink()
    with pytest.warns(UserWarning, match=r"state-000000000200\.\w+\.pt is missing"):
        assert made.load()["seen"] == 100


def test_a_state_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """A directory in a state's place, an unreadable disk: named, and the state before it is loaded."""
    made = store(tmp_path / "run")
    made.save(state(100, made))
    made.save(state(200, made))
    newest = made.states()[0].path
    newest.unlink()
    newest.mkdir()
    with pytest.warns(UserWarning, match=r"cannot be read \(Is a directory\)"):
        assert made.load()["seen"] == 100


def test_the_log_is_cut_back_to_a_mark(tmp_path: Path) -> None:
    """Lines after the mark, a half-written one too, are cut; what follows is written as if they had never been."""
    made = store(tmp_path / "run")
    for number in range(5):
        made.append({"round": number})
    mark = made.log_mark()
    made.append({"round": 5})
    log = tmp_path / "run/log.jsonl"
    log.write_bytes(log.read_bytes() + b'{"round": 6, "se')
    again = Store(tmp_path / "run")
    again.rewind_log(mark)
    again.append({"round": 5})
    assert [json.loads(line)["round"] for line in log.read_text().splitlines()] == [0, 1, 2, 3, 4, 5]
    assert again.log_mark() == made.log_mark()


@pytest.mark.parametrize("damage", [lambda data: data[:10], lambda data: b"X" + data[1:], lambda data: b""])
def test_a_log_that_is_not_the_states_is_refused(damage: Any, tmp_path: Path) -> None:
    """Shorter than the mark, or with other bytes before it: refused, and left as it is."""
    made = store(tmp_path / "run")
    made.append({"round": 0, "seen": 128})
    mark, log = made.log_mark(), tmp_path / "run/log.jsonl"
    log.write_bytes(damage(log.read_bytes()))
    before = log.read_bytes()
    with pytest.raises(UserError, match="damaged or was edited"):
        Store(tmp_path / "run").rewind_log(mark)
    assert log.read_bytes() == before


def test_a_record_is_checked_and_its_order_does_not_matter(tmp_path: Path) -> None:
    """run.json carries its own digest: an edit is refused, other spaces and order are not; the lines are stable."""
    made = store(tmp_path / "run")
    path = tmp_path / "run/run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(record.items()))))
    assert made.record() == record
    for text in (path.read_text().replace('"seed": 0', '"seed": 1'), "[]", "", "{}", "null", "\x00" * 100):
        path.write_text(text)
        with pytest.raises(UserError, match="is damaged or was edited"):
            made.record()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is damaged or was edited"):
        made.record()


def test_weights_are_checked(tmp_path: Path) -> None:
    """Written with their digests in the record, in any memory order; {} before the end."""
    made = store(tmp_path / "run")
    assert made.read_weights() == {}
    tensors = {"w": torch.arange(6.0).view(2, 3).t()}
    made.write_weights({"generator": tensors})
    assert torch.equal(made.read_weights()["generator"]["w"], tensors["w"])
    (tmp_path / "run/weights/generator.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="missing or damaged"):
        made.read_weights()


def test_a_folder_has_one_holder(tmp_path: Path) -> None:
    """A second store is refused until the first is closed, in one process and in a forked child; a child that lives on
    holds nothing."""
    made = store(tmp_path / "run")
    with pytest.raises(UserError, match="in use by another process"):
        Store(tmp_path / "run").open()
    ready, child = os.pipe(), os.fork()
    if not child:
        os.write(ready[1], b".")
        time.sleep(600)
        os._exit(0)
    try:
        os.read(ready[0], 1)
        made.close()
        again = Store(tmp_path / "run")
        again.open()
        again.close()
        again.close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for end in ready:
            os.close(end)


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_is_no_folder(place: str, tmp_path: Path) -> None:
    """UserError or OSError, never a traceback's worth of anything else; the file stays."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises((UserError, NotADirectoryError)):
        Store(tmp_path / place).create(RECORD)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_error_of_the_disk_is_told_and_passed_over_a_broken_pipe_is_not() -> None:
    """going_on: one warning for an OSError; BrokenPipeError, which ends a command line, and all else pass on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with going_on():
            raise OSError(errno.ENOSPC, "No space left on device", "picture.png")
    assert [str(warning.message) for warning in caught] == ["picture.png: No space left on device; the run goes on without it"]
    for error in (BrokenPipeError, ValueError):
        with pytest.raises(error), going_on():
            raise error


def test_folders_are_numbered(tmp_path: Path) -> None:
    """The next number after the highest that is there, whatever its name."""
    assert numbered(tmp_path / "runs", "digits") == tmp_path / "runs/0001-digits"
    (tmp_path / "runs/0041-own").mkdir(parents=True)
    assert numbered(tmp_path / "runs", "digits").name == "0042-digits"
