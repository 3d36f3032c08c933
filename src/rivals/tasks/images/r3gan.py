"""R3GAN: two mirrored residual networks without tricks, relativistic with r1 and r2 (Huang et al. 2024, arXiv:2501.05441).

No normalisation, no mapping network, no style, no noise inputs; stages are numbered from the smallest resolution in both.
`Plain` plays the same game on DCGAN's networks, for a CPU (docs/adr/0011).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive, within
from rivals.core.objectives import OBJECTIVES
from rivals.core.penalties import r1, r2
from rivals.core.recipe import trainable
from rivals.core.schedules import Schedule, cosine
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import GAN, Sample
from rivals.media.collection import Pictures, load
from rivals.nn.augment import AugmentName, augmentation
from rivals.nn.condition import Embed, beside
from rivals.nn.convolution import Conv2d
from rivals.nn.format import Format, ladder, stage_widths
from rivals.nn.resample import double, even, halve
from rivals.nn.residual import GAIN, Bottleneck, scaled
from rivals.nn.transfer import transfer
from rivals.tasks.images import dcgan
from rivals.tasks.images.judging import draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.images.training import OPTIONS, Settings, conditions_of, facts_of, format_of, train

__all__ = ["OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]


class Shape(NamedTuple):
    """How large the players are; the same for both.

    width: channels at the trunk's full size, twice as many a stage down, at most `widest`. blocks: a stage. stem: 2 for a
    trunk at half the resolution, which D reaches by one strided convolution and G leaves by `_refine`; 1 for the paper's.
    expand, group: see nn/residual.py.
    """

    width: int = 32
    widest: int = 256
    blocks: int = 1
    stem: int = 1
    expand: int = 2
    group: int = 16

    def trunk(self, form: Format) -> tuple[list[tuple[int, int]], list[int]]:
        """The size and the channels of each stage, smallest resolution first."""
        sizes = ladder(-(-form.height // self.stem), -(-form.width // self.stem))
        return sizes, stage_widths(len(sizes), self.width, self.widest)

    def stage(self, channels: int, stages: int) -> nn.Sequential:
        """The residual blocks of one resolution."""
        blocks = self.blocks * stages
        each = (Bottleneck(channels, blocks=blocks, expand=self.expand, group=self.group) for _ in range(self.blocks))
        return nn.Sequential(*each)

    def players(self, form: Format, latent: int) -> tuple[nn.Module, nn.Module]:
        return Generator(form, self, latent=latent), Discriminator(form, self)


class Plain(NamedTuple):
    """DCGAN's networks in the residual ones' place: batch norm in the generator, no norm in the discriminator. Faster on a CPU,
    and more varied after minutes (docs/log.md).

    width: channels at half the full size, twice as many a stage down, at most `widest`. compares: the discriminator sees how much
    the pictures of a batch differ. finish: channels of a hidden layer of the generator at full size; 0 for none. noise: the
    generator adds a random number a pixel in each stage, for grain.
    """

    width: int = 32
    widest: int = 256
    compares: bool = False
    finish: int = 0
    noise: bool = False

    @classmethod
    def of(cls, form: Format, width: int, widest: int, augment: AugmentName) -> "Plain":
        """For pictures of a Format: the hidden layer and noise are worth their time above 32 pixels, and comparing where nothing
        is augmented, or the pictures are no larger (docs/log.md).
        """
        return cls(width, widest, augment == "none" or form.small, 0 if form.small else 16, noise=not form.small)

    def players(self, form: Format, latent: int) -> tuple[nn.Module, nn.Module]:
        size = {"width": self.width, "widest": self.widest}
        judge = dcgan.Discriminator(form, norm="none", compares=self.compares, **size)
        return dcgan.Generator(form, latent=latent, finish=self.finish, noise=self.noise, **size), judge


class Generator(nn.Module):
    """(n, latent) noise and conditions -> pictures; at first a learned pattern at the smallest size, weighted by the noise."""

    def __init__(self, form: Format, shape: Shape, *, latent: int = 64) -> None:
        super().__init__()
        self.sizes, channels = shape.trunk(form)
        self.size = form.height, form.width
        self.embed = Embed(form, latent) if form.conditional else None
        self.pattern = nn.Parameter(torch.randn(channels[0], *self.sizes[0]))
        self.weigh = scaled(nn.Linear(latent * (1 + form.conditional), channels[0]))
        self.fit = nn.ModuleList(_fit(a, b) for a, b in zip([channels[0], *channels], channels, strict=False))
        self.stages = nn.ModuleList(shape.stage(each, len(channels)) for each in channels)
        self.wide = shape.stem > 1
        self.paint = (_refine if self.wide else _look)(channels[-1], form.channels)

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        x = self.pattern * self.weigh(beside(z, self.embed, condition))[:, :, None, None]
        for level, (fit, stage) in enumerate(zip(self.fit, self.stages, strict=True)):
            x = stage(fit(x) if level == 0 else double(fit(x), self.sizes[level]))
        picture: Tensor = self.paint(double(x, self.size) if self.wide else x)
        return picture


class Discriminator(nn.Module):
    """Pictures and conditions -> scores (n,): v h(x) + <E(condition), h(x)>."""

    def __init__(self, form: Format, shape: Shape) -> None:
        super().__init__()
        sizes, channels = shape.trunk(form)
        self.wide = shape.stem > 1
        self.see = scaled(Conv2d(form.channels, channels[-1], 4, 2, 1)) if self.wide else _look(form.channels, channels[-1])
        self.stages = nn.ModuleList(shape.stage(each, len(channels)) for each in channels)
        self.fit = nn.ModuleList(_fit(b, a) for a, b in zip([channels[0], *channels], channels, strict=False))
        self.gather = scaled(Conv2d(channels[0], channels[0], sizes[0], groups=channels[0], bias=False))
        self.score = scaled(nn.Linear(channels[0], 1))
        self.embed = Embed(form, channels[0], gain=channels[0] ** -0.5) if form.conditional else None

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """h(x), what the score is a linear function of."""
        x = self.see(even(x) if self.wide else x)
        for level in reversed(range(len(self.stages))):
            x = self.stages[level](x)
            x = self.fit[level](halve(x) if level else x)
        gathered: Tensor = self.gather(x)
        return gathered.flatten(1)

    def forward(self, x: Float[Tensor, "n c h w"], condition: Tensor | None = None) -> Scores:
        h = self.features(x)
        score: Tensor = self.score(h).squeeze(1)
        return score if self.embed is None or condition is None else score + (h * self.embed(condition)).sum(1)


def _look(inputs: int, outputs: int) -> Conv2d:
    return scaled(Conv2d(inputs, outputs, 1))


def _refine(inputs: int, outputs: int) -> nn.Sequential:
    """Doubled features -> pictures, by a hidden layer: a transposed convolution leaves a texture of two pixels."""
    inner = max(inputs // 2, 8)
    hidden = scaled(Conv2d(inputs, inner, 3, padding=1), GAIN)
    return nn.Sequential(hidden, nn.LeakyReLU(0.2), scaled(Conv2d(inner, outputs, 3, padding=1)))


def _fit(inputs: int, outputs: int) -> nn.Module:
    return nn.Identity() if inputs == outputs else scaled(Conv2d(inputs, outputs, 1, bias=False))


def game(facts: Mapping[str, Any]) -> GAN:
    """The game of a run, untrained: what sampling and scoring need."""
    form, shape, latent = format_of(facts), facts["shape"], facts["latent"]
    players = (Shape if "blocks" in shape else Plain)(**shape).players(form, latent)
    return GAN(*players, latent=latent, objective=OBJECTIVES[facts["objective"]], **conditions_of(facts))


class Plan(NamedTuple):
    """How a run plays: gamma falls to a tenth along half a cosine, the rate to a quarter (arXiv:2501.05441)."""

    shape: Shape | Plain
    latent: int = 64
    gamma: float = 0.5
    penalty_every: int = 1
    rate: float = 2e-4
    augment: AugmentName = "none"
    strength: float = 0.3
    start: Path | None = None


def played(pictures: Pictures, plan: Plan, settings: Settings, extra: Mapping[str, Any] | None = None) -> Trainer[Sample]:
    """The trainer of an R3GAN on some pictures; extra: more facts to keep."""
    shape = _met(plan.shape, settings.out, plan.start)
    positive(width=shape.width, widest=shape.widest, latent=plan.latent, gamma=plan.gamma, rate=plan.rate)
    positive(penalty_every=plan.penalty_every)
    if isinstance(shape, Shape):
        positive(blocks=shape.blocks, expand=shape.expand)
        if shape.stem not in (1, 2):
            raise UserError(f"stem is {shape.stem}: give 1, or 2 for networks at half the resolution")
    facts = facts_of(pictures) | {"objective": "relativistic"} | dict(extra or {})
    kept = shape._asdict() if isinstance(shape, Shape) else {name: value for name, value in shape._asdict().items() if value}
    facts |= {"shape": kept, "latent": plan.latent}  # what a Plain does without is left out, as in runs from before it could
    gan = game(facts)
    schedules = penalise(gan, plan.gamma, plan.penalty_every, plan.rate)
    gan.augment = augmentation(plan.augment, plan.strength)
    transfer(gan, plan.start, settings.out, facts)
    return train(gan, pictures, facts, settings, schedules=schedules)


def _met(shape: Shape | Plain, out: Path | None, start: Path | None) -> Shape | Plain:
    """A Plain as the run in `out` that goes on has it, or one that compares as the run to start from does: the last layer of its
    discriminator is fitted to that.
    """
    for run in (out, start):
        if isinstance(shape, Plain) and run is not None and (run / "run.json").exists():
            theirs = Store(run).record()["facts"].get("shape", {})
            if theirs and theirs.keys() <= set(Plain._fields):
                was = Plain(**theirs)
                return was if run == out else shape._replace(compares=was.compares)
    return shape


def penalise(gan: GAN, gamma: float, every: int, rate: float) -> dict[str, Schedule]:
    """Gives a game R3GAN's penalties and optimiser; the schedules that its trainer needs."""
    fading = cosine(gamma, gamma / 10)
    gan.penalties, gan.penalty_every = {"r1": r1(fading), "r2": r2(fading)}, every
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.99), fused=True)
    return {"lr": cosine(rate, rate / 4)}


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
    network: Literal["residual", "plain"] = "residual",
    width: int = 32,
    widest: int = 256,
    blocks: int = 1,
    stem: int = 1,
    expand: int = 2,
    group: int = 16,
    latent: int = 64,
    gamma: float = 0.5,
    penalty_every: int = 1,
    rate: float = 2e-4,
    samples: int = 1_000_000,
    batch: int = 64,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "images-r3gan",
) -> Trainer[Sample]:
    """Pictures by R3GAN: two residual networks without tricks, relativistic with r1 and r2; every setting in your hands.

    Parameters
    ----------
    network
        residual: the paper's; plain: DCGAN's, for a CPU, of which only width and widest can be set.
    width
        Channels at the trunk's full size (plain: at half of it); each stage down has twice as many.
    widest
        At most so many channels.
    blocks
        Residual blocks a stage.
    stem
        1, or 2 for networks that work at half the resolution: far faster, and less fine in detail.
    expand
        How many times wider the inside of a block is.
    group
        Channels in a group of the 3x3 convolutions; 0 for all in one, faster on a CPU.
    latent
        Length of the noise vector z.
    gamma
        Strength of r1 and r2 at the start, (score / pixel value)^2; it falls to a tenth.
    penalty_every
        Rounds between two moves on the penalties (lazy); 1 for penalties in every move.
    rate
        Adam's learning rate at the start; it falls to a quarter.
    """
    if network == "plain" and (blocks, stem, expand, group) != Shape()[2:]:
        raise UserError("--network plain has no blocks, stem, expand or group: leave them out")
    within(0, 1, strength=strength)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    pictures = load(data, size=size, labels=labels, channels=channels, mirror=mirror, allow_bad=allow_bad,
                    seed=seed, workers=workers)  # fmt: skip
    shape = (
        Plain.of(pictures.form, width, widest, augment)
        if network == "plain"
        else Shape(width, widest, blocks, stem, expand, group)
    )
    plan = Plan(shape, latent, gamma, penalty_every, rate, augment, strength, start)
    return played(pictures, plan, settings)
