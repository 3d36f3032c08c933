"""StyleGAN2: a latent is mapped to styles, which modulate each convolution (Karras et al. 2020, arXiv:1912.04958).

Generator: a learned constant, styled convolutions, a picture added at each resolution (skip). Discriminator: residual, with the
deviation within the batch. Stages are numbered from the smallest resolution in both.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rivals.core.device import Precision
from rivals.core.errors import positive, within
from rivals.core.penalties import r1
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.games.style import StyleGAN, StyleGenerator
from rivals.media.collection import load
from rivals.nn.augment import AugmentName, augmentation
from rivals.nn.condition import Embed
from rivals.nn.deviation import MinibatchDeviation
from rivals.nn.equalized import Conv, Linear, act
from rivals.nn.format import Format, ladder
from rivals.nn.modulation import Mapping as StyleMapping
from rivals.nn.modulation import Paint, Styled, mixed
from rivals.nn.resample import double, halve
from rivals.nn.resnet import widths
from rivals.nn.transfer import transfer
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.training import OPTIONS, Settings, conditions_of, facts_of, format_of, train

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]


class Stage(nn.Module):
    """One resolution: two styled convolutions, the first of which is left out at the smallest, and what it adds to the picture.

    Of the styles it is given it uses one a convolution, and the one after them for the picture.
    """

    def __init__(self, form: Format, inputs: int, outputs: int, size: tuple[int, int], *, latent: int, first: bool) -> None:
        super().__init__()
        self.size, self.first = size, first
        pairs = [(outputs, outputs)] if first else [(inputs, outputs), (outputs, outputs)]
        self.convs = nn.ModuleList(Styled(a, b, size, latent) for a, b in pairs)
        self.paint = Paint(outputs, form.channels, latent)

    def forward(self, x: Tensor, picture: Tensor | None, styles: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        x = x if self.first else double(x, self.size)
        for index, conv in enumerate(self.convs):
            x = conv(x, styles[:, index], z)
        added = self.paint(x, styles[:, len(self.convs)])
        return x, added if picture is None else double(picture, self.size) + added


class Generator(StyleGenerator):
    """(n, latent) noise and conditions -> pictures. mixing: the share of pictures in training that two latents make."""

    mean: Tensor

    def __init__(
        self,
        form: Format,
        *,
        latent: int = 128,
        width: int = 32,
        widest: int = 256,
        depth: int = 2,
        mixing: float = 0.9,
    ) -> None:
        super().__init__()
        sizes, channels = ladder(form.height, form.width), widths(form, width, widest)
        self.layers, self.mixing = 2 * len(sizes), mixing
        self.mapping = StyleMapping(form, latent, depth)
        self.constant = nn.Parameter(torch.randn(channels[0], *sizes[0]))
        self.stages = nn.ModuleList(
            Stage(form, channels[max(level - 1, 0)], channels[level], size, latent=latent, first=level == 0)
            for level, size in enumerate(sizes)
        )
        self.register_buffer("mean", torch.zeros(latent))

    def styles(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n layers width"]:
        w: Tensor = self.mapping(z, condition)
        return w[:, None].expand(-1, self.layers, -1)

    def paint(self, styles: Float[Tensor, "n layers width"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        x, picture = self.constant.expand(z.shape[0], -1, -1, -1), None
        for level, stage in enumerate(self.stages):
            x, picture = stage(x, picture, styles[:, max(2 * level - 1, 0) :], z)
        assert isinstance(picture, Tensor)
        return picture

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        styles = self.styles(z, condition)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(styles[:, 0].float().mean(0), 0.005)
            styles = self._mixed(styles, condition, z)
        elif self.truncation != 1:
            styles = torch.lerp(self.mean.to(styles.dtype), styles, self.truncation)
        return self.paint(styles, z)

    def _mixed(self, styles: Tensor, condition: Tensor | None, z: Tensor) -> Tensor:
        other = self.styles(torch.randn_like(z), condition)
        crossover = torch.randint(1, self.layers, (len(z),), device=z.device)
        mixes = torch.rand(len(z), device=z.device) < self.mixing
        return mixed(styles, other, torch.where(mixes, crossover, self.layers))


class Narrow(nn.Module):
    """A residual block of the discriminator that halves the resolution: (C3 halve a(C3 x) + C1 halve x) / sqrt(2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(inputs, inputs, 3), Conv(inputs, outputs, 3)
        self.shortcut = Conv(inputs, outputs, 1, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        changed: Tensor = act(self.conv2(halve(act(self.conv1(x)))))
        short: Tensor = self.shortcut(halve(x))
        return (changed + short) / math.sqrt(2)


class Discriminator(nn.Module):
    """Pictures and conditions -> scores (n,): v h(x) + <E(condition), h(x)> / sqrt(d)."""

    def __init__(self, form: Format, *, width: int = 32, widest: int = 256) -> None:
        super().__init__()
        channels, (height, across) = widths(form, width, widest), ladder(form.height, form.width)[0]
        self.see = Conv(form.channels, channels[-1], 1)
        last = nn.Sequential(MinibatchDeviation(), Conv(channels[0] + 1, channels[0], 3))
        self.stages = nn.ModuleList([last, *(Narrow(b, a) for a, b in pairwise(channels))])
        self.gather = Linear(channels[0] * height * across, channels[0])
        self.score = Linear(channels[0], 1)
        self.embed = Embed(form, channels[0]) if form.conditional else None

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """h(x), what the score is a linear function of."""
        h = act(self.see(x))
        for stage in reversed(self.stages):
            h = stage(h)
        gathered: Tensor = act(self.gather(act(h).flatten(1)))
        return gathered

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Scores:
        h = self.features(x)
        score: Tensor = self.score(h).squeeze(1)
        if self.embed is not None and condition is not None:
            score = score + (h * self.embed(condition)).sum(1) / math.sqrt(h.shape[1])
        return score


def game(facts: Mapping[str, Any]) -> StyleGAN:
    """The game of a run, untrained: what sampling and scoring need."""
    form, network = format_of(facts), facts["network"]
    size = {name: network[name] for name in ("width", "widest")}
    made = Generator(form, latent=network["latent"], depth=network["depth"], mixing=network["mixing"], **size)
    return StyleGAN(made, Discriminator(form, **size), latent=network["latent"], **conditions_of(facts))


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
    augment: AugmentName = "none",
    strength: float = 0.3,
    width: int = 32,
    widest: int = 256,
    latent: int = 128,
    depth: int = 2,
    mixing: float | None = None,
    gamma: float | None = None,
    penalty_every: int = 16,
    path_every: int | None = None,
    rate: float = 2.5e-3,
    samples: int = 1_000_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-stylegan2",
) -> Trainer[Sample]:
    """Pictures by StyleGAN2: styles that can be mixed and truncated; choose it to explore and edit a latent space.

    Clothes (28x28, ten classes) at width 16, batch 16, 60,000 samples, seed 0: label agreement 80 % (real 92 %), Frechet distance
    19 (1.5), recall 14 % (90 %), in 4 minutes of one CPU thread.

    Parameters
    ----------
    width
        Channels at full size; each stage down has twice as many.
    widest
        At most so many channels.
    latent
        Length of the noise vector z, and of the styles w.
    depth
        Layers of the mapping from z to w.
    mixing
        Share of the pictures in training that are made from two latents' styles; by default 0.9, and 0 for at most 32 pixels.
    gamma
        Strength of r1, (score / pixel value)^2; 0.0002 x pixels / batch by default.
    penalty_every
        Rounds between two moves on r1 (lazy); 1 for r1 in every move.
    path_every
        Rounds between two moves on the path length (lazy), 0 for none; by default 8, and 0 for at most 32 pixels.
    rate
        Adam's learning rate.
    """
    positive(width=width, widest=widest, latent=latent, depth=depth, rate=rate, penalty_every=penalty_every)
    within(0, 1, strength=strength, mixing=mixing or 0.0)
    within(0, gamma=gamma or 0, path_every=path_every or 0)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    small = pictures.form.small  # without both, as for CIFAR-10 in arXiv:2006.06676
    mixing = (0.0 if small else 0.9) if mixing is None else mixing
    path_every = (0 if small else 8) if path_every is None else path_every
    network = {"width": width, "widest": widest, "latent": latent, "depth": depth, "mixing": mixing}
    facts = facts_of(pictures) | {"network": network}
    gan = game(facts)
    strong = 0.0002 * pictures.form.height * pictures.form.width / batch if gamma is None else gamma
    gan.penalties, gan.penalty_every, gan.path_every, gan.rate = {"r1": r1(strong)}, penalty_every, path_every, rate
    gan.augment = augmentation(augment, strength)
    transfer(gan, start, out, facts)
    return train(gan, pictures, facts, settings, half_life=625.0 * batch)  # 10/32 of 1,000 batches, of two a round
