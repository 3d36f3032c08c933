"""DCGAN: convolutions with batch norm and nothing else (Radford et al. 2016, arXiv:1511.06434), for any height and width.

The generator doubles by repeating pixels and convolving, not by transposed convolutions: no checkerboard (Odena et al. 2016).
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive, within
from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.penalties import clip_weights, gradient_penalty, r1
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scores, Tensor
from rivals.games.auxiliary import AuxiliaryGAN
from rivals.games.gan import GAN, Sample
from rivals.media.collection import load
from rivals.nn.augment import AugmentName, augmentation
from rivals.nn.condition import Embed, beside
from rivals.nn.deviation import MinibatchDeviation
from rivals.nn.format import Format, ladder
from rivals.nn.head import ConditionBy, Head
from rivals.nn.noise import Noise
from rivals.nn.normalise import BatchNorm, spectral
from rivals.nn.resample import even
from rivals.nn.residual import GAIN, scaled
from rivals.nn.resnet import grow, widths
from rivals.nn.transfer import transfer
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.training import OPTIONS, Settings, conditions_of, facts_of, format_of, train

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]

Norm = Literal["batch", "spectral", "none"]
L = TypeVar("L", bound=nn.Module)


class Generator(nn.Module):
    """(n, latent) noise, the embedded condition beside it -> pictures; stage 0 is the smallest.

    finish: channels of a hidden layer at full size, before the last one, which else sees features of half the size; 0 for none.
    noise: each stage adds a random number a pixel, for grain that the latent need not tell.
    """

    def __init__(
        self, form: Format, *, latent: int = 100, width: int = 64, widest: int = 512, finish: int = 0, noise: bool = False
    ) -> None:
        super().__init__()
        self.sizes = ladder(form.height, form.width)
        channels = stage_channels(form, width, widest)
        self.embed = Embed(form, latent) if form.conditional else None
        self.start = normal(nn.Linear(latent * (1 + form.conditional), channels[0] * self.sizes[0][0] * self.sizes[0][1]))
        self.norm = BatchNorm(channels[0])
        noises = [Noise(size, latent) if noise else None for size in self.sizes[1:]]
        self.stages = nn.ModuleList(Stage(a, b, each) for (a, b), each in zip(pairwise(channels), noises, strict=False))
        self.finish = Stage(channels[-1], finish, noises[-1]) if finish else None
        self.paint = normal(nn.Conv2d(finish or channels[-1], form.channels, 3, padding=1))

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        x = self.start(beside(z, self.embed, condition)).view(len(z), -1, *self.sizes[0])
        x = self.norm(x).relu()
        for stage, size in zip(self.stages, self.sizes[1:], strict=False):
            x = stage(grow(x, size), z)
        x = grow(x, self.sizes[-1])
        picture: Tensor = self.paint(x if self.finish is None else self.finish(x, z)).tanh()
        return picture


class Stage(nn.Sequential):
    """A stage of the generator, without its doubling: a 3x3 convolution, noise if there is any, batch norm. A
    Sequential, so that tensors are named as in runs from before there was noise.
    """

    def __init__(self, inputs: int, outputs: int, noise: Noise | None) -> None:
        super().__init__(normal(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)), BatchNorm(outputs), nn.ReLU())
        self.noise = noise

    def forward(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n cc h w"]:
        convolution, norm, relu = self[0], self[1], self[2]
        y = convolution(x)
        seen: Tensor = relu(norm(y if self.noise is None else self.noise(y, z)))
        return seen


class Discriminator(nn.Module):
    """Pictures and conditions -> scores (n,); a stage is a 4x4 convolution that halves, rounding up.

    compares: the smallest stage sees how much the pictures of the batch differ (`MinibatchDeviation`), by one convolution more.
    """

    def __init__(
        self,
        form: Format,
        *,
        width: int = 64,
        widest: int = 512,
        norm: Norm = "batch",
        condition_by: ConditionBy = "projection",
        compares: bool = False,
    ) -> None:
        super().__init__()
        channels, size = stage_channels(form, width, widest), ladder(form.height, form.width)[0]
        inputs = [*channels[1:], form.channels]
        last = len(channels) - 1  # the stage that sees the picture: no batch norm there, as in the paper
        self.stages = nn.ModuleList(
            halving(a, b, "none" if level == last and norm == "batch" else norm, begin=BEGIN[norm])
            for level, (a, b) in enumerate(zip(inputs, channels, strict=True))
        )
        self.compare = comparing(channels[0], begin=BEGIN[norm]) if compares else nn.Identity()
        wrap = spectral if norm == "spectral" else BEGIN[norm]
        self.head = Head(form, channels[0] * size[0] * size[1], condition_by, wrap=wrap)

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """h(x): all channels and places of the smallest stage."""
        for stage in reversed(self.stages):
            x = stage(even(x))
        compared: Tensor = self.compare(x)
        return compared.flatten(1)

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Scores:
        scores: Scores = self.head(self.features(x), condition)
        return scores

    def classify(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Logits of the classes or attributes, where the condition is by auxiliary classification."""
        return self.head.classify(h)


def normal(layer: L) -> L:
    """The layer with weights N(0, 0.02^2), as the paper starts, and a bias of zero."""
    nn.init.normal_(layer.weight, std=0.02)  # type: ignore[arg-type]
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def he(layer: L) -> L:
    """The layer with weights that keep a signal's scale (He et al. 2015, arXiv:1502.01852), where no norm restores it; a table of
    embeddings, which has no bias, stays as it is."""
    return layer if getattr(layer, "bias", None) is None else scaled(layer, GAIN)  # type: ignore[type-var]


BEGIN: dict[Norm, Callable[[Any], Any]] = {"batch": normal, "spectral": normal, "none": he}
"""How a discriminator's weights begin."""


def stage_channels(form: Format, width: int, widest: int) -> list[int]:
    """Of each stage, smallest resolution first; there is none at full size, where the picture itself is."""
    return [min(each // 2, widest) for each in widths(form, width, 2 * widest)[:-1]]


def halving(inputs: int, outputs: int, norm: Norm, *, begin: Callable[[nn.Conv2d], nn.Conv2d]) -> nn.Sequential:
    convolution = begin(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1))
    if norm == "batch":
        return nn.Sequential(convolution, BatchNorm(outputs), nn.LeakyReLU(0.2))
    return nn.Sequential(spectral(convolution) if norm == "spectral" else convolution, nn.LeakyReLU(0.2))


def comparing(channels: int, *, begin: Callable[[nn.Conv2d], nn.Conv2d]) -> nn.Sequential:
    """(n, channels, h, w) -> the same shape, of features and of their deviation within groups of sixteen."""
    convolution = begin(nn.Conv2d(channels + 1, channels, 3, padding=1))
    return nn.Sequential(MinibatchDeviation(16), convolution, nn.LeakyReLU(0.2))


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained: what sampling and scoring need."""
    form, network = format_of(facts), facts["network"]
    size, by = {name: network[name] for name in ("width", "widest")}, network["condition_by"]
    players = (
        Generator(form, latent=network["latent"], **size),
        Discriminator(form, norm=network["norm"], condition_by=by, **size),
    )
    kind = AuxiliaryGAN if form.conditional and by == "auxiliary" else GAN
    return kind(*players, latent=network["latent"], objective=OBJECTIVES[network["objective"]], **conditions_of(facts))


def steady(gan: GAN, norm: Norm, *, gamma: float, gradient: float, clip: float) -> None:
    """Gives the game the penalties that are above 0. Raises UserError where they do not fit its discriminator or objective."""
    within(0, gamma=gamma, gradient_penalty=gradient, clip=clip)
    if gradient and norm == "batch":
        raise UserError("gradient_penalty is of each sample alone, batch norm mixes them: add --norm none (or spectral)")
    if gan.objective is OBJECTIVES["wasserstein"] and not gradient and not clip and norm != "spectral":
        raise UserError("wasserstein needs a critic of bounded slope: add --gradient-penalty 10 --norm none, or --clip 0.01")
    named = {"r1": r1(gamma) if gamma else None, "gradient": gradient_penalty(gradient) if gradient else None}
    gan.penalties = {name: penalty for name, penalty in named.items() if penalty}
    gan.after = clip_weights(clip) if clip else None


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
    objective: ObjectiveName = "non-saturating",
    norm: Norm = "batch",
    condition_by: ConditionBy = "projection",
    gamma: float = 0.0,
    gradient_penalty: float = 0.0,
    clip: float = 0.0,
    discriminator_moves: int = 1,
    width: int = 64,
    widest: int = 512,
    latent: int = 100,
    rate: float = 2e-4,
    samples: int = 1_000_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-dcgan",
) -> Trainer[Sample]:
    """Pictures by DCGAN: small and fast, the baseline of 2016; also GAN + r1, WGAN and WGAN-GP. Choose it to compare with.

    Clothes (28x28, ten classes), hinge and spectral norm, width 32, 200,000 samples, seed 0: collapsed within classes,
    Frechet distance 35.7, recall 0, in 3.5 minutes of one CPU thread.

    Parameters
    ----------
    objective
        The two losses of the game; wasserstein wants a penalty or clip beside it.
    norm
        Of the discriminator: batch (as in the paper), spectral, or none. The generator always has batch norm.
    condition_by
        How the discriminator takes the condition: projection, auxiliary (it also names it, AC-GAN), embedding.
    gamma
        Strength of the r1 penalty; 0 for none. It wants norm spectral or none.
    gradient_penalty
        Weight of WGAN-GP's penalty, 10 in its paper; 0 for none.
    clip
        Largest weight of a WGAN's critic, 0.01 in its paper; 0 for no clipping.
    discriminator_moves
        Moves of the discriminator for each of the generator; WGAN takes 5.
    width
        Channels at half the full size; each stage down has twice as many.
    widest
        At most so many channels.
    latent
        Length of the noise vector z.
    rate
        Adam's learning rate; its betas are 0.5 and 0.999.
    """
    positive(width=width, widest=widest, latent=latent, rate=rate, discriminator_moves=discriminator_moves)
    within(0, 1, strength=strength)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    network = {"width": width, "widest": widest, "latent": latent, "norm": norm, "condition_by": condition_by}
    facts = facts_of(pictures) | {"network": network | {"objective": objective}}
    gan = game(facts)
    steady(gan, norm, gamma=gamma, gradient=gradient_penalty, clip=clip)
    gan.discriminator_moves = discriminator_moves
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True)
    gan.augment = augmentation(augment, strength)
    transfer(gan, start, out, facts)
    return train(gan, pictures, facts, settings)
