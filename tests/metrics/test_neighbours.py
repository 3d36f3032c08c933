import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rivals.core.errors import UserError
from rivals.metrics import density_coverage, nearest, neighbours, precision_recall


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float]:
    """Precision, density and coverage, ball by ball."""
    balls = []
    for i, centre in enumerate(real):
        others = sorted(np.sqrt(((other - centre) ** 2).sum()) for j, other in enumerate(real) if j != i)
        balls.append((centre, others[k - 1]))
    held = [[np.sqrt(((point - centre) ** 2).sum()) <= radius for point in fake] for centre, radius in balls]
    inside = sum(any(row[j] for row in held) for j in range(len(fake)))
    return inside / len(fake), sum(map(sum, held)) / (k * len(fake)), sum(map(any, held)) / len(real)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(7, 40), m=st.integers(7, 40), d=st.integers(1, 6), k=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_equal_a_plain_reference(n: int, m: int, d: int, k: int, seed: int):
    real, fake = rows(n, d, seed), 0.8 * rows(m, d, seed + 1) + 0.3
    precision, density, coverage = plain(real.numpy(), fake.numpy(), k)
    recall = plain(fake.numpy(), real.numpy(), k)[0]
    assert precision_recall(real, fake, k=k) == (precision, recall)
    assert density_coverage(real, fake, k=k) == (density, coverage)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(4, 30), m=st.integers(4, 30), seed=st.integers(0, 2**31))
def test_precision_and_recall_change_places_with_the_sets(n: int, m: int, seed: int):
    real, fake = rows(n, 3, seed), rows(m, 3, seed + 1)
    assert precision_recall(real, fake) == precision_recall(fake, real)[::-1]


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch):
    real, fake = rows(50, 4, 0), rows(37, 4, 1)
    before = precision_recall(real, fake), density_coverage(real, fake), nearest(fake, real)
    for pairs in (1, 100, 333):
        monkeypatch.setattr(neighbours, "PAIRS", pairs)
        found = nearest(fake, real)
        assert (precision_recall(real, fake), density_coverage(real, fake)) == before[:2]
        assert torch.equal(found.distance, before[2].distance)
        assert torch.equal(found.row, before[2].row)


def test_on_a_line_by_hand():
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])
    fake = torch.tensor([[0.5], [2.5], [18.0]])
    # k = 1, radii 1, 1, 2, 7: balls [-1, 1], [0, 2], [1, 5], [3, 17] hold 1, 1, 1 and 0 fakes.
    assert density_coverage(real, fake, k=1) == (1.0, 0.75)
    # The fakes' balls [-1.5, 2.5], [0.5, 4.5], [2.5, 33.5] hold all reals.
    assert precision_recall(real, fake, k=1) == (2 / 3, 1.0)


def test_a_ball_includes_its_surface_and_a_copy_its_original():
    real = torch.tensor([[0.0], [2.0], [5.0]])
    assert precision_recall(real, torch.tensor([[-2.0], [-2.1], [8.0]]), k=1).precision == 2 / 3
    copied = rows(40, 5, 3)
    assert precision_recall(copied, copied) == (1.0, 1.0)
    assert density_coverage(copied, copied, k=5) == (6 / 5, 1.0)
    collapsed = torch.zeros(10, 2)
    assert precision_recall(torch.cat([collapsed, rows(10, 2, 0).float()]), collapsed).precision == 1.0


def test_disjoint_sets_share_nothing():
    real, fake = rows(30, 3, 0), rows(30, 3, 1) + 100
    assert precision_recall(real, fake) == (0.0, 0.0)
    assert density_coverage(real, fake) == (0.0, 0.0)


def test_equal_distributions_reach_the_expected_density_and_coverage():
    found = [density_coverage(rows(500, 3, i), rows(500, 3, 100 + i)) for i in range(10)]
    assert np.mean([each.density for each in found]) == pytest.approx(1.0, abs=0.03)
    assert np.mean([each.coverage for each in found]) == pytest.approx(1 - 2**-5, abs=0.01)


def test_nearest_finds_row_and_exact_distance():
    references = 1000 + rows(60, 8, 0).float()
    found = nearest(references[[5, 59, 0]], references)
    assert found.row.tolist() == [5, 59, 0]
    assert found.distance.tolist() == [0.0, 0.0, 0.0]
    assert nearest(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)).distance.tolist() == [5.0]


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    with pytest.raises(UserError, match=r"^k is 5, but fake has 5 rows; choose k from 1 to 4$"):
        precision_recall(rows(9, 2, 0), rows(5, 2, 0), k=5)
    with pytest.raises(UserError, match=r"^k is 9, but real has 9 rows; choose k from 1 to 8$"):
        density_coverage(rows(9, 2, 0), rows(5, 2, 0), k=9)
    with pytest.raises(UserError, match=r"^k is 0, but real has 9 rows"):
        density_coverage(rows(9, 2, 0), rows(5, 2, 0), k=0)
    with pytest.raises(UserError, match=r"^fake has 3 features a row and real has 2"):
        precision_recall(rows(9, 2, 0), rows(9, 3, 0))
    with pytest.raises(UserError, match=r"^references has 0 rows"):
        nearest(rows(9, 2, 0), rows(0, 2, 0))
    with pytest.raises(UserError, match=r"^queries has NaN or infinite features in 1 of 1 rows"):
        nearest(torch.tensor([[torch.nan, 0.0]]), rows(3, 2, 0))
