"""Outlines of a photo, as dark lines on white: a difference of Gaussians, thresholded (XDoG, Winnemoeller et al. 2012,
"XDoG: An eXtended difference-of-Gaussians compendium").

line = (1 + p) g_s - p g_ks of the luma in [0, 1]; 1 where line > e, else 1 + tanh(f (line - e)).
"""

import numpy as np
from PIL import Image, ImageFilter

SIGMA, WIDER, SHARP, LEVEL, STEEP = 0.8, 1.6, 12.0, 0.55, 8.0


def outlines(pixels: np.ndarray) -> np.ndarray:
    """Pixels (h, w, 1 or 3) uint8 -> (h, w, 1) uint8, 255 where there is no line."""
    luma = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("L")
    narrow, wide = (np.asarray(_blurred(luma, sigma)) / 255 for sigma in (SIGMA, WIDER * SIGMA))
    line = (1 + SHARP) * narrow - SHARP * wide
    light = np.where(line > LEVEL * narrow, 1.0, 1 + np.tanh(STEEP * (line - LEVEL * narrow)))
    return np.rint(255 * light.clip(0, 1)).astype(np.uint8)[..., None]


def _blurred(image: Image.Image, sigma: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(sigma))
