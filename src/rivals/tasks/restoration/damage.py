"""Damage: good pictures -> the damaged ones that a run learns to restore; a function of the picture, the job and a seed."""

import io
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.games.translation import Pair
from rivals.media.gallery import values
from rivals.nn.lab import to_lab, to_rgb
from rivals.tasks.restoration.aged import aged

JobName = Literal["super-resolution", "denoise", "deblur", "jpeg", "colour", "inpaint", "old-photo"]
JOBS: tuple[JobName, ...] = get_args(JobName)
STRENGTHS = {"denoise": 25.0, "deblur": 1.6, "jpeg": 20.0, "inpaint": 12.0, "old-photo": 1.0}
"""By default: deviation of the noise (of 255); deviation of the blur, in pixels; JPEG quality; side of the largest hole, in
pixels; share of Real-ESRGAN's ranges."""
GRAIN = 2.0  # deviation of the noise after a blur, of 255: without it a blur could be undone almost exactly


class Damage(NamedTuple):
    """What is done to good pictures. scale: of super-resolution, 1 else. strength: as in STRENGTHS, 0 where a job has none."""

    job: JobName
    scale: int = 1
    strength: float = 0.0
    channels: int = 3

    @property
    def sources(self) -> int:
        """Channels of the source: L alone, or the picture and where its hole is."""
        return {"colour": 1, "inpaint": self.channels + 1}.get(self.job, self.channels)

    def pair(self, pixels: Sequence[np.ndarray], seeds: Sequence[int], *, centred: bool = False) -> Pair:
        """Good pictures (h, w, c) uint8 of one size, and what the seeds make of them, in [-1, 1].

        The target of `colour` is Lab; `shown` turns it back. centred: the hole is one square in the middle.
        """
        target = values(pixels)
        if self.job == "colour":
            lab = to_lab(target)
            return Pair(lab, lab[:, :1])
        if self.job == "inpaint":
            holes = [self.hole(each.shape[:2], seed, centred) for each, seed in zip(pixels, seeds, strict=True)]
            return Pair(target, covered(target, torch.from_numpy(np.stack(holes))))
        return Pair(target, values([self.spoiled(each, seed) for each, seed in zip(pixels, seeds, strict=True)]))

    def spoiled(self, pixels: np.ndarray, seed: int) -> np.ndarray:
        """One picture (h, w, c) uint8, damaged."""
        random = np.random.default_rng(seed)
        if self.job == "super-resolution":
            return smaller(pixels, self.scale)
        if self.job == "denoise":
            return noisy(pixels, self.strength, random)
        if self.job == "deblur":
            return noisy(blurred(pixels, self.strength), GRAIN, random)
        if self.job == "jpeg":
            return compressed(pixels, round(self.strength))
        return aged(pixels, self.strength, random)

    def hole(self, size: tuple[int, ...], seed: int, centred: bool) -> np.ndarray:
        """1 where a picture is missing (1, h, w) float32: a square or a rectangle, or strokes of a brush."""
        height, width = size
        side, random = min(max(round(self.strength), 1), height, width), np.random.default_rng(seed)
        hole = np.zeros((1, height, width), np.float32)
        kind = 0.0 if centred else random.random()
        if kind < 0.75:
            tall, wide = (side, side) if kind < 0.5 else random.integers(max(side // 3, 1), side + 1, 2)
            top, left = ((height - tall) // 2, (width - wide) // 2) if centred else (
                random.integers(0, height - tall + 1), random.integers(0, width - wide + 1))  # fmt: skip
            hole[:, top : top + tall, left : left + wide] = 1
            return hole
        y, x = np.mgrid[:height, :width]
        at, thick = random.uniform(0, [height, width]), random.uniform(0.5, max(side / 8, 1))
        for _ in range(random.integers(2, 5)):
            to = np.clip(at + random.normal(0, side, 2), 0, [height - 1, width - 1])
            along = ((y - at[0]) * (to[0] - at[0]) + (x - at[1]) * (to[1] - at[1])) / max(((to - at) ** 2).sum(), 1e-6)
            near = at[:, None, None] + along.clip(0, 1) * (to - at)[:, None, None]
            hole[0][np.hypot(y - near[0], x - near[1]) <= thick] = 1
            at = to
        return hole

    def shown(self, made: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Targets or results as pictures in [-1, 1]."""
        return to_rgb(made) if self.job == "colour" else made

    def refuse(self) -> None:
        """Raises UserError for settings that mean nothing."""
        top = {"denoise": 255, "deblur": 20, "jpeg": 95, "inpaint": 4096, "old-photo": 2}.get(self.job)
        if self.job == "super-resolution" and self.scale not in (2, 3, 4):
            raise UserError(f"scale is {self.scale}: give 2, 3 or 4")
        if top is not None and not 0 < self.strength <= top:
            raise UserError(f"strength is {self.strength}: for {self.job} give a number above 0, at most {top}")
        if self.job == "colour" and self.channels != 3:
            raise UserError("colour is made for pictures that have some: leave out --channels")


def covered(target: Float[Tensor, "n c h w"], hole: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n k h w"]:
    """Pictures with 0, the middle of [-1, 1], in the hole, and the hole itself as the last channel, 1 inside and -1 outside."""
    return torch.cat([target * (1 - hole), 2 * hole - 1], 1)


def image_of(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]))


def pixels_of(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def pixels_of_values(pictures: Float[Tensor, "n c h w"]) -> list[np.ndarray]:
    """Values in [-1, 1] as pixels (h, w, c) uint8."""
    return list(((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy())


def smaller(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Pillow's bicubic (a = -0.5), which widens its kernel where it shrinks, as MATLAB's imresize does."""
    height, width = pixels.shape[:2]
    return pixels_of(image_of(pixels).resize((width // scale, height // scale), Image.Resampling.BICUBIC))


def larger(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Pillow's bicubic enlargement, what a restored picture has to beat."""
    height, width = pixels.shape[:2]
    return pixels_of(image_of(pixels).resize((width * scale, height * scale), Image.Resampling.BICUBIC))


def noisy(pixels: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    """With Gaussian noise of deviation `sigma` (of 255), rounded and cut to what a file can hold."""
    grain = random.standard_normal(pixels.shape, np.float32) * np.float32(sigma)
    return np.rint((pixels + grain).clip(0, 255)).astype(np.uint8)


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of deviation `sigma` pixels, edges repeated."""
    reach = max(int(np.ceil(3 * sigma)), 1)
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).astype(np.float32)
    found = np.pad(pixels.astype(np.float32), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    for axis in (0, 1):
        found = np.apply_along_axis(np.convolve, axis, found, line / line.sum(), mode="valid")
    return np.rint(found).astype(np.uint8)


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Written as a JPEG of that quality, colours halved as usual, and read again."""
    kept = io.BytesIO()
    image_of(pixels).save(kept, "JPEG", quality=quality)
    with Image.open(kept, formats=("JPEG",)) as image:
        return pixels_of(image)
