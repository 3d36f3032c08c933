"""What every paired recipe does alike: the options it shares, its terms and rates, and the trainer of a game on pairs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from rivals.core.errors import UserError, within
from rivals.core.schedules import Schedule
from rivals.core.store import Store
from rivals.core.trainer import Report, Trainer, Watcher
from rivals.core.types import Scalar, Tensor
from rivals.core.watch import every
from rivals.games.settings import Settings
from rivals.games.translation import Pair, Translation
from rivals.tasks.translation.pairs import Pairs
from rivals.tasks.translation.sheets import sheet

OPTIONS = {
    "data": "Folder or .zip: two folders of pictures of the same names, pairs side by side in one file, or photos.",
    "source": "Folder of the sources; left or right of pairs side by side; edges for outlines drawn from the photos.",
    "target": "Folder of the targets.",
    "held_out": "Pairs to judge by, laid out as the data; by default the folders val and test, or a tenth.",
    "size": "Pixels that pictures are scaled to, as 64 or 48x64; by default as they are (rivals train translation: 64 or 256).",
    "crop": "Train on windows of so many pixels.",
    "classes": "The sources are maps of class numbers 0 to N - 1; found by itself where they hold few small numbers.",
    "palette": "JSON list of the colours [red, green, blue] that stand for the classes in coloured label maps.",
    "mirror": "Show half of the pairs mirrored left to right.",
    "allow_bad": "Train although more than 5 % of the files cannot be read.",
    "scales": "Patch discriminators, each of pictures half as large as the one before.",
    "layers": "Halvings in each discriminator: a score sees 34 pixels with 2, 70 with 3.",
    "discriminator_width": "Channels of a discriminator's first layer.",
    "fidelity": "Weight of the mean absolute difference from the target, in [-1, 1].",
    "matching": "Weight of the distance between the discriminator's features of target and result.",
    "rate": "Adam's learning rate; it falls to 0 in the second half of the run.",
    "micro": "Pairs in each backward pass, to save memory; all of the batch by default.",
}
"""The options that the paired recipes share, and what the command line's help says of them."""

NEXT = (
    ("translate {run} my-files/ -o out/ --sheets", "your own files: results, and source | result"),
    ("sample {run} -n 2 -o held-out/", "the first two held-out pairs, with a sheet"),
    ("evaluate {run} --json", "the measures again, as JSON"),
)


class Plan(NamedTuple):
    """The generator's terms and both rates. warm_up: share of the run that the generator trains alone."""

    fidelity: float
    matching: float
    rate: float
    discriminator_rate: float
    betas: tuple[float, float] = (0.5, 0.999)
    adversarial: float = 1.0
    warm_up: float = 0.0


def closeness(weight: float) -> Any:
    """weight * mean |G(s) - t|: blur costs it least, so that it holds colours and places, and the rival makes it sharp."""

    def term(made: Tensor, pair: Pair) -> Scalar:
        return weight * (made - pair.target).abs().mean()

    return term


def rivalry(game: Translation, plan: Plan) -> Translation:
    """The game with the plan's terms and optimisers. Raises UserError for weights below 0 or all of them 0."""
    within(0, fidelity=plan.fidelity, matching=plan.matching, adversarial=plan.adversarial)
    within(0, 1, warm_up=plan.warm_up)
    if not plan.fidelity + plan.adversarial + plan.matching:
        raise UserError("fidelity, matching and the adversarial weight are all 0: the generator would learn nothing")
    game.fidelity = {"fidelity": closeness(plan.fidelity)} if plan.fidelity else {}
    game.matching, game.adversarial, game.warm_up = plan.matching, plan.adversarial, plan.warm_up
    rates = {"generator": plan.rate, "discriminator": plan.discriminator_rate}
    game.optimizer = lambda player, parameters: torch.optim.Adam(parameters, lr=rates[player], betas=plan.betas, fused=True)
    return game


def falling(rate: float) -> Schedule:
    """The rate for half of the run, then down to 0 in a straight line, as pix2pix has it."""
    return lambda progress: rate * min(1.0, 2 * (1 - progress))


def train(game: Translation, pairs: Pairs, facts: Mapping[str, Any], settings: Settings) -> Trainer[Pair]:
    """The trainer of a game on pairs, with its previews, in the run folder that the settings name."""
    if odd := [side for side in facts["window"] if side % facts["multiple"]]:
        raise UserError(f"trained on {facts['window'][0]}x{facts['window'][1]} pixels, and this network needs multiples of "
                        f"{facts['multiple']}, which {odd[0]} is not: give --size {_near(facts)}")  # fmt: skip
    _seen(game, facts)
    rates = {name: group[0]["lr"] for name, optimizer in game.optimizers().items() if (group := optimizer.param_groups)}
    return Trainer(
        game.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        pairs.train,
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=settings.samples / 50,
        schedules={f"{name}.lr": falling(rate) for name, rate in rates.items()},
        watchers=[every(max(settings.samples // 20, 1), previews(pairs.held_out, facts))],
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )


def _seen(game: Translation, facts: Mapping[str, Any]) -> None:
    """Raises UserError where the smallest scale is too small for the discriminator's halvings."""
    scales, layers = facts["shape"]["scales"], facts["shape"]["layers"]
    normed = any(isinstance(part, nn.InstanceNorm2d) for part in game.discriminator.modules())  # which needs several pixels
    least = ((3 if normed else 2) * 2**layers - 1) * 2 ** (scales - 1) + 1
    if (side := min(facts["window"])) < least:
        raise UserError(f"a side of {side} pixels is too small for {scales} scales of {layers} layers, which need {least}: "
                        "give a larger --size, or fewer --scales or --layers")  # fmt: skip


def _near(facts: Mapping[str, Any]) -> str:
    multiple = facts["multiple"]
    return "x".join(str(max(round(side / multiple), 1) * multiple) for side in facts["window"])


def previews(held_out: Pair, facts: Mapping[str, Any]) -> Watcher:
    """A watcher that writes samples/<seen>.png: source, result and target of the first eight held-out pairs."""
    shown = held_out.map(lambda each: each[:8])

    def preview(trainer: Trainer[Any], report: Report) -> None:
        if trainer.store is None:
            return
        with trainer.averaged() as average:
            made = average.sample(len(shown), given=shown.to(trainer.device))
        picture = sheet(shown, made, facts)
        trainer.store.write(f"samples/{report.seen:012d}.png", lambda file: picture.save(file, "PNG"))

    return preview
