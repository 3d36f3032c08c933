"""Error, strength and spread of colours, by hand."""

import math

import pytest
import torch

from rivals.metrics.colours import ab_error, ab_histogram, chroma, divergence


def test_error_and_chroma() -> None:
    grey, real = torch.zeros(1, 2, 3, 3), torch.tensor([3.0, -4.0])[None, :, None, None].expand(1, 2, 3, 3)
    assert ab_error(grey, real).item() == 3.5 and chroma(real).item() == pytest.approx(5) and chroma(grey).item() == 0


def test_histograms_of_equal_and_of_foreign_colours() -> None:
    one, other = torch.full((1, 2, 4, 4), 20.0), torch.full((1, 2, 4, 4), -20.0)
    p, q = ab_histogram(one), ab_histogram(other)
    assert p.sum().item() == pytest.approx(1) and p.max().item() == 1
    assert divergence(p, p) == pytest.approx(0) and divergence(p, q) == pytest.approx(1)
    both = ab_histogram(torch.cat([one, other]))
    half = 0.5 * math.log2(1 / 0.75) + 0.5 * (0.5 * math.log2(0.5 / 0.75) + 0.5 * math.log2(0.5 / 0.25))
    assert divergence(p, both) == pytest.approx(half) == pytest.approx(divergence(both, p))


def test_colours_out_of_reach_count_as_the_outermost() -> None:
    assert ab_histogram(torch.full((1, 2, 2, 2), 500.0))[-1, -1].item() == 1
