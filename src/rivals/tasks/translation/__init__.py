"""Translation: pictures of one kind to pictures of another, from pairs or from two sets without pairs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.device import Precision, pick_device
from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.ranks import join
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.games.translation import Translation
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Judging, MetricCard
from rivals.tasks.translation import fastcut, pix2pix
from rivals.tasks.translation.judging import read
from rivals.tasks.translation.layout import domains, paired
from rivals.tasks.translation.training import NEXT, OPTIONS

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


def _variant(facts: Mapping[str, Any]) -> Any:
    """The recipe that was chosen: pairs alone know of label maps."""
    return pix2pix if "label_classes" in facts else fastcut


def game(facts: Mapping[str, Any]) -> Game[Any]:
    """The game of a run, untrained."""
    made: Game[Any] = _variant(facts).game(facts)
    return made


def change(game: Game[Any], source: Tensor) -> Tensor:
    """Sources, translated."""
    return pix2pix.change(game, source) if isinstance(game, Translation) else fastcut.change(game, source)


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """The cards of the recipe that was chosen."""
    cards: dict[str, MetricCard] = _variant(record["facts"]).evaluate(game, record, judging)
    return cards


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The pictures of the recipe that was chosen."""
    found: dict[str, Any] = _variant(record["facts"]).illustrate(game, record)
    return found


def held_out(record: Mapping[str, Any]) -> Sample:
    """Real targets that the run did not train on."""
    found: Sample = _variant(record["facts"]).held_out(record)
    return found


def draw(model: Trained, wanted: Wanted) -> str:
    """Held-out pictures, translated."""
    told: str = _variant(model.record["facts"]).draw(model, wanted)
    return told


@trainable
def recipe(
    *,
    data: Path,
    source: str | None = None,
    target: str | None = None,
    held_out: Path | None = None,
    size: str | None = None,
    crop: str | None = None,
    classes: int | None = None,
    palette: Path | None = None,
    mirror: bool = True,
    allow_bad: bool = False,
    samples: int | None = None,
    batch: int = 8,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation",
) -> Trainer[Any]:
    """Pictures to pictures: pix2pix where they come in pairs, FastCUT where they do not. Start here."""
    on_cpu, told = pick_device(device).type == "cpu", {}
    if size is None and crop is None:
        size = "64" if on_cpu else "256"
        told["size"] = f"{size}: {'a CPU' if on_cpu else 'a GPU'} learns that in minutes; --size says otherwise"
    both = {"data": data, "size": size, "crop": crop, "mirror": mirror, "allow_bad": allow_bad, "batch": batch, "micro": micro,
            "seed": seed, "device": device, "precision": precision, "workers": workers, "out": out, "name": name}  # fmt: skip
    trainer: Trainer[Any]
    if paired(data, source, target):
        samples = samples or 12_000
        told["recipe"] = "translation.pix2pix, as sources and targets go together"
        trainer = pix2pix.recipe(source=source, target=target, held_out=held_out, classes=classes, palette=palette,
                                 samples=samples, **both)  # fmt: skip
    else:
        if given := [each for each, value in (("held-out", held_out), ("classes", classes), ("palette", palette)) if value]:
            raise UserError(f"{data}: its pictures are no pairs, and --{given[0]} is for pairs: leave it out, or mend the names")
        source, target = domains(data, source, target)
        samples = samples or 6_000
        told["recipe"] = f"translation.fastcut, as {source} and {target} do not go together"
        trainer = fastcut.recipe(source=source, target=target, samples=samples, **both)
    if join(pick_device(device)).rank == 0:
        for key, reason in told.items():
            print(f"  {key:<8} {reason}", file=sys.stderr)
    trainer.origin = {"arguments": {"source": source, "target": target, "size": size, "samples": samples}}
    return trainer
