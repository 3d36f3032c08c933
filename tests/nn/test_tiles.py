"""Tiles: the same as the whole picture, no seams, any size, and a bound on what the network sees."""

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from rivals.core.errors import UserError
from rivals.core.types import Tensor
from rivals.nn.tiles import padded, tiled


def blur(depth: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(depth)))


@pytest.mark.parametrize(("height", "width"), [(40, 40), (41, 97), (16, 130), (96, 5), (1, 1)])
def test_tiles_give_what_the_whole_picture_gives(height: int, width: int) -> None:
    network, picture = blur(4), torch.rand(1, 3, height, width)
    with torch.no_grad():
        apart = (tiled(network, picture, tile=32, overlap=16) - network(picture)).abs().max()
    assert apart < 1e-6, "a receptive field of 4 pixels is a quarter of the overlap"


def test_a_field_beyond_the_overlap_differs() -> None:
    network, picture = blur(12), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert (tiled(network, picture, tile=32, overlap=8) - network(picture)).abs().max() > 1e-6


def test_there_is_no_seam_where_tiles_differ() -> None:
    calls: list[int] = []

    def network(x: Tensor) -> Tensor:
        calls.append(1)
        return torch.full_like(x, len(calls) % 2)  # neighbours are 0 and 1

    made = tiled(network, torch.zeros(1, 1, 32, 200), tile=64, overlap=32)[0, 0]
    assert made.diff(dim=1).abs().max() <= 1 / 16 + 1e-6, "from 0 to 1 over half of the overlap, never at once"


@pytest.mark.parametrize("scale", [2, 3])
def test_the_result_may_be_larger(scale: int) -> None:
    def network(x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=scale)

    picture = torch.rand(1, 3, 45, 70)
    made = tiled(network, picture, tile=32, overlap=8, scale=scale)
    assert made.shape == (1, 3, 45 * scale, 70 * scale) and torch.allclose(made, network(picture), atol=1e-6)


def test_the_network_never_sees_more_than_a_tile() -> None:
    seen: list[torch.Size] = []

    def network(x: Tensor) -> Tensor:
        seen.append(x.shape[2:])
        assert x.shape[2] % 8 == 0 and x.shape[3] % 8 == 0
        return x[:, :1]

    picture = torch.rand(1, 3, 203, 101)
    made = tiled(network, picture, tile=70, overlap=20, multiple=8)
    assert torch.allclose(made, picture[:, :1], atol=1e-6) and max(max(each) for each in seen) == 64


def test_padding_mirrors_as_far_as_needed() -> None:
    assert padded(torch.rand(1, 1, 3, 1), 16).shape == (1, 1, 16, 16)
    row = padded(torch.arange(5.0).view(1, 1, 1, 5), 8)[0, 0, 0]
    assert row.tolist() == [0, 1, 2, 3, 4, 3, 2, 1]


def test_a_small_tile_is_refused() -> None:
    with pytest.raises(UserError, match="give at least 64"):
        tiled(blur(1), torch.rand(1, 3, 100, 100), tile=40, overlap=32)
