"""FastCUT: CUT without the identity term, with stronger ties, some sources mirrored (Park et al. 2020, arXiv:2007.15651)."""

from pathlib import Path

from rivals.core.device import Precision
from rivals.core.objectives import ObjectiveName
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.cycle import Domains
from rivals.games.settings import Settings
from rivals.tasks.translation.cut import game, played
from rivals.tasks.translation.unpaired import Wish
from rivals.tasks.translation.unpaired_judging import change, draw, evaluate, held_out, illustrate, read
from rivals.tasks.translation.unpaired_training import NEXT, OPTIONS

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


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
    patches: int = 64,
    temperature: float = 0.07,
    projection: int = 64,
    objective: ObjectiveName = "hinge",
    width: int = 16,
    halvings: int = 2,
    blocks: int = 3,
    keep: bool = True,
    layers: int = 2,
    discriminator_width: int = 24,
    bounded: bool = True,
    rate: float = 1e-3,
    samples: int = 6_000,
    batch: int = 4,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation-fastcut",
) -> Trainer[Domains]:
    """Pictures of two kinds without pairs, one way, by FastCUT: the cheapest of the three, for small sets. Start here.

    Summer to winter at 64 pixels, seed 0: 66 % taken for winter (sources 30 %, real ones 76 %), edges kept 0.97, in seven minutes
    on one CPU thread.

    Parameters
    ----------
    contrast
        Weight of the ties between patches, 0 for none; 10 in the paper, whose results do not begin with the source.
    patches
        Places of each layer at which patches are compared; 256 in the paper, at 256 pixels.
    temperature
        Of the comparison: lower asks for a clearer difference between patches.
    projection
        Length of the vectors that are compared.
    objective
        Of the game; the paper's is least-squares, without `bounded`.
    """
    shape = {"width": width, "halvings": halvings, "blocks": blocks, "keep": keep, "layers": layers,
             "discriminator_width": discriminator_width, "bounded": bounded, "contrast": contrast, "identity": False,
             "flip": True, "patches": patches, "temperature": temperature, "projection": projection, "rate": rate}  # fmt: skip
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    return played(Wish(data, source, target, size, crop, mirror, allow_bad), shape, objective, settings)
