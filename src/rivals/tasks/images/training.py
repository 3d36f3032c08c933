"""What every picture recipe does alike: the options it shares, and the trainer of a game on a user's pictures."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from rivals.core.game import Game
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.core.watch import every
from rivals.games.gan import Sample
from rivals.games.settings import Settings
from rivals.media.collection.pictures import Pictures, refuse
from rivals.media.pictures import scale_of
from rivals.media.previews import previews
from rivals.metrics import Doctor
from rivals.metrics.pace import pace
from rivals.nn.format import Format

OPTIONS = {
    "data": "Folder (any depth), .zip, .npz, .npy, or a set that rivals pack made.",
    "size": "Pixels, as 64 or 112x92 (height x width); by default as the pictures are (rivals train images: at most 64 or 128).",
    "labels": "CSV with a column file, and a column label, or several columns of numbers; by default the sub-folders' names.",
    "channels": "1, 3 or 4; as most of the pictures have, by default.",
    "mirror": "Show each picture mirrored left to right too.",
    "allow_bad": "Train although more than 5 % of the files cannot be read.",
    "augment": "What the discriminator sees changed: none, diff (DiffAugment), ada, ada-scheduled, ada-adaptive.",
    "strength": "Of the augmentation, 0 to 1: how often it changes a picture; ada-scheduled: at the run's end.",
    "start": "A run whose weights to start from, where they fit.",
    "micro": "Pictures in each backward pass, to save memory; all of the batch by default.",
}
"""The options that all picture recipes share, and what the command line's help says of them."""


def facts_of(pictures: Pictures) -> dict[str, Any]:
    """What run.json keeps of the data, for `game(facts)` and for judging: JSON-able."""
    kept = {
        "data": pictures.digest,
        "bits": pictures.bits,
        "names": pictures.names,
        **pictures.form._asdict(),
    }
    if pictures.form.attributes:
        rows = pictures.fetch(torch.arange(min(pictures.count, 64))).condition
        assert rows is not None
        kept["conditions"] = [[round(each, 4) for each in row] for row in rows.tolist()]
    return kept


def format_of(facts: Mapping[str, Any]) -> Format:
    """The Format that a run's facts tell."""
    return Format(*(facts[name] for name in Format._fields))


def conditions_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments `classes` and `attributes` of a GAN on such pictures."""
    rows = facts.get("conditions")
    return {"classes": facts["classes"], "attributes": torch.tensor(rows) if rows else None}


def train(
    gan: Game[Sample],
    pictures: Pictures,
    facts: Mapping[str, Any],
    settings: Settings,
    *,
    half_life: float | None = None,
    schedules: Mapping[str, Callable[[float], Any]] | None = None,
) -> Trainer[Sample]:
    """The trainer of a picture game, with its previews and watchers, in the run folder that the settings name."""
    refuse(pictures, batch=settings.batch, labelled=bool(facts["classes"]))
    form = pictures.form
    doctor = Doctor(pictures.held_out, pictures.fetch, pictures.count)
    return Trainer(
        gan.to(memory_format=torch.channels_last),
        pictures.train,
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=half_life,
        schedules=schedules,
        watchers=[every(max(settings.samples // 40, 1), previews(form.classes, scale=scale_of(form.height, form.width))), doctor],
        measure=doctor.distance,
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )


def estimate(trainer: Trainer[Sample]) -> str:
    """What the run of a trainer just like this one would take, from a second of playing this one."""
    found = pace(trainer, seconds=1.0)
    minutes = trainer.samples / found.rate / 60
    long = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    place = "a GPU" if trainer.device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    return f"about {long} at {found.rate:,.0f} samples/s on {place}, {found.memory / 2**20:,.0f} MiB"
