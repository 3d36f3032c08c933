"""Spectral norm against the singular value decomposition, its state, and batch norm with and without a condition."""

import pytest
import torch
from torch import nn

from rivals.core.game import evaluating
from rivals.nn.condition import Embed
from rivals.nn.format import Format
from rivals.nn.normalise import BatchNorm, Spectral, change, orthogonal, spectral


def largest(weight: torch.Tensor) -> float:
    return torch.linalg.matrix_norm(weight.detach().flatten(1), 2).item()


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), nn.Conv2d(3, 6, 3), nn.Embedding(4, 9)], ids=["linear", "conv", "embed"])
def test_spectral_norm_makes_the_largest_singular_value_one(layer: nn.Module) -> None:
    raw = layer.weight.detach().clone()
    bounded = spectral(layer)
    for _ in range(200):
        bounded.weight  # noqa: B018 (each reading is a step of the power method)
    assert largest(bounded.weight) == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(bounded.weight, raw / largest(raw), rtol=1e-4, atol=1e-6)
    assert abs(largest(raw) - 1) > 0.01  # without it, not


def test_the_gradient_is_that_of_the_weight_over_its_norm() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    to = Spectral(weight.detach().float(), warm_up=1).double()
    for _ in range(300):
        to(weight.detach())
    probe = torch.randn(4, 6, dtype=torch.float64)
    (found,) = torch.autograd.grad((to(weight) * probe).sum(), weight)
    (exact,) = torch.autograd.grad((weight / torch.linalg.matrix_norm(weight, 2) * probe).sum(), weight)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-8)


def test_the_power_method_moves_in_training_only() -> None:
    layer = spectral(nn.Linear(40, 30))
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with evaluating(layer):
        one, two = layer(torch.ones(1, 40)), layer(torch.ones(1, 40))
    assert torch.equal(one, two)
    assert all(torch.equal(before[name], tensor) for name, tensor in layer.state_dict().items())
    layer(torch.ones(1, 40))
    moved = [name for name, tensor in layer.state_dict().items() if not torch.equal(before[name], tensor)]
    assert moved == ["parametrizations.weight.0.u"]


def test_two_passes_before_one_backward() -> None:
    layer = spectral(nn.Linear(5, 3))
    (layer(torch.randn(2, 5)).sum() - layer(torch.randn(2, 5)).sum()).backward()
    assert layer.parametrizations.weight.original.grad.isfinite().all()


def test_spectral_norm_stays_exact_under_autocast() -> None:
    layer = spectral(nn.Linear(64, 64)).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = layer.weight
    assert torch.equal(rough, layer.weight)


def test_a_weight_of_zero_stays_zero() -> None:
    layer = nn.Linear(3, 3)
    nn.init.zeros_(layer.weight)
    assert torch.equal(spectral(layer).weight, torch.zeros(3, 3))


def test_orthogonal() -> None:
    weight = orthogonal(nn.Conv2d(8, 4, 3)).weight.flatten(1)
    torch.testing.assert_close(weight @ weight.T, torch.eye(4), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_conditional_batch_norm_is_plain_batch_norm_while_gains_are_one(training: bool) -> None:
    form, x = Format(3, 8, 8, classes=4), torch.randn(6, 5, 3, 2) * 3 + 1
    own, plain = BatchNorm(5, change(form, 5)).train(training), nn.BatchNorm2d(5).train(training)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    torch.testing.assert_close(own(x, y), plain(x))
    assert own.change is not None
    nn.init.normal_(own.change[1].weight)
    assert not torch.allclose(own(x, y), plain(x))


def test_gain_and_bias_follow_the_condition() -> None:
    embed = Embed(Format(1, 8, 8, classes=2), 2)
    with torch.no_grad():
        embed.table.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 5.0]]))
    norm, x = BatchNorm(1, embed), torch.randn(2, 1, 4, 4)
    plain = nn.BatchNorm2d(1)(x)
    found = norm(x, torch.tensor([0, 1]))
    torch.testing.assert_close(found, torch.stack([plain[0], 2 * plain[1] + 5]))


def test_without_a_condition_batch_norm_learns_its_gain() -> None:
    assert change(Format(1, 8, 8), 4) is None
    assert len(list(BatchNorm(4, None).parameters())) == 2
    assert [tuple(p.shape) for p in BatchNorm(4, change(Format(1, 8, 8, attributes=3), 4)).parameters()] == [(128, 3), (8, 128)]
