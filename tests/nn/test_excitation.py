"""Skip-layer excitation."""

import pytest
import torch

from rivals.nn.excitation import SkipExcitation


@pytest.mark.parametrize("size", [(4, 4), (4, 3), (1, 1), (9, 14)])
def test_it_weighs_channels_at_another_resolution(size: tuple[int, int]) -> None:
    layer = SkipExcitation(6, 3)
    low, high = torch.randn(2, 6, *size), torch.randn(2, 3, 28, 23)
    gate = layer(low, high) / high
    assert gate.shape == high.shape
    assert torch.allclose(gate, gate[:, :, :1, :1].expand_as(gate), atol=1e-4), "one weight a channel"
    assert gate.min() > 0 and gate.max() < 1
    assert not torch.allclose(gate[0], gate[1], atol=1e-4), "that x_low decides"


def test_open_gates_are_the_identity_and_closed_ones_nothing() -> None:
    layer, low, high = SkipExcitation(6, 3), torch.randn(2, 6, 4, 4), torch.randn(2, 3, 8, 8)
    for bias, factor in ((50.0, 1.0), (-50.0, 0.0)):
        torch.nn.init.constant_(layer.weigh.bias, bias)
        assert torch.allclose(layer(low, high), factor * high, atol=1e-6)
