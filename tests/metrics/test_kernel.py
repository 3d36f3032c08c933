import pytest
import torch
from torch import nn
from torchmetrics.image.kid import KernelInceptionDistance

from rivals.core.errors import UserError
from rivals.metrics import kernel_distance


class Features(nn.Module):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all extracted features")
@pytest.mark.parametrize(("n", "m", "size"), [(60, 90, 40), (60, 60, 60), (50, 80, 50)])
def test_agrees_with_torchmetrics_subset_for_subset(n: int, m: int, size: int):
    real, fake = rows(n, 6, 0), 1.2 * rows(m, 6, 1) + 0.4
    oracle = KernelInceptionDistance(feature=Features(), subsets=7, subset_size=size).set_dtype(torch.float64)
    oracle.update(real, real=True)
    oracle.update(fake, real=False)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        mean, deviation = oracle.compute()
    found = kernel_distance(real, fake, subsets=7, size=size, seed=11)
    assert found.mean == pytest.approx(float(mean), rel=1e-5)
    assert found.deviation == pytest.approx(float(deviation), rel=1e-5, abs=1e-7)


def test_written_out_term_by_term():
    real, fake = rows(5, 3, 2), rows(5, 3, 3)

    def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
        return (float(x.dot(y)) / 3 + 1) ** 3

    within = sum(kernel(s[i], s[j]) for s in (real, fake) for i in range(5) for j in range(5) if i != j) / 20
    across = sum(kernel(x, y) for x in real for y in fake) / 25
    assert kernel_distance(real, fake).mean == pytest.approx(within - 2 * across, rel=1e-12)
    assert kernel_distance(real, fake).deviation == 0


def test_unbiased_between_equal_distributions():
    found = torch.tensor([kernel_distance(rows(30, 4, 2 * i), rows(30, 4, 2 * i + 1)).mean for i in range(400)])
    assert abs(float(found.mean())) < 3.5 * float(found.std()) / 400**0.5
    assert float(found.min()) < 0


@pytest.mark.usefixtures("undisturbed")
def test_depends_on_its_seed_alone():
    real, fake = rows(60, 4, 0), rows(70, 4, 1)
    first, again, other = (kernel_distance(real, fake, subsets=5, size=20, seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_size_is_lowered_to_the_smaller_set():
    real, fake = rows(40, 4, 0), rows(70, 4, 1)
    assert kernel_distance(real, fake, subsets=5, size=1000) == kernel_distance(real, fake, subsets=5, size=40)


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    with pytest.raises(UserError, match=r"^fake has 1 rows"):
        kernel_distance(rows(5, 3, 0), rows(1, 3, 0))
    with pytest.raises(UserError, match=r"^subsets is 0 and size is 9; they must be at least 1 and 2$"):
        kernel_distance(rows(5, 3, 0), rows(5, 3, 0), subsets=0, size=9)
    with pytest.raises(UserError, match=r"^fake has 2 features a row and real has 3"):
        kernel_distance(rows(5, 3, 0), rows(5, 2, 0))
