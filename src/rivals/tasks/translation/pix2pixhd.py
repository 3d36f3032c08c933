"""pix2pixHD: a residual generator against patch discriminators at several scales, with feature matching and, of label maps, the
borders between classes (Wang et al. 2018, arXiv:1711.11585)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

from rivals.core.device import Precision
from rivals.core.errors import positive
from rivals.core.objectives import least_squares
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Tensor
from rivals.games.settings import Settings
from rivals.games.translation import Pair, Translation
from rivals.nn.patch import Scales
from rivals.tasks.translation.judging import change, draw, evaluate, held_out, illustrate, read
from rivals.tasks.translation.pairs import Wish, load
from rivals.tasks.translation.residual import Residual
from rivals.tasks.translation.training import NEXT, OPTIONS, Plan, rivalry, train

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

SMALLEST = 32  # pixels of the shorter side that halving leaves


def borders(planes: Float[Tensor, "n k h w"]) -> Float[Tensor, "n 1 h w"]:
    """1 where a pixel's class is another than that of the pixel above, below, left or right, else 0."""
    down = (planes[:, :, 1:] != planes[:, :, :-1]).any(1, keepdim=True).float()
    across = (planes[..., 1:] != planes[..., :-1]).any(1, keepdim=True).float()
    vertical = torch.maximum(pad(down, (0, 0, 1, 0)), pad(down, (0, 0, 0, 1)))
    return torch.maximum(vertical, torch.maximum(pad(across, (1, 0)), pad(across, (0, 1))))


class Bordered(nn.Module):
    """A generator that sees label maps together with their borders."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.inner = generator

    def forward(self, planes: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
        made: Tensor = self.inner(torch.cat([planes, borders(planes)], 1))
        return made


def game(facts: Mapping[str, Any]) -> Translation:
    """The game of a run, untrained."""
    shape, source, target, maps = (facts[key] for key in ("shape", "source_channels", "target_channels", "label_classes"))
    size = {name: shape[name] for name in ("width", "halvings", "blocks")}
    generator: nn.Module = Bordered(Residual(source + 1, target, **size)) if maps else Residual(source, target, **size)
    discriminator = Scales(
        target, source, shape["scales"], width=shape["discriminator_width"], layers=shape["layers"], bounded=False
    )
    return Translation(generator, discriminator, objective=least_squares)


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
    width: int = 24,
    halvings: int | None = None,
    blocks: int = 4,
    scales: int = 2,
    layers: int = 2,
    discriminator_width: int = 32,
    fidelity: float = 10.0,
    matching: float = 10.0,
    rate: float = 4e-4,
    samples: int = 8_000,
    batch: int = 4,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation-pix2pixhd",
) -> Trainer[Pair]:
    """Paired pictures by pix2pixHD: a residual generator, discriminators at several scales, feature matching.

    Parameters
    ----------
    width
        Channels of the generator at full size; twice as many after each halving.
    halvings
        Of the generator, before its residual blocks; sides must be multiples of 2^halvings. By default as many as leave 32
        pixels of the shorter side, 1 to 4: the paper's 4 halve 512 pixels to that.
    blocks
        Residual blocks at the smallest size.
    """
    positive(width=width, blocks=blocks, scales=scales, layers=layers, rate=rate)
    positive(discriminator_width=discriminator_width)
    wish = Wish(source, target, held_out, size, crop, classes, palette, mirror, allow_bad)
    pairs = load(data, wish, seed=seed, workers=workers)
    if halvings is None:
        halvings = min(max(min(pairs.facts["window"]).bit_length() - SMALLEST.bit_length(), 1), 4)
    positive(halvings=halvings)
    shape = {"width": width, "halvings": halvings, "blocks": blocks, "scales": scales, "layers": layers,
             "discriminator_width": discriminator_width}  # fmt: skip
    facts = pairs.facts | {"shape": shape, "multiple": 2**halvings}
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    return train(rivalry(game(facts), Plan(fidelity, matching, rate, rate)), pairs, facts, settings)
