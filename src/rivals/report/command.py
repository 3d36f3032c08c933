"""The command line that repeats a run, from the arguments in run.json."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rivals.core.store import State


def command(record: State) -> str | None:
    """`rivals train <recipe> --flag value ...`, quoted for a shell; None where no recipe made the run.

    Arguments that are None, and `out`, are left out. True is --flag and False is --no-flag; a list repeats its flag; a
    mapping gives --flag.key value. A CPU's bits depend on the number of threads, so --threads tells it.
    """
    if not record.get("recipe"):
        return None
    arguments = record.get("arguments") or {}
    words = ["rivals", "train", str(record["recipe"])]
    for name, value in arguments.items():
        if name != "out":
            words += _words("--" + name.replace("_", "-"), value)
    environment = record.get("environment") or {}
    if str(environment.get("device", "")).startswith("cpu") and "threads" not in arguments:
        words += _words("--threads", environment.get("threads"))
    return shlex.join(words)


def _words(flag: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, bool):
        yield flag if value else "--no-" + flag.removeprefix("--")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _words(f"{flag}.{key}", each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(flag, each)
    elif str(value).startswith("-"):
        yield f"{flag}={value}"  # else it would read as the next flag
    else:
        yield from (flag, str(value))
