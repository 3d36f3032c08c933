"""The figures of a trained restoration: on other held-out pictures, in seconds a megapixel, and in memory with and without tiles.

python benchmarks/restoration.py RUN [--held-out set5.zip set14.zip] [--samples 100] [--time] [--memory] [--tile 256]

Without --held-out: on the pictures that the run itself set aside. --time: of one thread, at the source's megapixels, beside
Pillow's bicubic. --memory: the largest resident size of `rivals restore` on 2 megapixels (1632x1225), a process each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks.restoration.baselines import bicubic
from rivals.tasks.restoration.data import load
from rivals.tasks.restoration.judging import evaluate
from rivals.tasks.restoration.previews import restored
from rivals.tasks.restoration.training import damage_of

SIZE = 1632, 1225  # width and height of 2 megapixels


def judged_on(record: dict[str, Any], held_out: Path) -> dict[str, Any]:
    """The record of a run as if other pictures had been held out."""
    told = record["arguments"] | {"held_out": str(held_out)}
    good = load(Path(told["data"]), held_out, size=told.get("size"), channels=record["facts"]["channels"])
    return record | {"arguments": told, "facts": record["facts"] | {"data": good.digest}}


def table(model: Model, record: dict[str, Any], samples: int) -> None:
    cards = evaluate(model.game, record, Judging(samples=samples))
    names = list(next(iter(cards.values())).beside)
    count = next(iter(cards.values())).samples
    print(f"\n{record['arguments'].get('held_out') or 'held out'}, {count} pictures")
    print(f"| measure | the run | {' | '.join(names)} | good pictures |\n|---|---|{'---|' * (len(names) + 1)}")
    for name, card in cards.items():
        others = " | ".join(f"{card.beside[each]:.3f}" for each in names)
        bound = f"{card.extra['bound']:.3f}" if "bound" in card.extra else ""
        print(f"| {name} | {card.value:.3f} | {others} | {bound} |")


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Of the processor, the least of several goes, which other processes disturb least."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def pace(model: Model) -> None:
    damage = damage_of(model.record["facts"])
    source = torch.rand(1, damage.sources, 512, 512) * 2 - 1
    megapixels = 512 * 512 / 1e6
    with torch.no_grad():
        own = seconds(lambda: restored(model.game.generator, source, damage)) / megapixels
    print(f"\n{own:.2f} s a megapixel of the source on {torch.get_num_threads()} thread(s)")
    if damage.scale > 1:
        print(f"{seconds(lambda: bicubic(source, damage.scale)) / megapixels:.3f} s by Pillow's bicubic")


def memory(run: Path, tile: int) -> None:
    """The largest resident size of the process in MiB, of whole pictures and in tiles, and of a picture of 64x64 pixels."""
    random = np.random.default_rng(0).integers(0, 256, (49, 64, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name, size in (("large", SIZE), ("small", (64, 64))):
            Image.fromarray(random).resize(size, Image.Resampling.BICUBIC).save(place / f"{name}.png")
            Image.new("L", size).save(place / f"{name}-mask.png")
        masked = Model(run).record["facts"]["job"] == "inpaint"
        for name, side in (("small", 0), ("large", tile), ("large", 0)):
            command = [sys.executable, "-m", "rivals", "restore", str(run), str(place / f"{name}.png"), "-o",
                       str(place / f"{name}-{side}"), "--tile", str(side)]  # fmt: skip
            command += ["--masks", str(place / f"{name}-mask.png")] if masked else []
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            how = f"tiles of {side}" if side else "whole"
            size = "64x64" if name == "small" else f"{SIZE[0]}x{SIZE[1]}"
            print(f"{size}, {how}: {used.ru_maxrss / 1024:,.0f} MiB, {used.ru_utime + used.ru_stime:.1f} s of CPU, code {status}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--held-out", type=Path, nargs="*", default=[])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--tile", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model = Model(options.run)
    if options.time:
        pace(model)
    if options.memory:
        memory(options.run, options.tile)
    for held_out in options.held_out:
        table(model, judged_on(model.record, held_out), options.samples)
    if not (options.held_out or options.time or options.memory):
        table(model, model.record, options.samples)


if __name__ == "__main__":
    main()
