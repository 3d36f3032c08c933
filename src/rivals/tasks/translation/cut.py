"""CUT: one generator, whose patches must find themselves again in the result (Park et al. 2020, arXiv:2007.15651)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.contrastive import Contrastive, Projection
from rivals.games.cycle import Domains
from rivals.games.settings import Settings
from rivals.nn.patch import Patch
from rivals.tasks.translation.residual import Residual
from rivals.tasks.translation.unpaired import Wish, load
from rivals.tasks.translation.unpaired_judging import change, draw, evaluate, held_out, illustrate, read
from rivals.tasks.translation.unpaired_training import NEXT, OPTIONS, adam, train

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


EYE = {"width": "discriminator_width", "layers": "layers", "bounded": "bounded"}
"""The discriminator's settings, and what the recipe calls them."""


def game(facts: Mapping[str, Any]) -> Contrastive:
    """The game of a run, untrained; both domains have as many channels, since one encoder sees source and result."""
    shape, channels = facts["shape"], facts["target_channels"]
    size = {name: shape[name] for name in ("width", "halvings", "blocks", "keep")}
    coder = Residual(channels, channels, **size)
    return Contrastive(
        nn.ModuleDict({"translate": coder, "project": Projection(coder.channels, shape["projection"])}),
        Patch(channels, 0, **{name: shape[kind] for name, kind in EYE.items()}),
        contrast=shape["contrast"],
        identity=shape["identity"],
        flip=shape["flip"],
        patches=shape["patches"],
        temperature=shape["temperature"],
        objective=OBJECTIVES[facts["objective"]],
        optimizer=adam(shape["rate"]),
    )


def played(wish: Wish, shape: Mapping[str, Any], objective: ObjectiveName, settings: Settings) -> Trainer[Domains]:
    """The trainer of CUT or FastCUT on the pictures that are wished for. Raises UserError for settings that do not fit."""
    counts = ("width", "halvings", "blocks", "layers", "discriminator_width", "projection", "patches", "temperature", "rate")
    positive(**{name: shape[name] for name in counts})
    if shape["contrast"] < 0:
        raise UserError(f"contrast is {shape['contrast']}: give 0 or more")
    if shape["patches"] < 2:
        raise UserError("patches is 1: a patch that is alone has no other to be told from; give 2 or more")
    unpaired = load(wish, alike=True, seed=settings.seed, workers=settings.workers)
    facts = unpaired.facts | {"alike": True, "both_ways": False, "objective": objective, "shape": dict(shape)}
    return train(game(facts), unpaired, facts, settings, rate=shape["rate"], back=False)


@trainable
def recipe(
    *,
    data: Path | None = None,
    source: str = "trainA",
    target: str = "trainB",
    size: str | None = None,
    crop: str | None = None,
    mirror: bool = True,
    allow_bad: bool = False,
    contrast: float = 1.0,
    identity: bool = True,
    patches: int = 64,
    temperature: float = 0.07,
    projection: int = 64,
    objective: ObjectiveName = "least-squares",
    width: int = 16,
    halvings: int = 2,
    blocks: int = 3,
    keep: bool = False,
    layers: int = 2,
    discriminator_width: int = 24,
    bounded: bool = False,
    rate: float = 4e-4,
    samples: int = 10_000,
    batch: int = 8,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation-cut",
) -> Trainer[Domains]:
    """Pictures of two kinds without pairs, one way, by CUT: patches of the result are tied to those of the source.

    Digits to coloured digits at 32 pixels, seed 0, 6,000 samples: 95 % keep their digit, in 3.4 minutes on one CPU thread.

    Parameters
    ----------
    contrast
        Weight of the ties between patches, 0 for none; the paper's.
    identity
        Tie pictures of the target domain to what is made of them too: colours change less.
    patches
        Places of each layer at which patches are compared; 256 in the paper, at 256 pixels.
    temperature
        Of the comparison: lower asks for a clearer difference between patches.
    projection
        Length of the vectors that are compared.
    objective
        Of the game; the paper's is least-squares.
    """
    shape = {"width": width, "halvings": halvings, "blocks": blocks, "keep": keep, "layers": layers,
             "discriminator_width": discriminator_width, "bounded": bounded, "contrast": contrast, "identity": identity,
             "flip": False, "patches": patches, "temperature": temperature, "projection": projection, "rate": rate}  # fmt: skip
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    return played(Wish(data, source, target, size, crop, mirror, allow_bad), shape, objective, settings)
