"""FastGAN: a light generator with skip-layer excitation, a discriminator that rebuilds what it sees (Liu et al. 2021,
arXiv:2101.04775).

Made for a hundred pictures or so. Stages are numbered from the smallest resolution in both. The excitations span four
resolutions as in the paper, or half of those that there are; small crops are half as high and wide as the picture.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, glu, leaky_relu

from rivals.core.device import Precision
from rivals.core.errors import positive, within
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.games.self_supervised import Rebuilding, SelfSupervisedGAN
from rivals.media.collection import load
from rivals.nn.augment import AugmentName, augmentation
from rivals.nn.condition import Embed, beside
from rivals.nn.excitation import SkipExcitation
from rivals.nn.format import Format, ladder
from rivals.nn.halving import Halving, Places, Same, bounded
from rivals.nn.noise import Noise
from rivals.nn.residual import scaled
from rivals.nn.resnet import grow, pool, widths
from rivals.nn.transfer import transfer
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.training import OPTIONS, Settings, conditions_of, facts_of, format_of, train

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]

SPAN = 4  # resolutions between a decoder's features and its target, or the two ends of an excitation


class Start(nn.Module):
    """The latent, with the condition beside it, as features of the smallest size."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.spread = scaled(nn.Linear(inputs, 2 * outputs * size[0] * size[1], bias=False))
        self.norm = nn.BatchNorm2d(2 * outputs)

    def forward(self, inputs: Float[Tensor, "n inputs"]) -> Float[Tensor, "n c h w"]:
        return glu(self.norm(self.spread(inputs).unflatten(1, (-1, *self.size))), 1)


class Grow(nn.Module):
    """Twice the resolution: nearest pixels, a 3x3 convolution, noise, batch norm, a gated linear unit."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], latent: int) -> None:
        super().__init__()
        self.size = size
        self.conv = scaled(nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False))
        self.noise, self.norm = Noise(size, latent), nn.BatchNorm2d(2 * outputs)

    def forward(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n cc hh ww"]:
        return glu(self.norm(self.noise(self.conv(grow(x, self.size)), z)), 1)


class Generator(nn.Module):
    """(n, latent) noise and conditions -> pictures."""

    def __init__(self, form: Format, *, latent: int = 256, width: int = 32, widest: int = 512) -> None:
        super().__init__()
        sizes, channels = ladder(form.height, form.width), widths(form, width, widest)
        self.span = min(SPAN, (len(sizes) + 1) // 2)
        self.embed = Embed(form, latent) if form.conditional else None
        self.start = Start(latent * (1 + form.conditional), channels[0], sizes[0])
        pairs = zip(channels, channels[1:], sizes[1:], strict=False)
        self.stages = nn.ModuleList(Grow(a, b, size, latent) for a, b, size in pairs)
        self.excite = nn.ModuleList(SkipExcitation(a, b) for a, b in zip(channels, channels[self.span :], strict=False))
        self.paint = scaled(nn.Conv2d(channels[-1], form.channels, 3, padding=1))

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        maps = [self.start(beside(z, self.embed, condition))]
        for level, stage in enumerate(self.stages, start=1):
            x = stage(maps[-1], z)
            maps.append(self.excite[level - self.span](maps[level - self.span], x) if level >= self.span else x)
        return torch.tanh(self.paint(maps[-1]))


class Down(nn.Module):
    """Half the resolution by two ways, whose mean it is: two convolutions, and a mean of pixels with a convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(Halving(inputs, outputs), Same(outputs, outputs))
        self.short = Same(inputs, outputs, 1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        both: Tensor = self.main(x) + self.short(pool(x))
        return both / 2


class Decoder(nn.Module):
    """Features -> a picture 2^k times as high and wide, k = len(outputs) the number of its doublings."""

    def __init__(self, inputs: int, outputs: list[int], channels: int) -> None:
        super().__init__()
        pairs = zip([inputs, *outputs], outputs, strict=False)
        self.convs = nn.ModuleList(scaled(nn.Conv2d(a, 2 * b, 3, padding=1, bias=False)) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(2 * each) for each in outputs)
        self.paint = scaled(nn.Conv2d([inputs, *outputs][-1], channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = glu(norm(conv(grow(x, (2 * x.shape[2], 2 * x.shape[3])))), 1)
        return torch.tanh(self.paint(x))


class Discriminator(Rebuilding):
    """Pictures and conditions -> a score at each place of the smallest size (n, places): v h(x) + <E(condition), h(x)>.

    It rebuilds the whole picture from features at 8x8 or so, and a crop from those at twice that.
    """

    def __init__(self, form: Format, *, width: int = 32, widest: int = 512) -> None:
        super().__init__()
        self.sizes, channels = ladder(form.height, form.width), widths(form, width, widest)
        top = len(channels) - 1
        self.see = bounded(form.channels, channels[-1], 3)
        self.stages = nn.ModuleList([Same(channels[0], channels[0], 1), *(Down(b, a) for a, b in pairwise(channels))])
        self.head = Places(form, channels[0])
        self.levels = min(1, max(top - 2, 0)), min(2, max(top - 1, 0))  # of the features for the whole and for the crop
        self.ends = [min(level + SPAN, top) for level in self.levels]
        self.whole, self.part = (
            Decoder(channels[level], channels[level + 1 : end + 1], form.channels)
            for level, end in zip(self.levels, self.ends, strict=True)
        )

    def _down(self, x: Tensor, level: int) -> Tensor:
        """x at full size -> features at a level."""
        for stage in reversed(self.stages[level + 1 :]):
            x = stage(x)
        return x

    def places(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        """h(x) at each place of the smallest size."""
        h: Tensor = self.stages[0](self._down(leaky_relu(self.see(x), 0.2), 0))
        return h

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """The mean of h(x) over its places."""
        return self.places(x).mean((2, 3))

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Scores:
        scores: Scores = self.head(self.places(x), condition)
        return scores

    def rebuild(self, samples: Float[Tensor, "n c h w"]) -> list[tuple[Tensor, Tensor]]:
        seen = leaky_relu(self.see(samples), 0.2)
        (whole, part), (end, part_end) = self.levels, self.ends
        fine = self._down(seen, part)
        coarse = fine
        for stage in reversed(self.stages[whole + 1 : part + 1]):
            coarse = stage(coarse)
        height, width = self.sizes[end]
        small = adaptive_avg_pool2d(samples, (height, width))
        target = adaptive_avg_pool2d(samples, self.sizes[part_end])
        return [(self.whole(coarse)[:, :, :height, :width], small), self._crop(fine, target, 2 ** (part_end - part))]

    def _crop(self, features: Tensor, target: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """The same random half of both sides, one for the batch; a place of the features is `scale` pixels of the target."""
        sides = [(side + 1) // 2 for side in features.shape[2:]]
        corner = [int(torch.randint(0, side - kept + 1, ())) for side, kept in zip(features.shape[2:], sides, strict=True)]
        rows, columns = (slice(at, at + kept) for at, kept in zip(corner, sides, strict=True))
        real = target[:, :, rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale]
        made: Tensor = self.part(features[:, :, rows, columns])
        return made[:, :, : real.shape[2], : real.shape[3]], real


def game(facts: Mapping[str, Any]) -> SelfSupervisedGAN:
    """The game of a run, untrained: what sampling and scoring need."""
    form, network = format_of(facts), facts["network"]
    size, latent = {name: network[name] for name in ("width", "widest")}, network["latent"]
    players = Generator(form, latent=latent, **size), Discriminator(form, **size)
    return SelfSupervisedGAN(*players, latent=latent, **conditions_of(facts))


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
    augment: AugmentName = "diff",
    strength: float = 1.0,
    width: int = 32,
    widest: int = 512,
    latent: int = 256,
    rebuild: float = 1.0,
    rate: float = 2e-4,
    samples: int = 400_000,
    batch: int = 8,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-fastgan",
) -> Trainer[Sample]:
    """Pictures by FastGAN: a light network that learns from a hundred pictures; choose it where you have few.

    Faces (250 emoji, 64x64) at width 16, 40,000 samples, seed 0: Frechet distance 28 (real 2.5), coverage 45 % (100 %), in 19
    minutes of one CPU thread, where `images` reaches 3.3 in 11: it wants a GPU.

    Parameters
    ----------
    width
        Channels at full size; each stage down has twice as many.
    widest
        At most so many channels.
    latent
        Length of the noise vector z.
    rebuild
        Weight of the discriminator's reconstruction of real pictures; 0 for none.
    rate
        Adam's learning rate.
    """
    positive(width=width, widest=widest, latent=latent, rate=rate)
    within(0, 1, strength=strength)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    facts = facts_of(pictures) | {"network": {"width": width, "widest": widest, "latent": latent}}
    gan = game(facts)
    gan.rebuild, gan.rate = rebuild, rate
    gan.augment = augmentation(augment, strength)
    transfer(gan, start, out, facts)
    return train(gan, pictures, facts, settings, half_life=1386.0 * batch)  # 0.999 a round of two batches, as the paper has it
