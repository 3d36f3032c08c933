"""Layers whose weights are scaled as they are used."""

import torch

from rivals.nn.equalized import Conv, Linear, act


def test_variance_is_kept() -> None:
    x = torch.randn(4000, 64)
    assert 0.8 < Linear(64, 32)(x).var() < 1.2
    maps = Conv(8, 16, 3)(torch.randn(64, 8, 12, 12))
    assert maps.shape == (64, 16, 12, 12) and 0.8 < maps[:, :, 1:-1, 1:-1].var() < 1.2
    assert 0.85 < act(x).square().mean() < 1.15


def test_rate_changes_the_speed_and_not_the_start() -> None:
    x = torch.randn(16, 8)
    moved = []
    for rate in (1.0, 0.01):
        torch.manual_seed(0)
        layer = Linear(8, 4, bias=1.0, rate=rate)
        before = layer(x).detach()
        assert torch.allclose(before.mean(), torch.tensor(1.0), atol=1.0)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
        layer(x).square().mean().backward()
        optimizer.step()
        moved.append((before, (layer(x) - before).abs().mean()))
    assert torch.allclose(moved[0][0], moved[1][0], atol=1e-5)
    assert torch.allclose(moved[1][1], 0.01 * moved[0][1], rtol=1e-2)
