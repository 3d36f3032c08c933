"""Pictures: from a folder of a user's own to a generator."""

import sys
from dataclasses import replace
from pathlib import Path

from rivals.core.device import Precision, pick_device
from rivals.core.errors import within
from rivals.core.ranks import join
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.gan import Sample
from rivals.media.collection import load
from rivals.nn.augment import AugmentName
from rivals.tasks.images.choose import choose, size_of
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.r3gan import game, played
from rivals.tasks.images.training import OPTIONS, Settings, estimate

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]


@trainable
def recipe(
    *,
    data: Path,
    size: str | None = None,
    labels: Path | None = None,
    channels: int | None = None,
    mirror: bool = False,
    allow_bad: bool = False,
    start: Path | None = None,
    augment: AugmentName | None = None,
    strength: float | None = None,
    gamma: float | None = None,
    penalty_every: int | None = None,
    samples: int | None = None,
    batch: int | None = None,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images",
) -> Trainer[Sample]:
    """Your own pictures: R3GAN with every setting chosen from your data and machine, and said. Start here.

    Clothes (28x28, ten classes), 960,000 samples, seed 0: label agreement 89 % (real 92 %), Frechet distance 2.9 (1.5),
    recall 80 % (90 %), in 30 minutes of one CPU thread.

    Parameters
    ----------
    gamma
        Strength of r1 and r2 at the start; by default by the number of pixels.
    penalty_every
        Rounds between two moves on the penalties; by default 1 on a GPU, more on a CPU.
    """
    here = pick_device(device)
    gpu = here.type != "cpu"
    within(0, 1, strength=0.0 if strength is None else strength)
    said = (1 if each is None else each for each in (samples, batch))  # what is not is chosen when the pictures are known
    settings = Settings(*said, micro, seed, device, precision, workers, out, name)
    size, sized = size_of(data, size, most=128 if gpu else 64)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    chosen = choose(pictures.form, pictures.count, gpu=gpu, augment=augment, strength=strength)
    given = {"gamma": gamma, "penalty_every": penalty_every, "start": start}
    plan = chosen.plan._replace(**{key: value for key, value in given.items() if value is not None})
    settings = replace(settings, samples=samples or chosen.samples, batch=batch or chosen.batch)
    trainer = played(pictures, plan, settings)
    given |= {"samples": samples, "batch": batch}
    told = {"size": sized} | chosen.reasons | {key: f"{each}, as you said" for key, each in given.items() if each is not None}
    if out is None or not out.exists():  # a run that goes on has been told of before
        told["time"] = estimate(played(pictures, plan._replace(start=None), settings))
    if join(here).rank == 0:
        for key, reason in told.items():
            print(f"  {key:<14} {reason}", file=sys.stderr)
    return trainer
