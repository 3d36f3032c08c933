"""The figures of translation without pairs where the truth is known: handwritten digits to digits of any colour on any colour.

python benchmarks/unpaired.py MNIST.npz [--recipe cyclegan cut] [--without] [--seed 0] [--keep FOLDER]

Half of the training digits are sources, white on black; the others, of other pictures, are targets: the same strokes over a
background of a colour drawn for each. Two classifiers that see real pictures of both halves alone then read the translated
test digits: "kept" is the share that shows the source's digit to one trained on the targets, "reached" the share that the
other takes for targets. --without trains the same networks too without the way back, or without the ties between patches.
"""

import argparse
import importlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from rivals.core.types import Float, Tensor
from rivals.media.pictures import grid
from rivals.metrics.classifier import Source, accuracy, train_classifier
from rivals.model import Model

TERM = {"cyclegan": "cycle", "cut": "contrast", "fastcut": "contrast"}
SIZE, COUNT = 32, 2000


def digits(pixels: np.ndarray) -> Float[Tensor, "n 1 32 32"]:
    """28x28 digits (n, 28, 28) uint8 in 32x32 pixels, 0 to 1."""
    return pad(torch.from_numpy(pixels).float() / 255, (2, 2, 2, 2))[:, None]


def coloured(strokes: Float[Tensor, "n 1 32 32"], seed: int) -> Float[Tensor, "n 3 32 32"]:
    """White strokes over a colour of their own, none of whose channels is above 0.7."""
    background = 0.7 * torch.rand(len(strokes), 3, 1, 1, generator=torch.Generator().manual_seed(seed))
    return background * (1 - strokes) + strokes


def halves(file: Path, folder: Path) -> dict[str, Tensor]:
    """Writes source.npz and target.npz into the folder; returns what judging needs, in [-1, 1]."""
    with np.load(file) as data:
        order = np.random.default_rng(0).permutation(len(data["x_train"]))
        first, second = np.array_split(order, 2)
        source, target = digits(data["x_train"][first]).expand(-1, 3, -1, -1), coloured(digits(data["x_train"][second]), 1)
        test = digits(data["x_test"])[:COUNT]
        known = {
            "labels": torch.from_numpy(data["y_train"][second]).long(),
            "test": torch.from_numpy(data["y_test"])[:COUNT].long(),
        }
    for name, pictures in (("source", source), ("target", target)):
        np.savez(folder / f"{name}.npz", images=(pictures * 255).round().byte().permute(0, 2, 3, 1).numpy())
    real = {"source": source, "target": target, "tested": test.expand(-1, 3, -1, -1), "true": coloured(test, 2)}
    return known | {name: each * 2 - 1 for name, each in real.items()}


class Readers:
    """The two classifiers, trained on real pictures alone."""

    def __init__(self, known: dict[str, Tensor]) -> None:
        self.known, both = known, torch.cat([known["source"], known["target"]])
        domain = torch.cat([torch.zeros(len(known["source"])), torch.ones(len(known["target"]))]).long()
        self.digit = train_classifier(Source.table(known["target"], known["labels"]), 10, steps=900)
        self.domain = train_classifier(Source.table(both, domain), 2, steps=200)

    def told(self, name: str, pictures: Tensor, minutes: float = 0.0) -> None:
        kept = accuracy(self.digit, pictures, self.known["test"])
        reached = accuracy(self.domain, pictures, torch.ones(len(pictures), dtype=torch.long))
        print(f"{name:<24} kept {100 * kept:5.1f} %  reached {100 * reached:5.1f} %  {minutes:5.1f} minutes", flush=True)


def measured(recipe: str, folder: Path, readers: Readers, options: argparse.Namespace, *, without: bool = False) -> None:
    named = f"{recipe}{' without ' + TERM[recipe] if without else ''}"
    run = folder / f"{recipe}{'-without' if without else ''}-{options.seed}"
    more = {"samples": options.samples} if options.samples else {}
    if without:
        more |= {TERM[recipe]: 0.0, "identity": 0.0} if recipe == "cyclegan" else {TERM[recipe]: 0.0}
    sides = {side: str(folder / f"{side}.npz") for side in ("source", "target")}
    module = importlib.import_module(f"rivals.tasks.translation.{recipe}")
    start = time.monotonic()
    module.recipe(**sides, size=str(SIZE), mirror=False, seed=options.seed, out=run, **more).fit()
    minutes, game = (time.monotonic() - start) / 60, Model(run).game
    made = torch.cat([module.change(game, part) for part in readers.known["tested"].split(100)])
    rows = [readers.known["tested"][:12], made[:12]]
    if recipe == "cyclegan":
        rows.append(module.change(game, made[:12], back=True))
    grid(torch.cat(rows), 12, scale=2).save(run / "sheet.png")
    readers.told(named, made, minutes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--recipe", nargs="+", default=["cyclegan", "cut"], choices=TERM)
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        known = halves(options.file, folder)
        readers = Readers(known)
        readers.told("targets themselves", known["true"])
        readers.told("sources as they are", known["tested"])
        for recipe in options.recipe:
            measured(recipe, folder, readers, options)
            if options.without:
                measured(recipe, folder, readers, options, without=True)


if __name__ == "__main__":
    main()
