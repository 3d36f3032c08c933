"""SIGKILL at random moments: a run that is killed and resumed again and again ends with the unbroken run's bits.

python benchmarks/kills.py [--kills 200] [--seed 0] [--log kills.jsonl]   (exit code 1 where the promise breaks)

A digits run (6,400 samples, 50 rounds, a state every 640 samples, two previews) is killed and resumed until it ends,
then the next one, until so many kills were done. Seven kills in ten come at a moment uniform over the run's length; the
others are aimed: before the first state, into a save, and at the end, while weights and run.json are written. After each
kill the folder is looked at as the kill left it; after each run its digest is compared with the unbroken run's.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import torch

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.core.watch import every
from rivals.media.previews import previews
from rivals.tasks.digits import recipe
from rivals.tasks.digits.data import load
from rivals.testing import final_digest

SAMPLES, SAVE_EVERY = 6_400, 640
KINDS = ("uniform",) * 7 + ("start", "save", "end")


def attempt(run: Path) -> NoReturn:
    """The child: trains from where the folder is, to the end; never returns. What goes wrong is left in RUN.error."""
    code = 0
    try:
        trainer = recipe(samples=SAMPLES, width=32, batch=64, device="cpu", out=run)
        trainer.save_every, trainer.watchers = SAVE_EVERY, [every(SAMPLES // 2, previews(10, scale=6))]
        if (run / "run.json").exists():
            trainer.resume()
        trainer.fit(progress=False)
    except BaseException:
        run.with_suffix(".error").write_text(traceback.format_exc())
        code = 1
    finally:
        os._exit(code)


def start(run: Path) -> int:
    sys.stdout.flush()
    child = os.fork()
    return child or attempt(run)


def unbroken(run: Path) -> dict[str, Any]:
    """A run that nobody stops: its digest and how long it took."""
    began = time.time()
    status = os.waitpid(start(run), 0)[1]
    seconds = time.time() - began
    if status:
        raise SystemExit(run.with_suffix(".error").read_text())

    return {"digest": final_digest(run), "seconds": seconds}


def wait_for(kind: str, run: Path, child: int, chance: random.Random, seconds: float) -> None:
    """Sleeps until the moment of the kill."""
    if kind == "uniform":
        time.sleep(chance.uniform(0, seconds))
    elif kind == "start":  # building, run.json, reading the state, the first rounds
        time.sleep(chance.uniform(0, 0.1 * seconds))
    else:  # a file tells the moment
        pattern = ".state-*.tmp" if kind == "save" else f"state-{SAMPLES:012d}.*"
        deadline = time.time() + 5 * seconds
        while not any(run.glob(pattern)) and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.0005)
            if time.time() > deadline:
                break
        time.sleep(chance.uniform(0, 0.01 if kind == "save" else 0.03))


def look(run: Path) -> dict[str, Any]:
    """The folder as a kill left it."""
    store, found = Store(run), {"record": (run / "run.json").exists()}
    states = store.states()
    newest_whole = True
    if states:
        try:
            store.read(states[0])
        except UserError:
            newest_whole = False
    lines = (run / "log.jsonl").read_bytes().split(b"\n")[:-1] if (run / "log.jsonl").exists() else []
    rounds = [json.loads(line)["round"] for line in lines]
    return found | {
        "seen": [kept.seen for kept in states],
        "newest_whole": newest_whole,
        "temporary": len(list(run.rglob(".*.tmp"))),
        "rounds": len(rounds),
        "log_whole": rounds == list(range(len(rounds))),
        "weights": found["record"] and bool(store.record().get("weights")),
    }


def stage(found: dict[str, Any]) -> str:
    """Where in the run's life a kill struck, by what it left."""
    if not found["record"]:
        return "before run.json"
    if not found["seen"]:
        return "before the first state"
    if found["temporary"]:
        return "while a file was written"
    if found["seen"][0] >= SAMPLES:
        return "after the end" if found["weights"] else "at the end, before the weights"
    return "between saves"


def kill_all(kills: int, seed: int, folder: Path, log: Path) -> dict[str, Any]:
    """Kills and resumes until `kills` were done; the counts."""
    chance = random.Random(seed)
    whole = unbroken(folder / "unbroken")
    stages, counts, done, number = Counter[str](), Counter[str](), 0, 0
    with log.open("w") as raw:
        while done < kills:
            run, number = folder / f"run-{number:03d}", number + 1
            before: list[int] = []
            while True:
                kind = chance.choice(KINDS)
                child = start(run)
                if done < kills:
                    wait_for(kind, run, child, chance, whole["seconds"])
                    os.kill(child, signal.SIGKILL)
                status = os.waitpid(child, 0)[1]
                if not os.WIFSIGNALED(status):
                    break
                done += 1
                found = look(run)
                stages[stage(found)] += 1
                counts["newest state unreadable"] += not found["newest_whole"]
                counts["went back behind a saved state"] += bool(before) and max(found["seen"], default=0) < before[0]
                counts["more than one temporary file"] += found["temporary"] > 1
                counts["log with a missing or doubled round"] += not found["log_whole"]
                raw.write(json.dumps({"run": run.name, "kill": done, "kind": kind, "stage": stage(found)} | found) + "\n")
                before = found["seen"]
            ended = os.waitstatus_to_exitcode(status) == 0
            same = ended and final_digest(run) == whole["digest"]
            counts["runs lost"] += not ended
            counts["digests that differ"] += not same
            counts["temporary files left at the end"] += len(list(run.rglob(".*.tmp")))
            error = run.with_suffix(".error").read_text() if not ended else ""
            raw.write(json.dumps({"run": run.name, "ended": ended, "same_digest": same, "error": error}) + "\n")
    return {"kills": done, "runs": number, "seconds": whole["seconds"], "stages": stages, "faults": counts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, default=Path("kills.jsonl"), help="the raw log, a JSON line for each kill")
    given = parser.parse_args()
    torch.set_num_threads(1)
    load()  # its imports and torch's are paid once: each attempt is a fork
    with tempfile.TemporaryDirectory() as folder:
        result = kill_all(given.kills, given.seed, Path(folder), given.log)
    print(f"{result['kills']} kills over {result['runs']} runs of {result['seconds']:.1f} s")
    print("\n".join(f"  {count:4d}  {name}" for name, count in sorted(result["stages"].items())))
    print("faults:\n" + "\n".join(f"  {count:4d}  {name}" for name, count in sorted(result["faults"].items())))
    if any(result["faults"].values()):
        command = f"python benchmarks/kills.py --kills {given.kills} --seed {given.seed}"
        sys.exit(f"the promise is broken (raw log: {given.log}); again: {command}")


if __name__ == "__main__":
    main()
