"""Small paired data, made by the tests: label maps of three classes, and photos in which each class has its colour and noise."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]])


def pair(seed: int, height: int = 16, width: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers (h, w) and the photo (h, w, 3), uint8."""
    draw = np.random.default_rng(seed)
    numbers = np.kron(draw.integers(0, 3, (-(-height // 4), -(-width // 4))), np.ones((4, 4)))[:height, :width].astype(np.uint8)
    photo = COLOURS[numbers] + draw.normal(0, 12, (height, width, 1))
    return numbers, photo.clip(0, 255).astype(np.uint8)


def folders(root: Path, count: int = 12, *, height: int = 16, width: int = 16) -> Path:
    """root/label/*.png and root/image/*.png."""
    for side in ("label", "image"):
        (root / side).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        numbers, photo = pair(seed, height, width)
        Image.fromarray(numbers).save(root / "label" / f"{seed:02d}.png")
        Image.fromarray(photo).save(root / "image" / f"{seed:02d}.png")
    return root


def side_by_side(root: Path, count: int = 12) -> Path:
    """root/train/*.png and root/val/*.png, the map in its colours at the left, the photo at the right."""
    for seed in range(count):
        numbers, photo = pair(seed)
        place = root / ("val" if seed % 4 == 0 else "train")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.hstack([COLOURS[numbers].astype(np.uint8), photo])).save(place / f"{seed}.png")
    return root
