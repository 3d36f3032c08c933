"""The sines of the TimeGAN experiments (Yoon et al. 2019): 24 steps of 5 channels, no file needed.

x_c(t) = (sin(f_c t + p_c) + 1) / 2, t = 0 ... 23, with f_c and p_c uniform on [0, 0.1], drawn anew for each series and channel.
"""

import numpy as np

STEPS, CHANNELS, COUNT = 24, 5, 12_500


def sines(count: int = COUNT, *, seed: int = 0) -> np.ndarray:
    """(count, 24, 5) values in [0, 1]."""
    draw = np.random.default_rng(seed)
    frequency, phase = draw.uniform(0, 0.1, (2, count, 1, CHANNELS))
    made: np.ndarray = (np.sin(frequency * np.arange(STEPS)[None, :, None] + phase) + 1) / 2
    return made
