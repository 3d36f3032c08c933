"""Aged: the random wear of a real photo: blur, resizing, noise and JPEG, twice, after Real-ESRGAN (Wang et al. 2021,
arXiv:2107.10833), and what paper adds: fading to sepia or grey, scratches and dust.

Ranges are that paper's. Its first blur is one of six kinds (isotropic and anisotropic Gaussian, generalised Gaussian,
plateau) or a sinc, whose ringing is that of over-sharpened pictures.
"""

import io

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import conv2d, pad

KINDS = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)  # even, skewed, and each as generalised Gaussian and as plateau
REACH = 10  # pixels on each side of a kernel
FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)


def aged(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """A picture (h, w, c) uint8 as an old print of it might look, of the same size. strength: share of the ranges."""
    x = pixels.astype(np.float32)
    if pixels.shape[2] == 3:
        x = _faded(x, strength, random)
    x = _scratched(x, strength, random)
    height, width = pixels.shape[:2]
    x = _blurred(x, _kernel(random, 0.1, 3.0 * strength))
    x = _resized(x, random, (0.2, 0.7, 0.1), (1 - 0.85 * min(strength, 1.0), 1.5))
    x = _grainy(x, random, 30 * strength, 3.0 * strength)
    x = _compressed(x, random)
    if random.random() < 0.8:
        x = _blurred(x, _kernel(random, 0.1, 1.5 * strength))
    x = _resized(x, random, (0.3, 0.4, 0.3), (1 - 0.7 * min(strength, 1.0), 1.2))
    x = _grainy(x, random, 25 * strength, 2.5 * strength)
    if random.random() < 0.5:  # the last JPEG comes before or after the last sinc and resizing
        x = _compressed(_size(x, height, width, random), random)
        x = _blurred(x, _sinc(random)) if random.random() < 0.8 else x
    else:
        x = _size(x, height, width, random)
        x = _compressed(_blurred(x, _sinc(random)) if random.random() < 0.8 else x, random)
    return np.rint(x.clip(0, 255)).astype(np.uint8)


def _faded(x: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Half of the prints lose colour, to grey or to sepia; a third lose contrast. The good picture keeps its own."""
    if random.random() < 0.5:
        grey = x @ np.array([[0.299], [0.587], [0.114]], np.float32)
        print_ = np.repeat(grey, 3, 2) if random.random() < 0.5 else (x @ SEPIA.T).clip(0, 255)
        x = x + (print_ - x) * np.float32(min(random.uniform(0.3, 0.8) * strength, 1.0))
    if random.random() < 1 / 3:
        x = 128 + (x - 128) * np.float32(1 - random.uniform(0.1, 0.4) * min(strength, 2.0)) + np.float32(random.uniform(-20, 20))
    return x


def _scratched(x: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """A third of the prints have thin light or dark lines and specks."""
    if random.random() > 1 / 3:
        return x
    height, width = x.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x = x.copy()
    for _ in range(random.integers(1, 2 + round(3 * strength))):
        light = np.float32(random.choice([240, 20]) + random.normal(0, 10))
        at, angle = random.uniform(0, [height, width]), random.uniform(0, np.pi)
        away = abs((rows - at[0]) * np.cos(angle) - (columns - at[1]) * np.sin(angle) + random.normal(0, 0.3, x.shape[:2]))
        along = abs((rows - at[0]) * np.sin(angle) + (columns - at[1]) * np.cos(angle))
        hit = (away < random.uniform(0.4, 1.2)) & (along < random.uniform(2, max(height, width)))
        x[hit] += (light - x[hit]) * np.float32(random.uniform(0.5, 1.0))
    return x


def _kernel(random: np.random.Generator, least: float, most: float) -> np.ndarray:
    """A blur kernel of the first kind, 21x21, of sum 1; with probability 0.1 a sinc."""
    if random.random() < 0.1:
        return _sinc(random)
    kind = random.choice(6, p=KINDS)
    first = random.uniform(least, max(most, 2 * least))
    second, turn = (random.uniform(least, max(most, 2 * least)), random.uniform(0, np.pi)) if kind % 2 else (first, 0.0)
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.float32)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distance = (u / first) ** 2 + (v / second) ** 2
    shape = random.uniform(0.5, 4.0) if 2 <= kind < 4 else random.uniform(1.0, 2.0) if kind >= 4 else 1.0
    kernel = 1 / (1 + distance**shape) if kind >= 4 else np.exp(-0.5 * distance**shape)
    return kernel / kernel.sum()


def _sinc(random: np.random.Generator) -> np.ndarray:
    """The ideal low-pass of a random frequency, as a disc: w J1(w r) / (2 pi r), J1 by its integral, of sum 1."""
    cut, half = random.uniform(np.pi / 3, np.pi), random.integers(3, REACH + 1)
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.float64)
    r = np.hypot(x, y)
    turns = np.linspace(0, np.pi, 64)
    bessel = np.cos(turns - (cut * r)[..., None] * np.sin(turns)).mean(-1)
    kernel = np.where(r > 0, cut * bessel / (2 * np.pi * np.maximum(r, 1e-9)), cut**2 / (4 * np.pi))
    kernel *= np.maximum(abs(x), abs(y)) <= half
    return (kernel / kernel.sum()).astype(np.float32)


def _blurred(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    planes = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[:, None]
    reach = [min(REACH, side - 1) for side in x.shape[:2]]
    planes = pad(planes, (reach[1], reach[1], reach[0], reach[0]), mode="reflect")
    rest = [REACH - each for each in reach]
    planes = pad(planes, (rest[1], rest[1], rest[0], rest[0]), mode="replicate")
    return conv2d(planes, torch.from_numpy(kernel.astype(np.float32))[None, None])[:, 0].numpy().transpose(1, 2, 0)


def _resized(x: np.ndarray, random: np.random.Generator, chances: tuple[float, ...], factors: tuple[float, float]) -> np.ndarray:
    """Enlarged, shrunk or kept, with those chances."""
    how = random.choice(3, p=chances)
    factor = (random.uniform(1, factors[1]), random.uniform(factors[0], 1), 1.0)[how]
    return _size(x, max(round(x.shape[0] * factor), 4), max(round(x.shape[1] * factor), 4), random)


def _size(x: np.ndarray, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    by = FILTERS[random.integers(3)]
    planes = [Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), by) for plane in x.transpose(2, 0, 1)]
    return np.stack([np.asarray(plane) for plane in planes], 2)


def _grainy(x: np.ndarray, random: np.random.Generator, sigma: float, scale: float) -> np.ndarray:
    """Gaussian or Poisson noise, each half of the time; with probability 0.4 the same in all channels."""
    shape = (*x.shape[:2], 1) if random.random() < 0.4 else x.shape
    if random.random() < 0.5:
        noise = random.standard_normal(shape) * random.uniform(min(1.0, sigma), max(sigma, 1.0))
    else:
        level = x.clip(0, 255) if shape == x.shape else x.clip(0, 255).mean(2, keepdims=True)
        noise = (random.poisson(level) - level) * random.uniform(0.05, max(scale, 0.06))
    return (x + noise).astype(np.float32)


def _compressed(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    pixels, kept = np.rint(x.clip(0, 255)).astype(np.uint8), io.BytesIO()
    image = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0])
    image.save(kept, "JPEG", quality=int(random.integers(30, 96)))
    with Image.open(kept, formats=("JPEG",)) as read:
        found = np.asarray(read, np.float32)
    return found if found.ndim == 3 else found[..., None]
