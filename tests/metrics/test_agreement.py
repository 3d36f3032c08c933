import math

import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import class_coverage, label_agreement, mode_coverage

RING = torch.tensor([[math.cos(i * math.pi / 4), math.sin(i * math.pi / 4)] for i in range(8)])


def ring(counts: list[int], deviation: float = 0.02, seed: int = 0) -> torch.Tensor:
    at = RING.repeat_interleave(torch.tensor(counts), 0)
    return at + deviation * torch.randn(at.shape, generator=torch.Generator().manual_seed(seed))


def test_label_agreement_counts_the_largest_logit():
    logits = torch.tensor([[0.0, 1, 2], [3, 1, 2], [0, 1, 0], [9, 0, 0]])
    assert label_agreement(logits, torch.tensor([2, 0, 1, 1])) == 0.75


def test_class_coverage_counts_classes_that_occur():
    logits = torch.eye(5)[[0, 0, 3, 4, 4]]
    assert class_coverage(logits, 5) == 3


def test_perfect_samples_of_the_ring_cover_it():
    found = mode_coverage(ring([500] * 8), RING, 0.02)
    assert found.covered == 8
    assert found.share == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert found.divergence == pytest.approx(0, abs=1e-6)


def test_collapse_to_two_modes():
    found = mode_coverage(ring([300, 100, 0, 0, 0, 0, 0, 0]), RING, 0.02)
    assert found.covered == 2
    assert found.divergence == pytest.approx(math.log(8) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))


@pytest.mark.parametrize(("hits", "covered"), [(9, 7), (10, 8)])
def test_a_mode_needs_a_tenth_of_its_fair_share(hits: int, covered: int):
    samples = RING.repeat_interleave(torch.tensor([hits, 190 - hits] + [100] * 6), 0)
    samples = torch.cat([samples, torch.full((10, 2), 50.0)])
    assert len(samples) == 800
    assert mode_coverage(samples, RING, 0.02).covered == covered


def test_far_samples_are_of_low_quality_but_belong_to_a_mode():
    found = mode_coverage(1.5 * RING, RING, 0.02)
    assert (found.covered, found.share) == (0, 0.0)
    assert found.divergence == pytest.approx(0, abs=1e-9)
    assert mode_coverage(1.5 * RING, RING, 0.02, radius=25.1).covered == 8


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    logits = torch.zeros(4, 3)
    with pytest.raises(UserError, match=r"^labels have shape \(3,\); give 4, one a row of logits$"):
        label_agreement(logits, torch.tensor([0, 1, 2]))
    with pytest.raises(UserError, match=r"^labels run from -1 to 3; they must lie in 0 to 2$"):
        label_agreement(logits, torch.tensor([0, -1, 2, 3]))
    with pytest.raises(UserError, match=r"^logits have 3 columns for 10 classes"):
        class_coverage(logits, 10)
    with pytest.raises(UserError, match=r"^deviation is 0.0 and radius is 3.0; both must be positive$"):
        mode_coverage(RING, RING, 0.0)
    with pytest.raises(UserError, match=r"^centres has 3 features a row and samples has 2"):
        mode_coverage(RING, torch.zeros(4, 3), 0.1)
