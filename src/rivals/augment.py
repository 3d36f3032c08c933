"""The command `rivals augment`: does a classifier gain by a GAN's samples? With and without, by the number of labels.

For each number of pictures a class and each seed, a class-conditional GAN is trained on those pictures alone; one classifier is
trained as long each time on the real pictures, on shifted ones too, on the GAN's samples too, and on both (Antoniou et al. 2017,
arXiv:1711.04340, ask the same).
"""

import json
import math
import shutil
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from rivals.core.errors import UserError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rivals.games.gan import Sample
    from rivals.media.collection import Pictures

WAYS = ("real", "shifted", "GAN", "both")
SHARE = 0.5  # of the GAN's samples in a batch of the classifier
APART = 500  # held-out pictures that the doctor looks at while a GAN trains; nothing is chosen by them
T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}  # 95 % quantile of Student's t, by runs


class Plan(NamedTuple):
    """samples: length of a GAN, in pictures drawn. steps: of each classifier. made: samples a class. shift: pixels at most."""

    samples: int
    steps: int
    made: int
    shift: int


def augment(
    data: Annotated[Path, Parameter(help="Labelled pictures: a folder with a sub-folder a class, .zip, .npz, or a pack.")],
    *,
    per_class: Annotated[str, Parameter(help="Real pictures a class, one number or several.")] = "10,50,200,1000",
    seeds: Annotated[int, Parameter(help="Runs of each, with other pictures and other networks.")] = 5,
    samples: Annotated[int, Parameter(help="Length of each GAN's training, in pictures drawn.")] = 60_000,
    steps: Annotated[int, Parameter(help="Steps of each classifier, 64 pictures each.")] = 1000,
    made: Annotated[int, Parameter(help="Samples of the GAN a class.")] = 500,
    shift: Annotated[int, Parameter(help="Pixels by which pictures are shifted at most, to compare with.")] = 2,
    size: Annotated[str | None, Parameter(help="Pixels, as 28 or 32x24 (height x width).")] = None,
    labels: Annotated[Path | None, Parameter(help="CSV with the columns file and label.")] = None,
    threads: Annotated[int, Parameter(help="CPU threads.")] = 1,
    out: Annotated[
        Path, Parameter(name=["-o", "--out"], help="Folder for the table and the runs; a broken-off call goes on there.")
    ],
) -> None:
    """Train a classifier with and without a GAN's samples, by the number of labels: accuracy on held-out pictures, honestly."""
    from rivals.cli import set_threads
    from rivals.core.store import write_file
    from rivals.media.collection import labels_of, load
    from rivals.tasks.labels.data import balanced

    budgets = _budgets(per_class)
    if min(seeds, samples, steps, made, threads) < 1 or shift < 0:
        raise UserError("--seeds, --samples, --steps, --made and --threads are at least 1, --shift at least 0")
    set_threads(threads)
    pictures = load(data, size=size, labels=labels)
    every = labels_of(pictures)
    _enough(pictures, every, max(budgets))
    plan = Plan(samples, steps, made, shift)
    begun = _begun(out, plan._asdict() | {"data": pictures.digest})
    cells = begun["accuracy"]
    _keep(out, begun)
    for budget, seed in product(budgets, range(seeds)):
        name = f"{budget}-per-class-seed-{seed}"
        if name not in cells:
            real = pictures.fetch(balanced(every, budget * pictures.form.classes, seed))
            cells[name] = _compared(pictures, real, seed, plan, out / name)
            _keep(out, begun)
        told = ", ".join(f"{way} {accuracy:.1%}" for way, accuracy in cells[name].items())
        print(f"{budget} a class, seed {seed}: {told}", file=sys.stderr, flush=True)
    figures = {budget: [cells[f"{budget}-per-class-seed-{seed}"] for seed in range(seeds)] for budget in budgets}
    table = _table(figures, len(pictures.held_out))
    write_file(out / "augment.md", lambda file: file.write(table.encode()))
    print(table)


def _begun(out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings and what an earlier call with the same ones has finished in the folder, to go on from."""
    file = out / "augment.json"
    if not file.exists():
        if out.exists() and any(out.iterdir()):
            raise UserError(f"{out} exists and has no augment.json: give -o a new folder")
        return {"settings": settings, "accuracy": {}}
    begun: dict[str, Any] = json.loads(file.read_text())
    other = [f"{key} {begun['settings'].get(key)}" for key, value in settings.items() if begun["settings"].get(key) != value]
    if other:
        raise UserError(f"{out} was begun with {', '.join(other)}: give the same to go on, or -o a new folder")
    return begun


def _keep(out: Path, begun: dict[str, Any]) -> None:
    from rivals.core.store import write_file

    write_file(out / "augment.json", lambda file: file.write(json.dumps(begun, indent=1).encode()))


def _budgets(per_class: str) -> list[int]:
    try:
        budgets = [int(part) for part in per_class.split(",")]
    except ValueError:
        budgets = []
    if not budgets or min(budgets) < 2:
        raise UserError(f"--per-class {per_class}: give whole numbers of 2 or more, as 10,50,200")
    return budgets


def _enough(pictures: "Pictures", every: "Tensor", most: int) -> None:
    if pictures.form.classes < 2:
        raise UserError("a classifier needs two classes at least: give a sub-folder for each, or --labels FILE.csv")
    counts = every.bincount(minlength=pictures.form.classes)
    if int(counts.min()) < most:
        name = pictures.names[int(counts.argmin())]
        raise UserError(f"class {name} has {int(counts.min())} training pictures, fewer than {most}: give smaller --per-class")


def _compared(pictures: "Pictures", real: "Sample", seed: int, plan: Plan, folder: Path) -> dict[str, float]:
    """The accuracy on the held-out pictures of each of WAYS. real: the pictures whose labels are used."""
    import torch

    from rivals.metrics.classifier import Source, accuracy, train_classifier

    classes = pictures.form.classes
    wanted = torch.arange(plan.made * classes) % classes
    fake = _generated(pictures, real, wanted, seed, plan, folder)
    test, truth = pictures.held_out.data, pictures.held_out.condition
    found = {}
    for way in WAYS:
        noise = torch.Generator().manual_seed(seed)

        def fetch(items: "Tensor", way: str = way, noise: "Generator" = noise) -> "tuple[Tensor, Tensor | None]":
            data, named = real.data[items], real.condition[items]
            if way in ("GAN", "both"):
                rows = torch.randint(len(fake), (round(SHARE * len(items)),), generator=noise)
                data, named = data.clone(), named.clone()
                data[: len(rows)], named[: len(rows)] = fake[rows], wanted[rows]
            return (_shifted(data, plan.shift, noise) if way in ("shifted", "both") else data), named

        judge = train_classifier(Source(len(real), fetch), classes, seed=seed, steps=plan.steps)
        found[way] = accuracy(judge, test, truth)
    return found


def _generated(pictures: "Pictures", real: "Sample", wanted: "Tensor", seed: int, plan: Plan, folder: Path) -> "Tensor":
    """Samples of the wanted classes by a GAN of the real pictures alone, whose run stays in `folder`."""
    import numpy as np
    import torch

    from rivals.games.gan import Sample
    from rivals.model import load
    from rivals.tasks.images.dcgan import recipe

    shutil.rmtree(folder, ignore_errors=True)  # what a call that was broken off left
    folder.mkdir(parents=True)
    arrays = {}
    for part, sample in {"train": real, "test": pictures.held_out.map(lambda each: each[:APART])}.items():
        arrays[f"x_{part}"] = ((sample.data + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        arrays[f"y_{part}"] = sample.condition.numpy()
    np.savez(folder / "real.npz", **arrays)
    batch, how = min(64, len(real)), {"objective": "hinge", "norm": "spectral", "augment": "diff", "strength": 1.0, "width": 32}
    recipe(data=folder / "real.npz", samples=plan.samples, batch=batch, seed=seed, out=folder / "run", **how).fit(progress=False)
    model = load(folder / "run")
    noise = torch.Generator().manual_seed(seed)
    parts = [model.game.sample(len(part), given=Sample.wanted(part), noise=noise) for part in wanted.split(500)]
    return torch.cat(parts).float().clamp(-1, 1)


def _shifted(data: "Tensor", most: int, noise: "Generator") -> "Tensor":
    """Each picture moved by up to `most` pixels in both directions, its edge repeated."""
    import torch
    from torch.nn.functional import pad

    n, _, h, w = data.shape
    wide = pad(data, (most, most, most, most), mode="replicate")
    down, right = torch.randint(2 * most + 1, (2, n), generator=noise)
    return torch.stack([wide[i, :, d : d + h, r : r + w] for i, (d, r) in enumerate(zip(down, right, strict=True))])


def _table(figures: dict[int, list[dict[str, float]]], test: int) -> str:
    """Mean accuracy with the 95 % interval of the mean over seeds, and the gain over the same without the GAN, seed by seed."""
    head = f"Accuracy on {test:,} held-out pictures: mean over seeds, 95 % interval of the mean (Student's t)."
    rows = ["| real pictures a class | real | shifted | real + GAN | both | gain by the GAN | beside shifts |", "|---" * 7 + "|"]
    for budget, found in figures.items():
        gains = [[each[w] - each[o] for each in found] for w, o in (("GAN", "real"), ("both", "shifted"))]
        cells = [_told(values, "{:.1%}") for values in (*([each[way] for each in found] for way in WAYS), gains[0], gains[1])]
        rows.append(f"| {budget} | {' | '.join(cells)} |")
    return "\n".join([head, "", *rows, ""])


def _told(values: list[float], form: str) -> str:
    from statistics import fmean, stdev

    say: Callable[[float], str] = form.format
    if len(values) < 2:
        return say(values[0])
    half = T.get(len(values), 1.96) * stdev(values) / math.sqrt(len(values))
    return f"{say(fmean(values))} ± {say(half)}"
