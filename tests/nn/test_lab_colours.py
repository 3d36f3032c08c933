"""Lab: known colours, there and back, and L kept where sRGB has no such colour."""

import pytest
import torch

from rivals.core.types import Tensor
from rivals.nn.lab import CHROMA, to_lab, to_rgb


def colour(*values: float) -> Tensor:
    return torch.tensor(values)[None, :, None, None]


@pytest.mark.parametrize(
    ("rgb", "lab"),  # of sRGB primaries and greys under D65, as CIE's formulas give them
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((119, 119, 119), (50.03, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_known_colours(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    found = to_lab(colour(*(each / 127.5 - 1 for each in rgb)))[0, :, 0, 0]
    scaled = torch.stack([50 * (found[0] + 1), CHROMA * found[1], CHROMA * found[2]])
    assert torch.allclose(scaled, torch.tensor(lab), atol=0.02)


def test_there_and_back() -> None:
    picture = torch.rand(2, 3, 16, 16) * 2 - 1
    assert (to_rgb(to_lab(picture)) - picture).abs().max() < 1e-4


def test_lightness_is_kept_where_there_is_no_such_colour() -> None:
    torch.manual_seed(0)
    wild = torch.cat([torch.rand(1, 1, 24, 24) * 1.8 - 0.9, torch.rand(1, 2, 24, 24) * 2 - 1], 1)
    shown = to_rgb(wild)
    assert shown.abs().max() <= 1
    assert 50 * (to_lab(shown)[:, 0] - wild[:, 0]).abs().max() < 0.2, "a fifth of a step of L"
    found = to_lab(shown)[:, 1:]
    turned = (found[:, 0] * wild[:, 2] - found[:, 1] * wild[:, 1]).abs()
    assert turned.max() < 0.02, "the hue stays: the colour moves towards grey alone"


def test_gradients_are_finite_at_black_and_outside() -> None:
    for picture in (
        torch.full((1, 3, 2, 2), -1.0),
        torch.tensor([0.9, 1.0, -1.0])[None, :, None, None].expand(1, 3, 2, 2).clone(),
    ):
        picture.requires_grad_()
        (to_rgb(picture).sum() + to_lab(picture).sum()).backward()
        assert picture.grad is not None and picture.grad.isfinite().all()
