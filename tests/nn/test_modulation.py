"""Modulated convolutions against the paper's equations, and styles."""

import pytest
import torch
from torch.nn.functional import conv2d

from rivals.core.types import Tensor
from rivals.nn.format import Format
from rivals.nn.modulation import Mapping, Paint, Styled, mixed, modulated


def explicit(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool) -> Tensor:
    """Equations 1 and 3 of the paper, one picture after the other: w'_ijk = s_i w_ijk; w'' = w' / sqrt(sum_ik w'^2 + eps)."""
    made = []
    for picture, scales in zip(x, style, strict=True):
        own = weight * scales[None, :, None, None]
        if demodulate:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        made.append(conv2d(picture[None], own, padding=weight.shape[2] // 2))
    return torch.cat(made)


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("demodulate", [True, False])
def test_scaling_input_and_output_is_scaling_the_weights(side: int, demodulate: bool) -> None:
    x, weight, style = torch.randn(5, 6, 7, 4), torch.randn(3, 6, side, side), torch.randn(5, 6)
    expected = explicit(x, weight, style, demodulate=demodulate)
    assert torch.allclose(modulated(x, weight, style, demodulate=demodulate), expected, atol=1e-5, rtol=1e-5)


def test_its_gradients_are_those_of_the_explicit_form() -> None:
    leaves = [torch.randn(2, 3, 4, 4), torch.randn(5, 3, 3, 3), torch.randn(2, 3)]
    leaves = [leaf.double().requires_grad_() for leaf in leaves]
    weigh = torch.randn(2, 5, 4, 4).double()
    found = torch.autograd.grad((explicit(*leaves, demodulate=True) * weigh).sum(), leaves)
    x, weight, style = leaves
    y = x * style[:, :, None, None]
    made = modulated(x, weight, style)
    assert y.shape == x.shape
    for one, other in zip(torch.autograd.grad((made * weigh).sum(), leaves), found, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_outputs_have_unit_variance_whatever_the_style() -> None:
    x, weight = torch.randn(8, 32, 24, 24), torch.randn(16, 32, 3, 3)
    for spread in (0.01, 1.0, 50.0):
        y = modulated(x, weight, spread * torch.randn(8, 32))[:, :, 1:-1, 1:-1]  # at the edge zeros come in
        assert 0.9 < y.var() < 1.1


def test_one_graph_for_any_batch_exports() -> None:
    layer = Styled(4, 3, (5, 6), 8).eval()
    arguments = torch.randn(2, 4, 5, 6), torch.randn(2, 8), torch.randn(2, 8)
    batch = torch.export.Dim("n", min=2, max=64)
    graph = torch.export.export(layer, arguments, dynamic_shapes=({0: batch}, {0: batch}, {0: batch}))
    more = torch.randn(5, 4, 5, 6), torch.randn(5, 8), torch.randn(5, 8)
    assert torch.allclose(graph.module()(*more), layer(*more), atol=1e-6)


def test_layers_keep_the_size_and_their_style_matters() -> None:
    x, w, z = torch.randn(3, 4, 5, 6), torch.randn(3, 8), torch.randn(3, 8)
    layer, paint = Styled(4, 7, (5, 6), 8), Paint(4, 3, 8)
    assert layer(x, w, z).shape == (3, 7, 5, 6) and paint(x, w).shape == (3, 3, 5, 6)
    assert not torch.allclose(layer(x, w, z), layer(x, 2 * w, z))
    assert torch.allclose(layer(x, w, z), layer(3 * x, w, z) / 3, atol=1e-5), "before it learns, without a bias"


@pytest.mark.parametrize("form", [Format(1, 8, 8), Format(1, 8, 8, classes=3), Format(1, 8, 8, attributes=2)])
def test_the_mapping_forgets_the_length_of_z_and_hears_the_condition(form: Format) -> None:
    mapping, z = Mapping(form, 16, 2), torch.randn(6, 16)
    conditions: list[Tensor | None] = [None, None]
    if form.classes:
        conditions = [torch.zeros(6, dtype=torch.long), torch.ones(6, dtype=torch.long)]
    if form.attributes:
        conditions = [torch.zeros(6, 2), torch.ones(6, 2)]
    w = mapping(z, conditions[0])
    assert w.shape == (6, 16) and torch.allclose(w, mapping(5 * z, conditions[0]), atol=1e-4)
    assert torch.allclose(w, mapping(z, conditions[1])) != form.conditional


def test_mixing_takes_the_second_latents_styles_from_the_crossover_on() -> None:
    first, second = torch.zeros(4, 6, 3), torch.ones(4, 6, 3)
    styles = mixed(first, second, torch.tensor([1, 3, 5, 6]))
    assert styles[:, :, 0].tolist() == [[0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 1], [0] * 6]
