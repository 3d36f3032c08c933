"""What the reliability tests share: runs that are made, stopped, forked and compared."""

import contextlib
import multiprocessing.util
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tiny_gan

from rivals.cli import main
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.testing import final_digest

ROOT = Path(__file__).parents[2]
TINY = Path(tiny_gan.__file__)
recipe = trainable(tiny_gan.recipe)
ROUNDS, EACH = 20, 128  # of the tiny run, and the samples that each round draws


def trainer(run: Path, **settings: Any) -> Trainer[Any]:
    """The tiny run in a folder; where it was begun, it goes on."""
    made = recipe(out=run, **settings)
    return made.resume() if (run / "run.json").exists() else made


def play(run: Path, rounds: int | None = None, **settings: Any) -> Path:
    """Plays the tiny run to its end, or stops it dead after so many rounds more, as a kill would: nothing is saved then."""
    if settings.get("workers"):  # apart: a process that has had loader workers cannot fork another one that has some
        told = run.with_name(f"{run.name}.told")
        assert ended(fork(lambda: play_here(run, rounds, **settings), told)) == 0, told.read_text()
    else:
        play_here(run, rounds, **settings)
    return run


def play_here(run: Path, rounds: int | None, **settings: Any) -> None:
    for count, _ in enumerate(trainer(run, **settings), start=1):
        if count == rounds:
            break


def digest(run: Path, **settings: Any) -> str:
    """Plays a run to its end, and what it ended with."""
    return final_digest(play(run, **settings))


@contextlib.contextmanager
def told() -> Iterator[list[str]]:
    """Collects the warnings' texts."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    texts += [str(warning.message) for warning in caught]


def fork(work: Callable[[], object], stderr: Path | None = None) -> int:
    """A child process that does `work` and leaves, its standard error in a file; its exit code is 1 where that raised."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        sys.stderr = (stderr or Path(os.devnull)).open("a", buffering=1)
        sys.stdout = sys.stderr
        multiprocessing.util._run_after_forkers()  # what a plain fork leaves out: the parent's loaders are none of ours
        warnings.resetwarnings()
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        work()
        code = 0
    except SystemExit as left:
        code = int(left.code or 0)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(code)


def command(*words: object) -> None:
    """The command line, in a forked child; it leaves by SystemExit."""
    main([str(word) for word in words])


def ended(child: int) -> int:
    """Waits for a child: its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_until(true: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def rivals(*words: object, module: Sequence[str] = ("rivals",), **settings: Any) -> "subprocess.Popen[str]":
    """The command line in a process of its own."""
    command = [sys.executable, "-m", *module, *map(str, words)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)
