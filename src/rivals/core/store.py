"""Store: the run folder, which always holds a whole, checked state, however the run was stopped.

A file is written beside its place, flushed, and moved there in one step. A state's name carries its SHA-256
(`state-<seen>.<digest>.pt`): neither torch.save nor safetensors notices a flipped bit.
"""

import fcntl
import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import safetensors.torch
import torch

from rivals.core.errors import UserError

State = dict[str, Any]


class Hashing:
    """A file being written that knows the SHA-256 of what went through, and the error that stopped it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sha = file, hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        self.sha.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self.file.flush()


def write_file(path: Path, write: Callable[[Any], object], name: Callable[[str], str] | None = None) -> str:
    """Writes a file whole or not at all and returns its SHA-256; `name` makes the file's name from the digest.

    Raises OSError (disk full...) with the old file in place and nothing left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    hashing: Hashing | None = None
    try:
        with temporary.open("wb") as file:
            hashing = Hashing(file)
            write(hashing)
            file.flush()
            os.fsync(file.fileno())
        digest = hashing.sha.hexdigest()
        temporary.replace(path.with_name(name(digest)) if name else path)
    except BaseException as problem:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        # torch.save turns a full disk into a RuntimeError of its zip writer
        error = (hashing and hashing.error) or problem
        if isinstance(error, OSError):
            error.filename = str(path)
        raise error from None
    _flush_folder(path.parent)
    return digest


def _write(data: bytes, file: Hashing) -> None:
    file.write(data)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False).encode()


_locks: set[int] = set()


def _forked() -> None:
    """A child lets go of its parent's locks: a loader worker that outlives a killed run would hold the folder."""
    for handle in _locks:
        os.close(handle)
    _locks.clear()


os.register_at_fork(after_in_child=_forked)


class Kept(NamedTuple):
    """A state file: the samples seen, and the first 16 hexadecimal digits of its SHA-256, both in its name.

    interim: saved for the clock, a signal or under suspicion: to resume from, and never to roll back to.
    """

    seen: int
    digest: str
    path: Path

    @property
    def interim(self) -> bool:
        return self.path.stem.endswith(".interim")


class Store:
    """One run's folder: run.json, log.jsonl, states, samples, weights. One process at a time may hold it.

    folder: None for the next free runs/NNNN-name, decided when it is made. Raises UserError where the folder holds no run,
    another run, other files, a damaged record, or is in use.
    """

    def __init__(self, folder: Path | str | None, *, name: str = "run") -> None:
        if not name or name.startswith(".") or set(name) & set("/\\\0"):
            raise UserError(f"the name {name!r} cannot be a folder's: leave out slashes and dots at its start")
        self.name = name if folder is None else None
        self.folder = numbered("runs", name) if folder is None else Path(folder)
        self._lock: int | None = None
        self._log_sha, self._log_size, self._unwritten = hashlib.sha256(), 0, b""

    def create(self, record: State) -> None:
        """Makes the folder with its record; refuses one that holds a run already, or anything else."""
        try:
            self._create(record)
        except UserError:
            if self.name is None or numbered("runs", self.name) == self.folder:
                raise
            self.folder = numbered("runs", self.name)  # another process took the number since
            self.create(record)

    def _create(self, record: State) -> None:
        self.refuse_taken()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take()
        self.refuse_taken()  # another process may have begun one, and ended it, since
        self.write_record(record)

    def refuse_taken(self) -> None:
        """Raises UserError where no run can begin here: it is a file, or holds a run or anything else."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is a file: give --out a folder")
        if (self.folder / "run.json").exists():
            raise UserError(f"{self.folder} already holds a run: rivals resume {self.folder}, or give another --out")
        if self.states():
            raise UserError(f"{self.folder} holds states, but no run.json: put it back, or give another --out")
        if self.folder.is_dir() and any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise UserError(f"{self.folder} holds other files and no run: give --out a new or empty folder")

    def open(self) -> State:
        """Takes the folder of a run that exists and returns its record."""
        self.record()  # before the lock, which would make a file in a folder that is no run
        self._take()
        return self.record()

    def close(self) -> None:
        """Gives the folder free; the system does so too when the process ends, however it ends."""
        if self._lock in _locks:  # in a forked child it is not
            _locks.remove(self._lock)
            os.close(self._lock)
        self._lock = None

    def _take(self) -> None:
        """Locks the folder and sweeps away what a killed process left unfinished."""
        if self._lock is not None:
            return
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UserError(f"{self.folder} is in use by another process: wait for it, or stop it first") from None
        self._lock = handle
        _locks.add(handle)
        for litter in [*self.folder.glob(".*.tmp"), *self.folder.glob("*/.*.tmp")]:
            if litter.name.split(".")[-2].isdecimal():  # a name that write_file gives: a user's own files stay
                litter.unlink(missing_ok=True)

    def write_record(self, record: State) -> None:
        body = {key: value for key, value in record.items() if key != "digest"}
        body["digest"] = hashlib.sha256(_canonical(body)).hexdigest()
        write_file(self.folder / "run.json", lambda file: file.write(_canonical(body)))

    def record(self) -> State:
        """run.json, checked against its own digest."""
        path = self.folder / "run.json"
        if not path.is_file():
            raise UserError(f"{self.folder} holds no run (no run.json): give the folder that rivals train made")
        try:
            record: State = json.loads(path.read_bytes())
            body = {key: value for key, value in record.items() if key != "digest"}
            whole = record["digest"] == hashlib.sha256(_canonical(body)).hexdigest()
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise UserError(f"{path} is damaged or was edited: its digest does not match; restore it from a copy")
        return record

    def write(self, name: str, write: Callable[[Any], object]) -> str:
        """Writes folder/name whole or not at all; returns its SHA-256."""
        return write_file(self.folder / name, write)

    def write_weights(self, players: dict[str, dict[str, torch.Tensor]]) -> None:
        """weights/<player>.safetensors for each player, their SHA-256 in run.json."""
        digests = {}
        for name, tensors in players.items():
            data = safetensors.torch.save({key: tensor.contiguous().cpu() for key, tensor in tensors.items()})
            digests[name] = self.write(f"weights/{name}.safetensors", partial(_write, data))
        self.write_record(self.record() | {"weights": digests})

    def read_weights(self) -> dict[str, dict[str, torch.Tensor]]:
        """The finished run's weights by player, each file checked first; {} before the run's end."""
        players = {}
        for name, digest in self.record().get("weights", {}).items():
            path = self.folder / "weights" / f"{name}.safetensors"
            if not path.is_file() or sha256(path) != digest:
                raise UserError(f"{path} is missing or damaged: its digest is not the one in run.json")
            players[name] = safetensors.torch.load_file(path)
        return players

    # The log: one JSON object a line, the same bytes in a resumed run as in an unbroken one, so no clock in it.
    def append(self, line: State) -> None:
        """Adds a line; where the disk is full it waits for the next line or save, which says so if it still is."""
        data = (json.dumps(line) + "\n").encode()
        self._log_sha.update(data)
        self._log_size += len(data)
        self._unwritten += data
        with suppress(OSError):
            self._write_log()

    def _write_log(self, *, flush: bool = False) -> None:
        with (self.folder / "log.jsonl").open("ab", buffering=0) as file:
            while self._unwritten:  # a disk that fills up takes a part
                self._unwritten = self._unwritten[file.write(self._unwritten) :]
            if flush:
                os.fsync(file.fileno())

    def log_mark(self) -> State:
        """Length and SHA-256 of the log so far, for the state."""
        return {"bytes": self._log_size, "sha256": self._log_sha.hexdigest()}

    def rewind_log(self, mark: State) -> None:
        """Cuts the log back to a state's mark; raises UserError where what stays is not what was written."""
        path = self.folder / "log.jsonl"
        data = path.read_bytes()[: mark["bytes"]] if path.exists() else b""
        self._log_sha, self._log_size, self._unwritten = hashlib.sha256(data), len(data), b""
        if self._log_sha.hexdigest() != mark["sha256"]:
            raise UserError(f"{path} is damaged or was edited: its digest does not match; restore it from a copy")
        if path.exists():
            os.truncate(path, len(data))

    def states(self) -> list[Kept]:
        """The states in the folder, newest first."""
        kept = []
        for path in self.folder.glob("state-*.pt"):
            seen, _, digest = path.stem.removeprefix("state-").removesuffix(".interim").partition(".")
            if seen.isdecimal():
                kept.append(Kept(int(seen), digest, path))
        return sorted(kept, reverse=True)

    def _named(self, which: str) -> str:
        """The state that the file `newest` or `best` names; "" where there is none."""
        pointer = self.folder / which
        return pointer.read_text(errors="replace").strip() if pointer.is_file() else ""

    def save(self, state: State, *, keep: int = 2, best: bool = False, healthy: bool = True) -> None:
        """Writes a state, then drops all but `keep` (the newest, the newest healthy one, the next) and the best; log lines
        so far are flushed first."""
        self._write_log(flush=True)
        stem = f"state-{state['seen']:012d}"
        names: list[str] = []

        def name(digest: str) -> str:
            names.append(f"{stem}.{digest[:16]}{'' if healthy else '.interim'}.pt")
            return names[0]

        write_file(self.folder / stem, lambda file: torch.save(state, file), name)
        write_file(self.folder / "newest", lambda file: file.write(names[0].encode()))
        if best:
            write_file(self.folder / "best", lambda file: file.write(names[0].encode()))
        states, spared = self.states(), self._named("best")
        if spared and spared not in {kept.path.name for kept in states}:
            warnings.warn(f"{self.folder / 'best'} names no state here: the best state so far is lost", stacklevel=2)
        # A later state is not this run's: another's, copied here. It stays, and takes no place of this run's own.
        mine = [kept for kept in states if kept.seen <= state["seen"]]
        first = {id(kept) for kept in [*mine[:1], *[kept for kept in mine if not kept.interim][:1]]}
        for old in sorted(mine, key=lambda kept: id(kept) not in first)[keep:]:
            if old.path.name != spared:
                with suppress(OSError):  # the new state is safe: an old one too many is no failure
                    old.path.unlink(missing_ok=True)

    def healthy(self, seen: int) -> Kept | None:
        """The newest state to roll back to, of those up to `seen` samples."""
        return next((kept for kept in self.states() if kept.seen <= seen and not kept.interim), None)

    def leave(self, kept: Kept, seen: int, mark: State) -> None:
        """Forgets what came after a state up to `seen` samples: the states, then the log's lines, which they need."""
        write_file(self.folder / "newest", lambda file: file.write(kept.path.name.encode()))
        for later in self.states():
            if kept.seen < later.seen <= seen:
                later.path.unlink(missing_ok=True)
        _flush_folder(self.folder)
        self.rewind_log(mark)

    def lines(self) -> list[State]:
        """The log so far, those lines too that a full disk did not take."""
        path = self.folder / "log.jsonl"
        written = path.read_bytes() if path.exists() else b""
        return [json.loads(line) for line in (written + self._unwritten).splitlines()]

    def load_best(self) -> State:
        """The state whose measure was the best so far; raises UserError where none was measured."""
        for kept in self.states():
            if kept.path.name == self._named("best"):
                return self.read(kept)
        raise UserError(f"{self.folder} keeps no best state: its recipe measures none")

    def begun(self) -> bool:
        """Whether a state was ever saved."""
        return bool(self.states() or self._named("newest"))

    def load(self) -> State:
        """The newest state that is whole; warns of each damaged or missing one before it, by name."""
        states, newest = self.states(), self._named("newest")
        if newest and newest not in {kept.path.name for kept in states}:
            warnings.warn(f"{self.folder / newest} is missing; going on from the state before it", stacklevel=2)
        for kept in states:
            try:
                return self.read(kept)
            except UserError as damage:
                warnings.warn(f"{damage}; going on from the state before it", stacklevel=2)
        raise UserError(f"{self.folder} holds no whole state: nothing to go on from; start again with rivals train")

    def read(self, kept: Kept) -> State:
        """One state, checked before it is used; raises UserError where it is damaged or another's."""
        try:
            if sha256(kept.path)[:16] != kept.digest:
                raise UserError(f"{kept.path} is damaged: its digest does not match its name")
            state: State = torch.load(kept.path, map_location="cpu", weights_only=True)
            fits = state["seen"] == kept.seen and state["run"] == self.record()["run"]
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"{kept.path} cannot be read ({error.strerror})") from None
        except Exception:  # what a foreign file makes the unpickler raise has no bounds
            raise UserError(f"{kept.path} is no state of rivals") from None
        if not fits:
            raise UserError(f"{kept.path} belongs to another run or another moment of this one")
        return state


def numbered(root: Path | str, name: str) -> Path:
    """The next free folder of a series: root/0001-name, root/0002-name ..."""
    root = Path(root)
    taken = [int(path.name[:4]) for path in root.glob("[0-9][0-9][0-9][0-9]-*")]
    return root / f"{max(taken, default=0) + 1:04d}-{name}"


@contextmanager
def going_on() -> Iterator[None]:
    """Within, a full disk is told and costs a file, not the run."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        warnings.warn(f"{error.filename or 'a file'}: {error.strerror}; the run goes on without it", stacklevel=4)


def first_not_finite(tree: Any, path: str = "state") -> str | None:
    """The path of the first NaN or infinity in nested dicts and lists of tensors."""
    if isinstance(tree, torch.Tensor):
        return None if not tree.is_floating_point() or tree.isfinite().all() else path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    return next((bad for key, item in items if (bad := first_not_finite(item, f"{path}.{key}"))), None)
