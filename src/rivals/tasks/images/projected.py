"""Projected GAN: discriminators on the features of a frozen, trained network (Sauer et al. 2021, arXiv:2111.01007).

Each of four feature maps is mixed across channels by a fixed random 1x1 convolution, then across scales, from the coarsest to
the finest, by fixed random 3x3 ones; a small discriminator judges each mixture. The generator is FastGAN's.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive, within
from rivals.core.objectives import hinge
from rivals.core.recipe import trainable
from rivals.core.store import sha256
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import GAN, Sample
from rivals.media.collection import load
from rivals.media.collection.pictures import refuse
from rivals.nn.augment import AugmentName, augmentation
from rivals.nn.format import Format
from rivals.nn.frozen import WHERE, Frozen, enlarged, groups_of, read_resnet
from rivals.nn.halving import Halving, Places, Same
from rivals.nn.transfer import transfer
from rivals.tasks.images.fastgan import Generator
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.training import OPTIONS, Settings, conditions_of, facts_of, format_of, train

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]


class RandomMix(nn.Module):
    """Four maps, finest first -> as many mixtures of `width`, 2 width, 4 width, 8 width channels; nothing here learns.

    y_4 = C_4 x_4, y_l = (C_l x_l + enlarge(S_l y_{l+1})) / sqrt(2): weights N(0, 1 / fan_in), which keep the variance.
    """

    def __init__(self, channels: list[int], width: int) -> None:
        super().__init__()
        self.outputs = [width * 2**level for level in range(len(channels))]
        pairs = list(zip(channels, self.outputs, strict=True))
        self.across = nn.ParameterList(_fixed(b, a, 1) for a, b in pairs)
        self.between = nn.ParameterList(_fixed(a, b, 3) for a, b in pairwise(self.outputs))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        mixed = [conv2d(x, weight) for x, weight in zip(maps, self.across, strict=True)]
        for level in reversed(range(len(mixed) - 1)):
            below = conv2d(mixed[level + 1], self.between[level], padding=1)
            size = mixed[level].shape[2:]
            below = interpolate(below, size, mode="bilinear", align_corners=False)
            mixed[level] = (mixed[level] + below) / math.sqrt(2)
        return mixed


def _fixed(outputs: int, inputs: int, side: int) -> nn.Parameter:
    """A parameter, not a buffer: it is saved, but the processes of a run need not average it."""
    return nn.Parameter(torch.randn(outputs, inputs, side, side) / math.sqrt(inputs * side**2), requires_grad=False)


class Head(nn.Module):
    """A mixture of some size -> a score at each of at most 4x4 places."""

    def __init__(self, form: Format, inputs: int, size: tuple[int, int], width: int) -> None:
        super().__init__()
        halvings = max(math.ceil(math.log2(max(size) / 4)), 0)
        outputs = [inputs] + [width] * halvings
        narrow: list[nn.Module] = [Halving(a, b) for a, b in pairwise(outputs)]
        self.layers = nn.Sequential(*(narrow or [Same(inputs, width)]))
        self.places = Places(form, width)

    def forward(self, x: Tensor, condition: Tensor | None) -> Float[Tensor, "n places"]:
        scores: Tensor = self.places(self.layers(x), condition)
        return scores


class Discriminator(nn.Module):
    """Pictures and conditions -> the scores of four heads at their places, side by side (n, places).

    channels: of the frozen network's maps for three channels of a picture. width: of the finest mixture and of the heads.
    """

    def __init__(self, form: Format, frozen: Frozen, channels: list[int], *, width: int = 64) -> None:
        super().__init__()
        self.frozen = frozen
        self.mix = RandomMix([groups_of(form.channels) * each for each in channels], width)
        height, across = enlarged(form.height, form.width, frozen.least)
        sizes = [(-(-height // 2**level), -(-across // 2**level)) for level in range(2, 6)]
        self.heads = nn.ModuleList(Head(form, a, size, width) for a, size in zip(self.mix.outputs, sizes, strict=True))

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """What the heads see of each mixture, as means over its places."""
        seen = zip(self.heads, self.mix(self.frozen(x)), strict=True)
        return torch.cat([head.get_submodule("layers")(each).mean((2, 3)) for head, each in seen], 1)

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Scores:
        seen = zip(self.heads, self.mix(self.frozen(x)), strict=True)
        return torch.cat([head(each, condition) for head, each in seen], 1)


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained: sampling needs no more; scoring reads the backbone's file, and refuses a changed one."""
    form, network, kept = format_of(facts), facts["network"], facts["network"]["backbone"]
    made = Generator(form, latent=network["latent"], width=network["width"], widest=network["widest"])
    frozen = Frozen(Path(kept["weights"]), kept["sha256"], least=network["least"])
    judge = Discriminator(form, frozen, kept["channels"], width=network["judge_width"])
    return GAN(made, judge, latent=network["latent"], objective=hinge, **conditions_of(facts))


def backbone(weights: Path | None) -> dict[str, Any]:
    """What run.json keeps of the user's backbone: its file, SHA-256 and channels; raises UserError where it cannot be used."""
    if weights is None:
        raise UserError(f"a projected discriminator needs --backbone-weights FILE: {WHERE}")
    return {"channels": read_resnet(weights).channels, "weights": str(weights), "sha256": sha256(weights)}


@trainable
def recipe(
    *,
    data: Path,
    backbone_weights: Path | None = None,
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
    judge_width: int = 64,
    least: int = 64,
    rate: float = 2e-4,
    samples: int = 1_000_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-projected",
) -> Trainer[Sample]:
    """Pictures by Projected GAN: a trained ResNet of yours judges them; choose it for natural pictures and little time.

    Judge such a run by features of another network too: a Frechet distance in features like its backbone's flatters it. Paintings
    (239, 64x64) by a ResNet-18 trained on CIFAR-10, width 16, 40,000 samples, seed 0: Frechet distance 12.7 (real 9.1), in 14
    minutes of one CPU thread.

    Parameters
    ----------
    backbone_weights
        The ResNet's weights: .safetensors, .pt or .pth, with the names of torchvision's public releases.
    width
        Channels of the generator at full size; each stage down has twice as many.
    widest
        At most so many channels in the generator.
    latent
        Length of the noise vector z.
    judge_width
        Channels of the finest mixture of features, and of the discriminators on them.
    least
        Pixels that the shorter side has at least when the ResNet sees a picture; 224 is what it was trained on.
    rate
        Adam's learning rate.
    """
    positive(width=width, widest=widest, latent=latent, judge_width=judge_width, least=least, rate=rate)
    within(0, 1, strength=strength)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    network = {"width": width, "widest": widest, "latent": latent, "judge_width": judge_width, "least": least,
               "backbone": backbone(backbone_weights)}  # fmt: skip
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    refuse(pictures, bits=8)
    facts = facts_of(pictures) | {"network": network}
    gan = game(facts)
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True)
    gan.augment = augmentation(augment, strength)
    transfer(gan, start, out, facts)
    return train(gan, pictures, facts, settings, half_life=625.0 * batch)  # 10/32 of 1,000 batches, of two a round
