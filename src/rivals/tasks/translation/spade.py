"""SPADE: the label map steers the gain and bias of each normalisation at each place (Park et al. 2019, arXiv:1903.07291).

y = (1 + gamma(map)) (x - mean) / std + beta(map); mean and deviation over a picture's own pixels, whatever the batch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu, relu

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.game import Losses
from rivals.core.objectives import hinge
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Tensor
from rivals.games.settings import Settings
from rivals.games.translation import Pair, Translation
from rivals.nn.normalise import spectral
from rivals.nn.patch import Scales
from rivals.tasks.translation.judging import change, draw, evaluate, held_out, illustrate, read
from rivals.tasks.translation.pairs import Wish, load
from rivals.tasks.translation.training import NEXT, OPTIONS, Plan, rivalry, train

__all__ = ["NEXT", "OPTIONS", "change", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]


class Spade(nn.Module):
    """Features (n, channels, h, w) and a map of any size -> features, normalised and steered by the map."""

    def __init__(self, channels: int, classes: int, *, hidden: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.look = nn.Conv2d(classes, hidden, 3, 1, 1)
        self.steer = nn.Conv2d(hidden, 2 * channels, 3, 1, 1)

    def forward(self, x: Float[Tensor, "n c h w"], labels: Float[Tensor, "n k hh ww"]) -> Float[Tensor, "n c h w"]:
        seen = relu(self.look(interpolate(labels, size=x.shape[2:], mode="nearest")))
        gamma, beta = self.steer(seen).chunk(2, 1)
        normed: Tensor = self.norm(x)
        return normed * (1 + gamma) + beta


class Block(nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h, w), residual, each convolution behind a Spade."""

    def __init__(self, inputs: int, outputs: int, classes: int, *, hidden: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.first, self.second = (Spade(each, classes, hidden=hidden) for each in (inputs, middle))
        self.conv1 = spectral(nn.Conv2d(inputs, middle, 3, 1, 1))
        self.conv2 = spectral(nn.Conv2d(middle, outputs, 3, 1, 1))
        self.shortcut = nn.Identity() if inputs == outputs else spectral(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Float[Tensor, "n c h w"], labels: Float[Tensor, "n k hh ww"]) -> Float[Tensor, "n cc h w"]:
        y = self.conv1(leaky_relu(self.first(x, labels), 0.2))
        y = self.conv2(leaky_relu(self.second(y, labels), 0.2))
        across: Tensor = self.shortcut(x)
        return across + y


class Generator(nn.Module):
    """Planes of a label map (n, classes, h, w) -> pictures (n, channels, h, w) in (-1, 1); sides are multiples of 2^doublings."""

    def __init__(self, classes: int, channels: int, *, width: int, doublings: int, hidden: int) -> None:
        super().__init__()
        self.doublings = doublings
        widths = [min(width * 2**level, 8 * width) for level in range(doublings, -1, -1)]
        self.start = nn.Conv2d(classes, widths[0], 3, 1, 1)
        self.blocks = nn.ModuleList(
            Block(a, b, classes, hidden=hidden) for a, b in zip([widths[0], *widths], widths, strict=False)
        )
        self.paint = nn.Conv2d(widths[-1], channels, 3, 1, 1)

    def forward(self, labels: Float[Tensor, "n k h w"], style: Tensor | float = 0.0) -> Float[Tensor, "n c h w"]:
        x: Tensor = self.start(interpolate(labels, scale_factor=0.5**self.doublings, mode="area")) + style
        for level, block in enumerate(self.blocks):
            x = block(x if level == 0 else interpolate(x, scale_factor=2.0, mode="nearest"), labels)
        painted: Tensor = self.paint(leaky_relu(x, 0.2))
        return painted.tanh()


class Encoder(nn.Module):
    """Pictures (n, channels, h, w) -> mean and log variance of their style, (n, style) each."""

    def __init__(self, channels: int, style: int, *, width: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width]
        pairs = zip([channels, *widths], widths, strict=False)
        self.layers = nn.ModuleList(nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.GroupNorm(1, b)) for a, b in pairs)
        self.tell = nn.Linear(widths[-1], 2 * style)

    def forward(self, x: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n k"]]:
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
        mean, log_variance = self.tell(x.mean((2, 3))).chunk(2, 1)
        return mean, log_variance


class Styled(nn.Module):
    """A generator whose first features are moved by a style z (n, style), and the encoder that finds the style of a picture."""

    def __init__(self, generator: Generator, encoder: Encoder, style: int) -> None:
        super().__init__()
        self.inner, self.encoder, self.style = generator, encoder, style
        self.move = nn.Linear(style, generator.start.out_channels)

    def forward(self, labels: Float[Tensor, "n k h w"], z: Float[Tensor, "n style"]) -> Float[Tensor, "n c h w"]:
        made: Tensor = self.inner(labels, self.move(z)[:, :, None, None])
        return made


class StyledTranslation(Translation):
    """SPADE as a variational autoencoder of styles: + kl KL(N(mean, variance) | N(0, 1)), so that z ~ N(0, 1) gives styles."""

    deterministic = False
    kl = 0.05

    def make(self, batch: Pair) -> Tensor:
        mean, log_variance = self.generator.encoder(batch.target)
        made: Tensor = self.generator(batch.source, mean + (log_variance / 2).exp() * torch.randn_like(mean))
        return made

    def generator_loss(self, batch: Pair) -> Losses:
        mean, log_variance = self.generator.encoder(batch.target)
        apart = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return super().generator_loss(batch) | {"style": self.kl * apart}

    def sample(self, n: int, *, given: Pair | None = None, noise: torch.Generator | None = None) -> Tensor:
        """The first `n` sources, each in a style drawn by `noise`; raises UserError where none are given."""
        if given is None:
            raise UserError("a translation needs something to translate: give sources")
        weight = next(self.generator.parameters())
        z = torch.randn(len(given.source[:n]), self.generator.style, generator=noise, device=noise.device if noise else None)
        made: Tensor = self.generator(given.source[:n].to(weight.device), z.to(weight.device))
        return made


def game(facts: Mapping[str, Any]) -> Translation:
    """The game of a run, untrained."""
    shape, source, target = facts["shape"], facts["source_channels"], facts["target_channels"]
    generator = Generator(source, target, width=shape["width"], doublings=shape["doublings"], hidden=shape["hidden"])
    discriminator = Scales(target, source, shape["scales"], width=shape["discriminator_width"], layers=shape["layers"])
    if style := shape["style"]:
        styled = Styled(generator, Encoder(target, style, width=shape["width"]), style)
        return StyledTranslation(styled, discriminator, objective=hinge)
    return Translation(generator, discriminator, objective=hinge)


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
    width: int = 16,
    doublings: int = 4,
    hidden: int = 24,
    style: int = 0,
    scales: int = 2,
    layers: int = 2,
    discriminator_width: int = 24,
    fidelity: float = 10.0,
    matching: float = 10.0,
    rate: float = 4e-4,
    samples: int = 8_000,
    batch: int = 8,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "translation-spade",
) -> Trainer[Pair]:
    """Label maps to photos by SPADE: the map steers every normalisation, so that no class is washed out.

    Parameters
    ----------
    width
        Channels at full size; twice as many a halving down, at most 8 times.
    doublings
        How often the size doubles on the way to the picture.
    hidden
        Channels between the label map and the gains and biases.
    style
        Length of a style that an encoder finds in photos and that is drawn anew for each result; 0 for none.
    """
    positive(width=width, doublings=doublings, hidden=hidden, scales=scales, layers=layers)
    if style < 0:
        raise UserError(f"style is {style}: give the length of a style, or 0 for none")
    positive(discriminator_width=discriminator_width, rate=rate)
    pairs = load(
        data, Wish(source, target, held_out, size, crop, classes, palette, mirror, allow_bad), seed=seed, workers=workers
    )
    if not pairs.facts["label_classes"]:
        raise UserError(
            f"{data}: SPADE takes label maps, and these sources are pictures: try translation.pix2pix, or --classes N"
        )
    shape = {"width": width, "doublings": doublings, "hidden": hidden, "style": style, "scales": scales, "layers": layers,
             "discriminator_width": discriminator_width}  # fmt: skip
    facts = pairs.facts | {"shape": shape, "multiple": 2**doublings}
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    plan = Plan(fidelity=fidelity, matching=matching, rate=rate, discriminator_rate=rate, betas=(0.0, 0.9))
    return train(rivalry(game(facts), plan), pairs, facts, settings)
