"""Platt's calibration against a case with a known answer."""

import torch

from rivals.metrics import calibrate


def test_logits_that_are_right_already_stay() -> None:
    # Two unit Gaussians at +1 and -1: log p(real|s) / p(fake|s) = 2 s exactly.
    noise = torch.Generator().manual_seed(0)
    real, fake = torch.randn(20_000, generator=noise) + 1, torch.randn(10_000, generator=noise) - 1
    found = calibrate(real, fake)
    assert abs(found.slope - 2) < 0.1 and abs(found.bias) < 0.05
    chance = found.probability(torch.tensor([-10.0, 0.0, 10.0]))
    assert chance[0] < 0.01 and abs(chance[1] - 0.5) < 0.02 and chance[2] > 0.99


def test_a_shift_and_a_scale_of_the_scores_change_nothing() -> None:
    noise = torch.Generator().manual_seed(1)
    real, fake = torch.randn(500, generator=noise) + 1, torch.randn(500, generator=noise)
    plain, moved = calibrate(real, fake), calibrate(100 * real - 7, 100 * fake - 7)
    assert torch.allclose(plain.probability(real), moved.probability(100 * real - 7), atol=1e-3)


def test_probabilities_are_calibrated_on_fresh_scores() -> None:
    noise = torch.Generator().manual_seed(2)
    draw = lambda n, at: torch.randn(n, generator=noise) * 2 + at  # noqa: E731
    found = calibrate(draw(2000, 1.0), draw(2000, 0.0))
    real, fake = found.probability(draw(50_000, 1.0)), found.probability(draw(50_000, 0.0))
    for low in torch.arange(0.2, 0.8, 0.1):
        inside = [((p >= low) & (p < low + 0.1)).sum().item() for p in (real, fake)]
        if sum(inside) > 1000:
            assert abs(inside[0] / sum(inside) - (low + 0.05)) < 0.05


def test_perfect_separation_and_equal_scores_stay_finite() -> None:
    apart = calibrate(torch.ones(10), -torch.ones(10))
    assert apart.slope > 0 and torch.isfinite(apart.probability(torch.ones(1))).all()
    same = calibrate(torch.zeros(10), torch.zeros(10))
    assert abs(same.probability(torch.zeros(1)).item() - 0.5) < 0.01
