"""What is measured of restored pictures, by job: a figure of each picture, or its histogram of colours."""

from collections.abc import Callable

import torch

from rivals.core.types import Tensor
from rivals.games.translation import Pair
from rivals.media.gallery import values
from rivals.metrics.colours import ab_error, ab_histogram, chroma, divergence
from rivals.metrics.fidelity import psnr, rounded, ssim, steepness
from rivals.nn.lab import CHROMA, to_lab
from rivals.tasks.restoration.damage import Damage, JobName, pixels_of_values, smaller

USUAL = ("psnr", "psnr-y", "ssim-y", "sharpness")
MEASURES: dict[JobName, tuple[str, ...]] = {
    "super-resolution": (*USUAL, "consistency"),
    "denoise": USUAL,
    "deblur": USUAL,
    "jpeg": USUAL,
    "old-photo": USUAL,
    "inpaint": ("psnr-hole", "sharpness-hole", "psnr"),
    "colour": ("ab-error", "chroma", "ab-divergence", "lightness"),
}
"""The cards of each job; the first one ranks the pictures of a sheet."""


def measured(made: Tensor, pair: Pair, damage: Damage) -> dict[str, Tensor]:
    """A row of each picture for each measure; made: results as the network gives them."""
    if damage.job == "colour":
        return _colours(made, pair, damage)
    x, y = rounded(made), rounded(pair.target)
    if damage.job == "inpaint":
        hole = (pair.source[:, -1:] > 0).float()
        steep = torch.stack([steepness(each, where=hole) for each in (x, y)], 1)
        return {"psnr-hole": psnr(x, y, where=hole), "sharpness-hole": steep, "psnr": psnr(x, y)}
    border = damage.scale if damage.scale > 1 else 0
    found = {
        "psnr": psnr(x, y, border=border),
        "psnr-y": psnr(x, y, border=border, on_luma=True),
        "ssim-y": ssim(x, y, border=border),
        "sharpness": torch.stack([steepness(each, border=border) for each in (x, y)], 1),
    }
    if damage.scale > 1:
        small = [smaller(each, damage.scale) for each in pixels_of_values(x)]
        found["consistency"] = psnr(values(small), pair.source)
    return found


def _colours(made: Tensor, pair: Pair, damage: Damage) -> dict[str, Tensor]:
    """As a file holds them: turned into levels of sRGB and back."""
    x, y = (to_lab(rounded(damage.shown(each))) for each in (made, pair.target))
    ab, real = CHROMA * x[:, 1:], CHROMA * y[:, 1:]
    both = [torch.stack([ab_histogram(a[None]), ab_histogram(r[None])]) for a, r in zip(ab, real, strict=True)]
    off = 50 * (x[:, :1] - pair.source).abs().flatten(1).mean(1)
    return {"ab-error": ab_error(ab, real), "chroma": torch.stack([chroma(ab), chroma(real)], 1),
            "ab-divergence": torch.stack(both), "lightness": off}  # fmt: skip


def summed(name: str, rows: Tensor) -> float:
    """The figure of all pictures: the mean, or the divergence of all histograms together."""
    if name == "ab-divergence":
        made, real = rows.mean(0)
        return divergence(made, real)
    if name.startswith("sharpness"):
        return float(rows[:, 0].mean() / rows[:, 1].mean().clamp(min=1e-6))
    return float(rows[:, 0].mean() if name == "chroma" else rows.mean())


BOUNDS: dict[str, Callable[[Tensor], float]] = {
    "chroma": lambda rows: float(rows[:, 1].mean()),
    "sharpness": lambda rows: 1.0,
    "sharpness-hole": lambda rows: 1.0,
}
"""What the good pictures themselves have."""
