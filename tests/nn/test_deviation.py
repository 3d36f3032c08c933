"""How much a batch differs, as a channel."""

import pytest
import torch

from rivals.nn.deviation import MinibatchDeviation


@pytest.mark.parametrize(("n", "groups"), [(8, 2), (6, 2), (4, 1), (7, 2), (1, 1)])
def test_one_channel_more_and_one_number_a_group(n: int, groups: int) -> None:
    x = torch.randn(n, 3, 4, 5)
    y = MinibatchDeviation(4)(x)
    assert y.shape == (n, 4, 4, 5) and torch.equal(y[:, :3], x)
    assert len(y[:, 3].unique()) == groups
    assert torch.equal(y[:, 3], y[:, 3, :1, :1].expand(-1, 4, 5))


def test_equal_pictures_have_none_and_the_value_is_the_mean_deviation() -> None:
    layer, x = MinibatchDeviation(4), torch.randn(4, 3, 2, 2)
    assert layer(x[:1].expand(4, -1, -1, -1))[:, 3].max() < 1e-3
    assert torch.allclose(layer(x)[0, 3, 0, 0], x.std(0, unbiased=False).mean(), atol=1e-4)


def test_a_prime_batch_is_compared_too() -> None:
    x = torch.randn(17, 3, 2, 2)
    seen = MinibatchDeviation(16)(x)[:, 3, 0, 0]
    halves = (x[::2], x[1::2])
    assert torch.allclose(seen[:2], torch.stack([half.std(0, unbiased=False).mean() for half in halves]), atol=1e-4)
    assert torch.equal(seen, seen[torch.arange(17) % 2])


def test_in_evaluation_it_is_the_running_mean_for_any_batch() -> None:
    layer = MinibatchDeviation(4)
    for _ in range(600):
        layer(torch.randn(8, 3, 2, 2))
    layer.eval()
    x = torch.randn(2, 3, 2, 2)
    assert torch.allclose(layer(x)[0], layer(x[:1])[0])
    assert 0.6 < layer(x)[0, 3, 0, 0] < 0.9  # the mean deviation of four: about 0.69


def test_its_second_derivative_is_finite() -> None:
    x = torch.zeros(4, 2, 2, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(MinibatchDeviation()(x).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), x)
    assert slope.isfinite().all() and second.isfinite().all()
