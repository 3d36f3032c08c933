"""The command `rivals compare`: several recipes over several seeds, one after the other, and one page with all of them."""

import hashlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rivals.core.errors import UserError

if TYPE_CHECKING:
    from rivals.report.comparison import Side

OWN = ("--seed", "-o", "--out", "--dry-run", "--threads")  # options that the comparison sets itself


def compare(
    games: Annotated[list[str], Parameter(help='What follows `rivals train`, each in quotes: "lab --objective hinge".')],
    *,
    seeds: Annotated[int, Parameter(help="Runs of each game, with seeds 0, 1, ...")] = 3,
    threads: Annotated[int, Parameter(help="CPU threads of each run.")] = 1,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="Where runs and page go; finished runs in it are kept.")],
) -> int:
    """Train several recipes over several seeds and set them side by side: figures, pictures, curves, failures too."""
    from rivals.core.store import write_file
    from rivals.report.comparison import comparison

    if seeds < 1:
        raise UserError(f"seeds is {seeds}: give at least 1")
    if len(set(games)) < len(games):
        raise UserError("the same game is given twice: change an option, or leave it out")
    if out.is_file():
        raise UserError(f"{out} is a file: give -o a folder")
    if out.exists() and any(out.iterdir()) and not any(out.glob("*/seed-*.log")):
        raise UserError(f"{out} holds other files and no comparison: give -o a new folder")
    every = [_words(game, threads) for game in games]  # all are checked before the first is played
    found = [_played(words, game, seeds, out) for words, game in zip(every, games, strict=True)]
    write_file(out / "compare.html", lambda file: file.write(comparison(found).encode(errors="replace")))
    write_file(out / "compare.json", lambda file: file.write(json.dumps(_figures(found), indent=1).encode()))
    print(f"Side by side: {out / 'compare.html'}")
    return 0 if any(side.runs for side in found) else 2


def _words(game: str, threads: int) -> list[str]:
    """The words of a command line, which must parse; raises UserError or CycloptsError."""
    from rivals.cli import parse

    try:
        words = shlex.split(game)
    except ValueError as error:
        raise UserError(f"{game!r} is no command line ({error}): check its quotes") from None
    if not words or words[0].startswith("-"):
        raise UserError(f"{game!r} names no recipe: begin with one, as in 'lab --objective hinge'")
    if own := [word for word in words if word.split("=")[0] in OWN]:
        raise UserError(f"{game!r}: leave out {own[0]}, which the comparison sets itself")
    if {"--help", "-h"} & {*words}:
        raise UserError(f"{game!r} asks for help, and trains nothing: call it by itself")
    words += ["--threads", str(threads)]
    parse(["train", *words])
    return words


def _played(words: list[str], game: str, seeds: int, out: Path) -> "Side":
    """Trains, resumes or takes over each seed's run of one game."""
    from rivals.report.comparison import Side, last_line
    from rivals.report.folder import read

    side = Side(game)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", game).strip("-")[:48]
    folder = out / f"{name}-{hashlib.sha256(json.dumps(words).encode()).hexdigest()[:8]}"
    for seed in range(seeds):
        run = folder / f"seed-{seed}"
        log = folder / f"seed-{seed}.log"
        code = _run(words, seed, run, log)
        if code:
            side.failed[seed] = f"exit code {code}: {last_line(log)}"
        else:
            side.runs[seed] = read(run)
        print(f"{game}, seed {seed}: {side.failed.get(seed, 'done')}", file=sys.stderr, flush=True)
    return side


def _run(words: list[str], seed: int, run: Path, log: Path) -> int:
    """What is left to do of one run, in a process of its own; its exit code."""
    finished = (run / "run.json").is_file() and json.loads((run / "run.json").read_bytes()).get("weights")
    if finished and (run / "report.html").is_file():
        return 0
    own = ["--recipe", words[0]] if words[0].endswith(".py") else []
    if finished:
        command = ["evaluate", str(run), *own]
    elif (run / "run.json").is_file():
        command = ["resume", str(run), *own]
    else:
        command = ["train", *words, "--seed", str(seed), "--out", str(run)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.run([sys.executable, "-m", "rivals", *command], stdout=file, stderr=subprocess.STDOUT).returncode


def _figures(sides: "list[Side]") -> "list[dict[str, object]]":
    """Each game's figures over its seeds, for programs."""
    from rivals.report.comparison import cell, metrics

    names = metrics(sides)
    return [
        {
            "command": side.command,
            "seeds": list(side.runs),
            "failed": side.failed,
            "figures": {name: found._asdict() for name in names if (found := cell(side, name))},
        }
        for side in sides
    ]
