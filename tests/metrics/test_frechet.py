import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from rivals.core.errors import UserError
from rivals.metrics import frechet


class Features(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.num_features = width

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn @ torch.linspace(0.2, 2, d).double().diag() + 0.1 * drawn.roll(1, 1)


def exact(mean: torch.Tensor, variance: torch.Tensor, n: int, seed: int) -> torch.Tensor:
    """Rows whose sample mean and unbiased covariance are those asked for."""
    drawn = rows(n, len(mean), seed)
    drawn = drawn - drawn.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(drawn.T.cov()), drawn.T, upper=False).T
    return white * variance.sqrt() + mean


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 16), (90, 400, 5)])
def test_agrees_with_torchmetrics(n: int, m: int, d: int):
    real, fake = rows(n, d, 0), 1.3 * rows(m, d, 1) + 0.2
    oracle = FrechetInceptionDistance(feature=Features(d)).set_dtype(torch.float64)
    oracle.update(real, real=True)
    oracle.update(fake, real=False)
    assert frechet(real, fake) == pytest.approx(float(oracle.compute()), rel=1e-9)


def test_agrees_with_a_matrix_square_root():
    real, fake = rows(120, 7, 2), rows(80, 7, 3) ** 2
    first, second = real.T.cov().numpy(), fake.T.cov().numpy()
    trace = (first + second - 2 * scipy.linalg.sqrtm(first @ second).real).trace()
    expected = float((real.mean(0) - fake.mean(0)).square().sum()) + trace
    assert frechet(real, fake) == pytest.approx(expected, rel=1e-9)


def test_closed_form_for_independent_gaussians():
    means = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([0.0, 1.0, 0.5]).double()
    variances = torch.tensor([1.0, 4.0, 0.01]).double(), torch.tensor([9.0, 0.25, 0.01]).double()
    expected = (means[0] - means[1]).square().sum() + (variances[0].sqrt() - variances[1].sqrt()).square().sum()
    found = frechet(exact(means[0], variances[0], 50, 0), exact(means[1], variances[1], 70, 1))
    assert found == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(4, 30), (30, 4), (2, 3)])
def test_scaled_copy_even_where_the_covariance_is_singular(n: int, d: int):
    real = rows(n, d, 4)
    real[:, -1] = 3.0
    expected = 0.25 * (real.mean(0).square().sum() + real.T.cov().trace())
    assert frechet(real, 0.5 * real) == pytest.approx(float(expected), rel=1e-12)
    assert frechet(real, real + 2.0) == pytest.approx(4.0 * d, rel=1e-12)


def test_float32_features_are_compared_in_float64():
    real = rows(50, 4, 5).float()
    assert frechet(real, real + torch.tensor(1e-3)) == pytest.approx(4e-6, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 40), m=st.integers(2, 40), d=st.integers(1, 12), seed=st.integers(0, 2**31))
def test_symmetric_zero_on_itself_and_blind_to_rotation(n: int, m: int, d: int, seed: int):
    real, fake = rows(n, d, seed), rows(m, d, seed + 1) + 0.3
    rotation = torch.linalg.qr(rows(d, d, seed + 2)).Q
    distance = frechet(real, fake)
    assert distance >= 0
    assert frechet(fake, real) == pytest.approx(distance, rel=1e-9, abs=1e-12)
    assert frechet(real @ rotation, fake @ rotation) == pytest.approx(distance, rel=1e-8, abs=1e-12)
    assert frechet(real, real) == pytest.approx(0, abs=1e-11)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (
            torch.zeros(1, 3),
            torch.zeros(5, 3),
            r"^real has 1 rows, but this measure needs at least 2; give",
        ),
        (
            torch.zeros(5, 3),
            torch.zeros(5, 4),
            r"^fake has 4 features a row and real has 3; use one",
        ),
        (
            torch.zeros(5, 3),
            torch.tensor([[0.0, 1, torch.nan]] * 5),
            r"^fake has NaN or infinite features in 5 of 5",
        ),
        (torch.tensor([[torch.inf], [0.0]]), torch.zeros(5, 1), r"^real has NaN or infinite features in 1 of 2 rows"),
        (torch.zeros(5, 3, 2), torch.zeros(5, 3), r"^real has shape \(5, 3, 2\); give features as \(rows, width\)"),
        (torch.zeros(5, 0), torch.zeros(5, 0), r"^real has shape \(5, 0\); give features as \(rows, width\)"),
        (torch.zeros(5, 3).int(), torch.zeros(5, 3), r"^real is torch.int32; convert it to floating point first$"),
    ],
)
def test_names_the_mistake(real: torch.Tensor, fake: torch.Tensor, message: str):
    with pytest.raises(UserError, match=message):
        frechet(real, fake)
