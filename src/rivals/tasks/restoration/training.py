"""What a restoration is built of: its networks by job, its game from a run's facts, and its trainer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.errors import UserError, positive, within
from rivals.core.schedules import Schedule, cosine
from rivals.core.store import Store, sha256
from rivals.core.trainer import Trainer
from rivals.core.types import Scalar, Tensor
from rivals.core.watch import every
from rivals.games.settings import Settings
from rivals.games.translation import Fidelity, Pair
from rivals.nn.frozen import Frozen, read_resnet
from rivals.nn.transfer import transfer
from rivals.tasks.restoration.damage import Damage
from rivals.tasks.restoration.data import Good
from rivals.tasks.restoration.game import Restoration, absolute, consistent, in_the_hole
from rivals.tasks.restoration.networks.gated import Gated
from rivals.tasks.restoration.networks.judge import Judge
from rivals.tasks.restoration.networks.light import Light
from rivals.tasks.restoration.networks.rrdb import RRDB
from rivals.tasks.restoration.networks.unet import Cleaner, Colourist
from rivals.tasks.restoration.previews import previews

NetworkName = Literal["light", "rrdb"]
CROP = 96


class Shape(NamedTuple):
    """How large the networks are. network: of super-resolution. blocks: at each resolution, of the U-Nets. judge: width."""

    network: NetworkName = "light"
    width: int = 32
    blocks: int = 6
    judge: int = 24


class Plan(NamedTuple):
    """How a run plays: stage one at `rate`, which falls along half a cosine; then for `adversarial_share` of the run stage
    two at `fine_rate`. consistency: of super-resolution, weight of the result's distance from the source when it is made small
    again, in stage two. perceptual, features: weight and file of a backbone whose features are compared too, in stage two."""

    rate: float
    fine_rate: float
    adversarial_share: float
    adversarial: float
    matching: float
    consistency: float = 0.0
    perceptual: float = 0.0
    features: Path | None = None
    start: Path | None = None


class Cut(NamedTuple):
    """Windows to train on. crop: their side in pixels of the good pictures; None for CROP, or what fits the smallest."""

    crop: int | None = None
    mirror: bool = True


def generator(damage: Damage, shape: Shape) -> nn.Module:
    """The network of a job; each has `multiple`, of which its sides must be multiples."""
    channels, width, blocks = damage.channels, shape.width, shape.blocks
    if damage.job == "super-resolution":
        return {"light": Light, "rrdb": RRDB}[shape.network](channels, damage.scale, width=width, blocks=blocks)
    if damage.job == "inpaint":
        return Gated(channels, width=width, blocks=blocks)
    if damage.job == "colour":
        return Colourist(1, 2, width=width, blocks=blocks, levels=4, step=2)
    return Cleaner(channels, channels, width=width, blocks=blocks)


def game(facts: Mapping[str, Any]) -> Restoration:
    """The game of a run, untrained."""
    damage, shape = damage_of(facts), Shape(**facts["shape"])
    judge = Judge(damage.channels, int(damage.job == "inpaint"), width=shape.judge)
    error = in_the_hole if damage.job == "inpaint" else absolute
    return Restoration(generator(damage, shape), judge, error=error)


def damage_of(facts: Mapping[str, Any]) -> Damage:
    """The Damage that a run's facts tell."""
    return Damage(*(facts[name] for name in Damage._fields))


def perceptual(damage: Damage, weights: Path, weight: float) -> tuple[str, Fidelity]:
    """The file's SHA-256, and weight times the mean |difference| of the backbone's four maps."""
    read_resnet(weights)  # a wrong file is told before anything is written
    digest = sha256(weights)
    backbone = Frozen(weights, digest)

    def term(made: Tensor, pair: Pair) -> Scalar:
        with torch.no_grad():
            wanted = backbone(damage.shown(pair.target))
        apart = [(m - w).abs().mean() for m, w in zip(backbone(damage.shown(made)), wanted, strict=True)]
        return weight * torch.stack(apart).mean()

    return digest, term


def train(good: Good, damage: Damage, shape: Shape, plan: Plan, windows: Cut, settings: Settings) -> Trainer[Pair]:
    """The trainer of a restoration, with previews, in the run folder that the settings name."""
    positive(width=shape.width, blocks=shape.blocks, judge=shape.judge, rate=plan.rate, fine_rate=plan.fine_rate)
    within(0, adversarial=plan.adversarial, matching=plan.matching, consistency=plan.consistency, perceptual=plan.perceptual)
    if not 0 <= plan.adversarial_share <= 1:
        raise UserError(f"adversarial-share is {plan.adversarial_share}: give a share of the run, from 0 to 1")
    facts = damage._asdict() | {"shape": shape._asdict(), "data": good.digest}
    restoration = game(facts)
    restoration.warm_up = 1 - plan.adversarial_share
    restoration.adversarial, restoration.matching, restoration.optimizer = plan.adversarial, plan.matching, _adam(plan)
    if damage.scale > 1 and plan.consistency:
        restoration.fidelity["consistency"] = consistent(plan.consistency)
    if plan.features is not None and plan.perceptual:
        facts["features"], restoration.fidelity["perceptual"] = perceptual(damage, plan.features, plan.perceptual)
    crop = _crop(good, damage, windows.crop, damage.scale * restoration.faithful.multiple)
    transfer(restoration, plan.start, settings.out)
    shown = good.crops(damage, range(min(6, len(good.held_out))), 192)
    return Trainer(
        restoration,
        good.stream(damage, crop, seed=settings.seed, mirror=windows.mirror, workers=settings.workers),
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        schedules=_rates(plan),
        watchers=[every(max(settings.samples // 40, 1), previews(shown, damage))],
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )


def _crop(good: Good, damage: Damage, wanted: int | None, multiple: int) -> int:
    """The side of the windows that are trained on; raises UserError where there is none."""
    smallest = min(min(each.shape[:2]) for each in good.train.pixels)
    crop = min(CROP, smallest) // multiple * multiple if wanted is None else wanted
    if crop < multiple or crop % multiple:
        raise UserError(f"crop is {crop}: this job needs a multiple of {multiple}, as {-(-max(crop, 1) // multiple) * multiple}, "
                        f"and the smallest picture has a side of {smallest} pixels")  # fmt: skip
    if damage.job == "inpaint" and damage.strength >= crop:
        raise UserError(f"strength is {damage.strength:g}: give the hole's side in pixels, below the window's {crop}")
    if (least := min(min(each.shape[:2]) for each in good.held_out.pixels)) < multiple:
        raise UserError(f"a held-out picture has a side of {least} pixels: this job needs at least {multiple}")
    return crop


def _adam(plan: Plan) -> Callable[[str, list[nn.Parameter]], Optimizer]:
    def make(player: str, parameters: list[nn.Parameter]) -> Optimizer:
        rate = plan.rate if player == "faithful" else plan.fine_rate
        return torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99), fused=True)

    return make


def _rates(plan: Plan) -> dict[str, Schedule]:
    """Stage one falls to a hundredth by its end; stage two is even for half of its time, then falls to a tenth."""
    begin = 1 - plan.adversarial_share

    def fine(progress: float) -> float:
        done = max(progress - begin, 0.0) / max(plan.adversarial_share, 1e-9)
        return plan.fine_rate * min(1.0, 0.1 + 1.8 * (1 - min(done, 1.0)))

    return {
        "faithful.lr": cosine(plan.rate, plan.rate / 100, begin),
        "generator.lr": fine,
        "discriminator.lr": lambda progress: 2 * fine(progress),
    }
