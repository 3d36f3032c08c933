"""What every recipe without pairs does alike: the options it shares, its rates, its previews and its trainer."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL.Image import Image
from torch import nn
from torch.optim import Optimizer

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import Store
from rivals.core.trainer import Report, Trainer, Watcher
from rivals.core.types import Float, Tensor
from rivals.core.watch import every
from rivals.games.cycle import Domains
from rivals.games.settings import Settings
from rivals.media.pictures import grid, scale_of
from rivals.tasks.translation.sheets import rgb
from rivals.tasks.translation.training import falling
from rivals.tasks.translation.unpaired import Unpaired

OPTIONS = {
    "data": "Folder or .zip with a folder of pictures of each domain: trainA and trainB (testA, testB), or as you name them.",
    "source": "The folder of the sources in --data; without --data a folder, .zip, .npz or .npy of its own.",
    "target": "The folder of the targets in --data; without --data a folder, .zip, .npz or .npy of its own.",
    "size": "Pixels that pictures are scaled and cut to, as 64 or 48x64 (height x width); 64 where no crop is given.",
    "crop": "Train on windows of so many pixels of the pictures, scaled to --size where that is given.",
    "mirror": "Show half of the pictures mirrored left to right.",
    "allow_bad": "Train although more than 5 % of the files cannot be read.",
    "width": "Channels of the generator at full size; twice as many a halving down.",
    "halvings": "Halvings of the generator: its residual blocks see pictures 2^halvings times smaller.",
    "blocks": "Residual blocks of the generator.",
    "keep": "Begin with the source as the result and learn what to change; for domains of as many channels.",
    "layers": "Halvings in each discriminator: a score sees 34 pixels with 2, 70 with 3.",
    "discriminator_width": "Channels of a discriminator's first layer.",
    "bounded": "Discriminators with spectral norm, which see colours as they are; instance norm takes out those of the picture.",
    "rate": "Adam's learning rate; it falls to 0 in the second half of the run.",
    "micro": "Pictures in each backward pass, to save memory; all of the batch by default.",
}
"""The options that the recipes without pairs share, and what the command line's help says of them."""

NEXT = (
    ("translate {run} PHOTOS/ -o out/", "your own pictures, translated"),
    ("sample {run} -n 2 -o held-out/", "held-out sources and their results"),
    ("evaluate {run}", "judge it again"),
)
"""What to do with a finished run."""


def adam(rate: float) -> Callable[[str, list[nn.Parameter]], Optimizer]:
    """Adam as CycleGAN and CUT have it."""
    return lambda _, parameters: torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999))


def train(
    game: Game[Domains], unpaired: Unpaired, facts: Mapping[str, Any], settings: Settings, *, rate: float, back: bool
) -> Trainer[Domains]:
    """The trainer of a game of two domains, with its previews, in the run folder that the settings name.

    back: the previews show the way back too. Raises UserError for windows that are too small for the networks.
    """
    halvings, layers = facts["shape"]["halvings"], facts["shape"]["layers"]
    least = max(2 ** (halvings + 1), 3 * 2**layers)  # an instance norm needs two pixels a side where it is smallest
    if min(facts["window"]) < least:
        raise UserError(f"trained on {facts['window'][0]}x{facts['window'][1]} pixels, and {halvings} halvings with {layers} "
                        f"layers need {least}: give a larger --size or --crop, or fewer --halvings or --layers")  # fmt: skip
    return Trainer(
        game.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        unpaired.train,
        samples=settings.samples,
        batch=settings.batch,
        micro=settings.micro,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=settings.samples / 50,
        schedules={"lr": falling(rate)},
        watchers=[every(max(settings.samples // 20, 1), previews(unpaired.held_out[0], back=back))],
        facts={**facts, "multiple": 2 ** (halvings + 1)},
        store=Store(settings.out, name=settings.name),
    )


def sheet(game: Any, sources: Float[Tensor, "n c h w"], *, back: bool) -> Image:
    """Rows of sources, results, and what comes back of these where there is a way."""
    made = game.sample(len(sources), given=Domains.wanted(a=sources))
    rows = [sources, made, *([game.back(len(made), given=Domains.wanted(b=made))] if back else [])]
    return grid(torch.cat([rgb(each) for each in rows]), len(sources), scale=scale_of(*sources.shape[2:]))


def previews(held_out: Float[Tensor, "n c h w"], *, back: bool) -> Watcher:
    """A watcher that writes samples/<seen>.png: the `sheet` of the first ten held-out sources."""

    def preview(trainer: Trainer[Any], report: Report) -> None:
        if trainer.store is None:
            return
        with trainer.averaged() as average:
            picture = sheet(average, held_out[:10].to(trainer.device), back=back)
        trainer.store.write(f"samples/{report.seen:012d}.png", lambda file: picture.save(file, "PNG"))

    return preview
