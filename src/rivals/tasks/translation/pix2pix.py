"""pix2pix: a U-Net against a patch discriminator that sees source and result together (Isola et al. 2017, arXiv:1611.07004)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.device import Precision
from rivals.core.errors import positive, within
from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.settings import Settings
from rivals.games.translation import Pair, Translation
from rivals.nn.patch import Scales
from rivals.tasks.translation.judging import change, draw, evaluate, held_out, illustrate, read
from rivals.tasks.translation.pairs import Wish, load
from rivals.tasks.translation.training import NEXT, OPTIONS, Plan, rivalry, train
from rivals.tasks.translation.unet import UNet

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


def game(facts: Mapping[str, Any]) -> Translation:
    """The game of a run, untrained."""
    shape, source, target = facts["shape"], facts["source_channels"], facts["target_channels"]
    generator = UNet(source, target, width=shape["width"], downs=shape["downs"], dropout=shape["dropout"])
    discriminator = Scales(target, source, shape["scales"], width=shape["discriminator_width"], layers=shape["layers"])
    return Translation(generator, discriminator, objective=OBJECTIVES[facts["objective"]])


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
    objective: ObjectiveName = "hinge",
    width: int = 24,
    downs: int = 5,
    dropout: float = 0.0,
    scales: int = 1,
    layers: int = 2,
    discriminator_width: int = 32,
    fidelity: float = 10.0,
    matching: float = 10.0,
    adversarial: float = 1.0,
    warm_up: float = 0.0,
    rate: float = 4e-4,
    samples: int = 12_000,
    batch: int = 8,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation-pix2pix",
) -> Trainer[Pair]:
    """Paired pictures by pix2pix: a U-Net held to the target, and a discriminator of patches that makes it sharp.

    Parameters
    ----------
    objective
        Of the game; the paper's is non-saturating.
    width
        Channels of the generator at half the size; twice as many a level down, at most 8 times.
    downs
        Halvings of the generator; sides must be multiples of 2^downs.
    dropout
        In the generator's smallest levels while it trains; 0.5 in the paper.
    adversarial
        Weight of the rival in the generator's loss; 0 for the fidelity term alone, which blurs.
    warm_up
        Share of the run that the generator trains without its rival, 0 to 1.
    """
    positive(width=width, downs=downs, scales=scales, layers=layers, discriminator_width=discriminator_width, rate=rate)
    within(0, 1, dropout=dropout)
    pairs = load(
        data, Wish(source, target, held_out, size, crop, classes, palette, mirror, allow_bad), seed=seed, workers=workers
    )
    shape = {"width": width, "downs": downs, "dropout": dropout, "scales": scales, "layers": layers,
             "discriminator_width": discriminator_width}  # fmt: skip
    facts = pairs.facts | {"shape": shape, "objective": objective, "multiple": 2**downs}
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    plan = Plan(fidelity, matching, rate, rate, adversarial=adversarial, warm_up=warm_up)
    return train(rivalry(game(facts), plan), pairs, facts, settings)
