"""PSNR, SSIM and sharpness against torchmetrics and by hand, on values in [-1, 1]."""

import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from rivals.core.types import Tensor
from rivals.metrics.fidelity import luma, psnr, rounded, sharpness, ssim, steepness


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    real = torch.rand(3, 3, 24, 30) * 2 - 1
    return (real + 0.1 * torch.randn_like(real)).clamp(-1, 1), real


def unit(x: Tensor) -> Tensor:
    return (x + 1) / 2


def test_psnr_is_torchmetrics(pair: tuple[Tensor, Tensor]) -> None:
    made, real = pair
    for row in range(3):
        wanted = peak_signal_noise_ratio(unit(made[row : row + 1]), unit(real[row : row + 1]), data_range=1.0)
        assert psnr(made, real)[row].item() == pytest.approx(wanted.item(), abs=1e-3)


def test_ssim_is_torchmetrics(pair: tuple[Tensor, Tensor]) -> None:
    made, real = pair
    y = luma(made), luma(real)
    wanted = structural_similarity_index_measure(*y, data_range=1.0, gaussian_kernel=True, sigma=1.5, kernel_size=11,
                                                 reduction="none")  # fmt: skip
    assert torch.allclose(ssim(made, real).float(), torch.as_tensor(wanted), atol=2e-3)
    assert torch.allclose(ssim(real, real), torch.ones(3).double())


def test_the_luma_is_matlabs() -> None:
    ends = luma(torch.tensor([[-1.0, -1, -1], [1, 1, 1], [1, -1, -1]])[:, :, None, None]) * 255
    assert torch.allclose(ends.flatten(), torch.tensor([16.0, 235.0, 81.481]), atol=1e-3)
    assert luma(torch.zeros(1, 1, 2, 2)).unique().item() == 0.5


def test_a_border_does_not_count() -> None:
    real = torch.zeros(1, 3, 12, 12)
    made = real.clone()
    made[:, :, :4] = 1
    assert psnr(made, real, border=4).item() == pytest.approx(100) and psnr(made, real, border=3).item() < 30


def test_where_counts_the_hole_alone() -> None:
    real, hole = torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
    hole[:, :, 2:5, 2:5] = 1
    made = real + hole
    assert torch.allclose(psnr(made, real, where=hole), torch.full((2,), 6.0206).double(), atol=1e-3), "off by 0.5 of 1"
    assert (psnr(made, real, where=1 - hole) >= 99).all()
    assert (steepness(made, where=hole) > steepness(made, where=1 - hole)).all()


def test_blur_is_soft_and_noise_is_sharp(pair: tuple[Tensor, Tensor]) -> None:
    real = torch.nn.functional.avg_pool2d(pair[1], 3, 1, 1)
    soft = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
    assert sharpness(real, real) == pytest.approx(1) and sharpness(soft, real) < 0.7
    assert sharpness(real + 0.3 * torch.randn_like(real), real) > 1.3


def test_rounded_is_what_a_file_holds() -> None:
    levels = (rounded(torch.linspace(-1.2, 1.2, 999)[None, None, None]) + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-3) and levels.min() == 0 and levels.max() == 255
