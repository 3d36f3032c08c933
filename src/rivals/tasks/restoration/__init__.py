"""Restoration: super-resolution, denoising, deblurring, JPEG artefacts, colour, holes and old photos, learned from good
pictures that are damaged as they are drawn."""

from pathlib import Path

from rivals.core.device import Precision
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.settings import Settings
from rivals.games.translation import Pair
from rivals.tasks.restoration.damage import STRENGTHS, Damage, JobName
from rivals.tasks.restoration.data import load
from rivals.tasks.restoration.judging import draw, evaluate, held_out, illustrate, read
from rivals.tasks.restoration.training import Cut, NetworkName, Plan, Shape, game, train

__all__ = ["NEXT", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = (
    ("restore {run} photos/ -o out/", "restore a folder of pictures of any size"),
    ("restore {run} photo.jpg -o out/ --sharpness 0.5 --sheets", "half way between the stages, beside the source"),
    ("evaluate {run}", "judge it on the held-out pictures"),
)
WIDTHS = {"super-resolution": 32, "colour": 48}
BLOCKS = {"super-resolution": 6, "inpaint": 5, "colour": 1}


@trainable
def recipe(
    *,
    data: Path,
    job: JobName,
    held_out: Path | None = None,
    scale: int = 4,
    strength: float | None = None,
    crop: int | None = None,
    size: str | None = None,
    channels: int = 3,
    mirror: bool = True,
    allow_bad: bool = False,
    network: NetworkName = "light",
    width: int | None = None,
    blocks: int | None = None,
    judge: int = 24,
    rate: float = 1e-3,
    fine_rate: float = 2e-4,
    adversarial_share: float = 0.3,
    adversarial: float = 0.05,
    matching: float = 10.0,
    consistency: float = 10.0,
    features: Path | None = None,
    perceptual: float = 1.0,
    start: Path | None = None,
    samples: int = 60_000,
    batch: int = 16,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "restoration",
) -> Trainer[Pair]:
    """Restoration, from good pictures alone: sharper, larger, cleaner, coloured, whole; first faithful, then adversarial.

    Parameters
    ----------
    data
        Folder (any depth), .zip, .npz or .npy of good pictures, of any size.
    job
        What is learned: super-resolution, denoise, deblur, jpeg, colour, inpaint, old-photo.
    held_out
        Good pictures to judge with, in the same forms; by default a tenth of the data.
    scale
        Of super-resolution: how many times larger, 2, 3 or 4.
    strength
        denoise: deviation of the noise, of 255 (25). deblur: deviation of the blur in pixels (1.6). jpeg: quality (20).
        inpaint: side of the largest hole in pixels (12). old-photo: share of the wear's ranges (1).
    crop
        Side of the windows that are trained on, in pixels of the good pictures; by default 96, or what fits the smallest.
    size
        Pixels, as 64 or 112x92 (height x width), to which pictures are scaled first; by default as they are.
    channels
        3, or 1 for grey pictures.
    mirror
        Show windows mirrored left to right too.
    allow_bad
        Train although more than 5 % of the files cannot be read.
    network
        Of super-resolution: light (fast on a CPU) or rrdb (ESRGAN's, for GPUs).
    width
        Channels of the generator; by default by the job.
    blocks
        Residual blocks of the generator, at each resolution where it has several; by default by the job.
    judge
        Channels of the discriminator.
    rate
        Adam's learning rate in the faithful stage; it falls to a hundredth.
    fine_rate
        Adam's learning rate in the adversarial stage.
    adversarial_share
        Share of the run that is adversarial, at its end; 0 for none.
    adversarial
        Weight of the discriminator's score in the generator's loss.
    matching
        Weight of the discriminator's features, made against real: the perceptual loss that needs no file.
    consistency
        Of super-resolution: weight of the result made small again against the source, in the adversarial stage.
    features
        Weights of a trained ResNet (.safetensors, .pth) for a perceptual loss in the adversarial stage.
    perceptual
        Weight of that loss.
    start
        A run whose weights to start from, where they fit.
    """
    damage = Damage(job, scale if job == "super-resolution" else 1, STRENGTHS.get(job, 0.0) if strength is None else strength,
                    channels)  # fmt: skip
    damage.refuse()
    shape = Shape(
        network, WIDTHS.get(job, 24) if width is None else width, BLOCKS.get(job, 2) if blocks is None else blocks, judge
    )
    plan = Plan(rate, fine_rate, adversarial_share, adversarial, matching, consistency, perceptual, features, start)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    good = load(data, held_out, size=size, channels=channels, allow_bad=allow_bad)
    return train(good, damage, shape, plan, Cut(crop, mirror), settings)
