"""Blocks of the patch discriminators."""

import pytest
import torch

from rivals.nn.halving import Halving, Same, bounded


@pytest.mark.parametrize("size", [(8, 6), (7, 5), (1, 2), (1, 1)])
def test_halves_are_rounded_up(size: tuple[int, int]) -> None:
    x = torch.randn(4, 3, *size)
    assert Halving(3, 5)(x).shape == (4, 5, (size[0] + 1) // 2, (size[1] + 1) // 2)
    assert Same(3, 5)(x).shape == Same(3, 5, 1)(x).shape == (4, 5, *size)


def test_weights_are_held_to_norm_one() -> None:
    conv = bounded(6, 4, 3)
    for _ in range(50):
        conv(torch.randn(1, 6, 4, 4))
    assert torch.allclose(torch.linalg.matrix_norm(conv.weight.flatten(1), 2), torch.tensor(1.0), atol=1e-3)
