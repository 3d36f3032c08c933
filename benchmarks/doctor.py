"""The doctor's false alarms and detections, on healthy and on sabotaged short runs, as a Markdown table.

python benchmarks/doctor.py [--first-seed 200] [--healthy 4] [--sabotaged 2] [--jobs 1] [--fashion FILE]
    [--keep FILE] [--again FILE]

Dense players on digits (8x8, scikit-learn) and, with --fashion (Fashion-MNIST as an .npz whose first array (n, 28, 28) holds
bytes), on 12,000 pictures pooled to 14x14; 32,000 samples a run, ten looks. The thresholds in rivals.metrics.doctor were
chosen on seeds below 200; the table is made of others.
--keep writes the looks of every run as a line of JSON; --again makes the table of such a file without training.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from rivals.core.objectives import Objective, hinge, non_saturating, relativistic, wasserstein
from rivals.core.penalties import Penalty, gradient_penalty, r1, r2
from rivals.core.rollback import Diverged
from rivals.core.schedules import cosine
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.gan import GAN, Sample
from rivals.metrics.doctor import Doctor, diagnose
from rivals.tasks.digits import data as digits

LATENT, LOOKS = 32, 10


class Dense(nn.Module):
    """Pictures, or with no outputs scores (n,), by two hidden layers."""

    def __init__(self, inputs: int, outputs: tuple[int, ...], width: int = 128) -> None:
        super().__init__()
        self.outputs, size = outputs, int(np.prod(outputs))
        self.layers = nn.Sequential(
            nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, size)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        found = self.layers(x.flatten(1)).view(len(x), *self.outputs)
        return found.tanh() if self.outputs else found


class Spoilt(nn.Module):
    """A generator with `spoil` after it, where it is looked at: in training it would learn to make up for it."""

    def __init__(self, generator: nn.Module, spoil: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.generator, self.spoil = generator, spoil

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        made = self.generator(z, condition)
        return made if self.training else self.spoil(made)


class Copier(nn.Module):
    """Returns training pictures, each a little changed; `weight` moves and does nothing."""

    def __init__(self, train: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("rows", train)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        picked = (z[:, 0].abs() * 1e4).long() % len(self.rows)
        return self.rows[picked] + 0.03 * z[:, 1].view(-1, 1, 1, 1) + 0 * self.weight


class Dead(nn.Module):
    """A discriminator whose last rectifiers never open."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, 1))
        nn.init.constant_(self.layers[0].bias, -1000.0)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x.flatten(1)).squeeze(1)


class Terms(NamedTuple):
    """What a run is made of; the defaults are healthy. rows: training samples. at: progress at which `rates` begin to hold
    (factors of the players' learning rates); before it both are 1."""

    objective: Objective = relativistic
    penalties: tuple[Penalty, ...] = (r1(0.3), r2(0.3))
    rows: int = 0
    moves: int = 1
    rates: tuple[float, float] = (1.0, 1.0)  # generator's, discriminator's
    at: float = 0.4
    longer: int = 1
    spoil: Callable[[Tensor], Tensor] | None = None
    players: str = ""


HEALTHY = {
    "relativistic + r1 + r2": Terms(),
    "non-saturating + r1": Terms(non_saturating, (r1(0.3),)),
    "hinge + r1": Terms(hinge, (r1(0.3),)),
    "WGAN-GP": Terms(wasserstein, (gradient_penalty(1.0),), moves=2),
}


def stripes(x: Tensor) -> Tensor:
    sign = (-1.0) ** torch.arange(x.shape[-1])
    return x + 0.25 * sign * sign[:, None]


def blocky(x: Tensor) -> Tensor:
    return interpolate(adaptive_avg_pool2d(x, x.shape[-1] // 2), scale_factor=2, mode="nearest")


# What is done to a run, and the verdicts of which one must name it.
SABOTAGED: dict[str, tuple[Terms, set[str]]] = {
    "discriminator's rate x 1,000": (Terms(rates=(1.0, 1000.0)), {"divergence", "scores explode"}),
    "generator's rate x 1,000": (Terms(rates=(1000.0, 1.0)), {"divergence", "scores explode", "constant samples"}),
    "100 samples, four times as long": (Terms(rows=100, longer=4), {"discriminator overfits"}),
    "discriminator frozen": (Terms(non_saturating, (r1(0.3),), rates=(1.0, 0.0)), {"modes are being lost", "constant samples"}),
    "generator's rate x 30, no penalty": (
        Terms(non_saturating, (), rates=(30.0, 1.0)), {"modes are being lost", "constant samples", "divergence"}),
    "no penalty, discriminator's rate x 10": (Terms(non_saturating, (), rates=(0.1, 10.0), at=0.1), {"discriminator has won"}),
    "dead rectifiers": (Terms(players="dead"), {"dead discriminator"}),
    "training samples returned": (Terms(players="copier"), {"copies of training samples"}),
    "a checkerboard added": (Terms(spoil=stripes), {"checkerboard"}),
    "nearest upsampling, no smoothing": (Terms(spoil=blocky), {"blocks", "checkerboard"}),
    "a constant colour added": (Terms(spoil=lambda x: x + 0.5), {"colour shift"}),
    "four fifths of the differences taken away": (
        Terms(spoil=lambda x: x.mean(0) + 0.2 * (x - x.mean(0))), {"mode collapse"}),
    "a constant generator": (Terms(spoil=lambda x: x[:1].expand_as(x) * 0 + x.mean() * 0), {"constant samples"}),
}  # fmt: skip


def fashion(file: Path) -> Sample:
    """12,000 training pictures of Fashion-MNIST, pooled to 14 x 14, in [-1, 1]."""
    with np.load(file) as arrays:
        pixels = torch.from_numpy(next(arrays[name] for name in arrays.files if arrays[name].ndim == 3)[:12_000]).view(
            -1, 1, 28, 28
        )
    return Sample(adaptive_avg_pool2d(pixels / 127.5 - 1, 14))


def scaled(factor: float, at: float, fall: Callable[[float], float]) -> Callable[[float], float]:
    return lambda progress: fall(progress) * (factor if progress >= at else 1.0)


def play(terms: Terms, seed: int, real: Sample) -> tuple[list[dict[str, Any]], str]:
    """One run's looks, and what stopped it before its end."""
    torch.manual_seed(seed)
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
    held, kept = order[: len(real) // 3][:1000], order[len(real) // 3 :]
    train = Sample(real.data[kept[: terms.rows or len(kept)]])
    generator: nn.Module = Dense(LATENT, tuple(real.data.shape[1:]))
    discriminator: nn.Module = Dense(real.data[0].numel(), ())
    if terms.players == "copier":
        generator = Copier(train.data)
    if terms.players == "dead":
        discriminator = Dead(real.data[0].numel())
    generator = Spoilt(generator, terms.spoil) if terms.spoil else generator
    rate = 1e-3
    fall = cosine(rate, rate / 10)
    game = GAN(
        generator, discriminator, latent=LATENT, objective=terms.objective, discriminator_moves=terms.moves,
        penalties={f"p{i}": penalty for i, penalty in enumerate(terms.penalties)},
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True),
    )  # fmt: skip
    samples = terms.longer * 32_000
    doctor = Doctor(Sample(real.data[held]), lambda rows: Sample(train.data[rows]), len(train), every=samples // LOOKS)
    players = zip(("generator", "discriminator"), terms.rates, strict=True)
    schedules = {f"{name}.lr": scaled(factor, terms.at, fall) for name, factor in players}
    trainer = Trainer(game, Stream.over(train, seed=seed), samples=samples, batch=64, seed=seed, schedules=schedules,
                      device="cpu", watchers=[doctor])  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(progress=False)
    except Diverged as error:
        return doctor.looks, str(error)
    return doctor.looks, ""


REAL: dict[str, Sample] = {}  # filled before the processes are forked


def jobs(first: int, healthy: int, sabotaged: int) -> list[tuple[str, str, int]]:
    """Data, run and seed of each run; of pictures half as many as of digits."""
    seeds = {name: healthy if name in HEALTHY else sabotaged for name in [*HEALTHY, *SABOTAGED]}
    return [
        (data, name, first + i)
        for data in REAL
        for name, count in seeds.items()
        for i in range(count if data == "digits" else (count + 1) // 2)
    ]


def run(job: tuple[str, str, int]) -> dict[str, Any]:
    """One run as a JSON-able line."""
    data, name, seed = job
    torch.set_num_threads(1)
    terms, expected = SABOTAGED.get(name) or (HEALTHY[name], set())
    start = time.process_time()
    looks, stopped = play(terms, seed, REAL[data])
    seconds = round(time.process_time() - start, 1)
    return {"data": data, "run": name, "seed": seed, "expected": sorted(expected), "looks": looks, "stopped": stopped,
            "seconds": seconds}  # fmt: skip


def found(line: dict[str, Any]) -> set[str]:
    """The verdicts that ever held; a move that was not finite is the trainer's own."""
    return {verdict.name for verdict in diagnose(line["looks"])} | ({"divergence"} if line["stopped"] else set())


def table(lines: list[dict[str, Any]]) -> str:
    """Both rates for each kind of run, and what else was said."""
    rows = ["| run | data | runs | detected | other verdicts |", "|---|---|---|---|---|"]
    for name, data in dict.fromkeys((line["run"], line["data"]) for line in lines):
        mine = [line for line in lines if (line["run"], line["data"]) == (name, data)]
        expected = set(mine[0]["expected"])
        hits = sum(bool(found(line) & expected) for line in mine)
        others = [each for line in mine for each in found(line) - expected]
        told = ", ".join(f"{each} {others.count(each)}" for each in sorted(set(others))) or "none"
        rows.append(f"| {name} | {data} | {len(mine)} | {f'{hits} of {len(mine)}' if expected else '(healthy)'} | {told} |")
    healthy, bad = ([line for line in lines if (not line["expected"]) == kind] for kind in (True, False))
    alarms = sum(bool(found(line)) for line in healthy)
    hits = sum(bool(found(line) & set(line["expected"])) for line in bad)
    rows.append(f"| **all** | | {len(healthy)} healthy, {len(bad)} sabotaged | **{hits} of {len(bad)}** | "
                f"**false alarms in {alarms} of {len(healthy)} healthy runs** |")  # fmt: skip
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first-seed", type=int, default=200)
    parser.add_argument("--healthy", type=int, default=4, help="seeds of each healthy run")
    parser.add_argument("--sabotaged", type=int, default=2, help="seeds of each sabotaged run")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--again", type=Path)
    wanted = parser.parse_args()
    lines = [json.loads(line) for line in wanted.again.read_text().splitlines()] if wanted.again else []
    if not lines:
        split = digits.load()
        REAL["digits"] = Sample(torch.cat([split.train.data, split.test.data]))
        if wanted.fashion:
            REAL["fashion"] = fashion(wanted.fashion)
        todo = jobs(wanted.first_seed, wanted.healthy, wanted.sabotaged)
        with get_context("fork").Pool(wanted.jobs, maxtasksperchild=8) as pool:
            for line in pool.imap(run, todo):
                lines.append(line)
                print(f"{line['data']} {line['run']} {line['seed']}: {line['seconds']} s, {sorted(found(line))}", flush=True)
                if wanted.keep:
                    with wanted.keep.open("a") as file:
                        file.write(json.dumps(line) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
