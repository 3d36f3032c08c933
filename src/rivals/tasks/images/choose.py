"""choose: the settings of `rivals train images`, by stated rules, from the pictures and the machine.

R3GAN's own presets are the base (arXiv:2501.05441 and its released settings): gamma grows with the number of pixels, and
a small set needs augmentation (Karras et al. 2020, arXiv:2006.06676). On a CPU DCGAN's networks play the game (docs/adr/0011).
"""

import math
from collections import Counter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rivals.media.checking import headers
from rivals.media.collection.pack import card_of
from rivals.media.opening import is_pack, open_source
from rivals.nn.augment import AugmentName
from rivals.nn.format import Format
from rivals.tasks.images.r3gan import Plain, Plan, Shape


class Choice(NamedTuple):
    """What was chosen, and a line of reason for each setting."""

    plan: Plan
    batch: int
    samples: int
    reasons: dict[str, str]


def choose(form: Format, count: int, *, gpu: bool, augment: AugmentName | None = None, strength: float | None = None) -> Choice:
    """Settings for `count` training pictures of a Format; augment, strength: where they are settled. Raises nothing: any set of
    two or more pictures has some.
    """
    width = (128 if form.small else 96) if gpu else (32 if form.small else 24)
    settled, augment = augment, augment or augmentation_of(count, gpu=gpu)
    strength = strength_of(augment, count, small=form.small) if strength is None else strength
    shape = Shape(width, 768, 2, 1, 2, 16) if gpu else Plain.of(form, width, 256, augment)
    gamma = gamma_of(form, gpu=gpu)
    every, rate, batch, samples = (
        (1, 2e-4, 256, 20_000_000) if gpu else (4, 1.5e-3, 16, 800_000) if form.small else (4, 1e-3, 16, 400_000)
    )
    batch = min(batch, max(count, 2))
    where = "a GPU" if gpu else "a CPU"
    networks = f"its residual networks, {width} channels" if gpu else f"DCGAN's networks, {width} channels at half size"
    reasons = {
        "network": f"R3GAN's game, {networks}, {shape.widest} at most: fit for {where}",
        "gamma": f"{gamma:g} for {form.height}x{form.width} pixels, falling to a tenth",
        "penalty_every": "1: penalties in every move" if every == 1 else f"{every}: a CPU has no time for more",
        "rate": f"{rate:g}, falling to a quarter",
        "batch": f"{batch}" + (" (all training pictures)" if batch == count else f": on {where}, {_why(gpu)}"),
        "augment": augment
        + (f", strength {strength:g}" if augment != "none" else "")
        + (", as you said" if settled else f": {count:,} training pictures"),
        "samples": f"{samples:,} on {where}",
    }
    plan = Plan(shape, 64, gamma, every, rate, augment, strength)
    return Choice(plan, batch, samples, reasons)


def _why(gpu: bool) -> str:
    return "many at once" if gpu else "small and many steps"


def gamma_of(form: Format, *, gpu: bool) -> float:
    """On a GPU 0.5 at 32x32 and in proportion to the pixels, as R3GAN's presets for unconditional and 64-pixel sets lie about;
    on a CPU, whose batches are small and rates high, a tenth of the side: 3 was the best of 0.3, 1 and 3 at 28x28 (docs/log.md).
    """
    pixels = form.height * form.width
    return round(0.5 * pixels / 1024 if gpu else 0.1 * math.sqrt(pixels), 3)


def augmentation_of(count: int, *, gpu: bool) -> AugmentName:
    """none from 20,000 pictures on, where a discriminator is slow to know them all.

    Below, ADA, whose turned and stretched pictures take long to learn, on a GPU; DiffAugment for the short runs of a CPU, where
    ADA of strength 0.6 taught the generator its tilts (docs/log.md).
    """
    return "none" if count >= 20_000 else "ada" if gpu else "diff"


def strength_of(augment: AugmentName, count: int, *, small: bool) -> float:
    """More for fewer than 5,000 pictures; ada-adaptive finds its own from 0 on. small: at most 32 pixels, of which DiffAugment's
    cut of half the size leaves too little: at strength 1 the classes of 2,700 clothes collapsed (docs/log.md).
    """
    few = count < 5_000
    if augment in ("none", "ada-adaptive"):
        return 0.0
    return (1.0 if few and not small else 0.5) if augment == "diff" else (0.6 if few else 0.3)


def size_of(data: Path, size: str | None, *, most: int) -> tuple[str | None, str]:
    """The size to train at, as `load` takes it (None: as the pictures are), and the reason.

    Pictures of one size that is at most `most` pixels stay as they are; else the middle one of the pictures' shapes, of `most`
    pixels on its longer side, or fewer where that would enlarge most of them. All pictures' headers are read.
    """
    if size:
        return size, f"{size}, as you said"
    if is_pack(data):
        return None, "{}x{} pixels, as they are packed".format(*card_of(data)["size"])
    sizes = Counter((told.height, told.width) for told in headers(open_source(data)))
    if len(sizes) == 1 and max(next(iter(sizes))) <= most:
        return None, "{}x{} pixels, as they are".format(*next(iter(sizes)))
    if not sizes:
        return None, "none could be read"
    shape = median(math.log(h / w) for h, w in sizes.elements())
    unit = min(math.exp(shape), 1.0), min(math.exp(-shape), 1.0)  # the middle shape, its longer side 1
    side = min(most, max(int(median(min(h / unit[0], w / unit[1]) for h, w in sizes.elements()) + 1e-6), 1))
    high, wide = (max(round(side * each), 1) for each in unit)
    shapes = "one size" if len(sizes) == 1 else f"{len(sizes)} sizes"
    return f"{high}x{wide}", f"{high}x{wide}: the pictures ({shapes}) scaled to {side} pixels and cut to their middle shape"
