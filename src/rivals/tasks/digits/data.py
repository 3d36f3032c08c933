"""The 1,797 real 8x8 handwritten digits that ship inside scikit-learn (UCI, Alpaydin and Kaynak 1998, CC BY 4.0)."""

import hashlib
from typing import NamedTuple

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.games.gan import Sample


class Digits(NamedTuple):
    """Both splits: data (n, 1, 8, 8) in [-1, 1], condition (n,) the digit. digest: SHA-256 of the pictures and labels."""

    train: Sample
    test: Sample
    digest: str


def load() -> Digits:
    """The digits, two thirds of each class to train on (1,195), one third held out (602), split by a fixed seed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError("the digits come with scikit-learn, which is not installed: pip install 'rivals[digits]'") from None
    pixels, labels = load_digits(return_X_y=True)
    digest = hashlib.sha256(pixels.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    held_out = np.zeros(len(labels), dtype=bool)
    order = np.random.default_rng(0).permutation(len(labels))
    for digit in range(10):
        held_out[order[labels[order] == digit][::3]] = True
    data = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    condition = torch.tensor(labels, dtype=torch.long)
    train, test = (Sample(data[torch.tensor(rows)], condition[torch.tensor(rows)]) for rows in (~held_out, held_out))
    return Digits(train, test, digest)
