"""Inception score, path length, intra-class Frechet distance and stacked modes, each against figures known in closed form."""

import math

import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import Rows, frechet, inception_score, intra_frechet, path_lengths, stacked_modes
from rivals.metrics.path_length import arc


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Inception score.


def test_sure_and_even_is_the_number_of_classes():
    sure = 100.0 * torch.eye(5).repeat(20, 1)
    assert inception_score(sure, splits=4).mean == pytest.approx(5)
    assert inception_score(sure, splits=4).deviation == pytest.approx(0, abs=1e-9)


def test_unsure_or_one_class_is_one():
    assert inception_score(torch.zeros(50, 7)).mean == pytest.approx(1)
    assert inception_score(100.0 * torch.eye(5)[[2] * 50]).mean == pytest.approx(1)


def test_agrees_with_the_definition():
    logits = drawn(60, 4)
    p = logits.double().softmax(1)
    scores = []
    for part in p.chunk(3):
        scores.append((part * (part / part.mean(0)).log()).sum(1).mean().exp().item())
    found = inception_score(logits, splits=3)
    assert found.mean == pytest.approx(sum(scores) / 3)
    assert found.deviation == pytest.approx(torch.tensor(scores).double().std(correction=0).item())


def test_too_few_rows_for_the_splits_are_told():
    with pytest.raises(UserError, match="splits is 10 for 4 rows"):
        inception_score(torch.zeros(4, 3))


# Path length.


def test_an_arc_starts_and_ends_where_it_should_and_keeps_its_speed():
    start, end = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 2.0]]).double()
    for share in (0.0, 0.25, 0.5, 1.0):
        angle = share * math.pi / 2
        point = arc(start, end, torch.tensor([share]).double())
        assert torch.allclose(point, 2 * torch.tensor([[math.cos(angle), math.sin(angle)]]).double())
    assert torch.allclose(arc(start, start, torch.tensor([0.3]).double()), start)


def test_the_speed_on_a_sphere_is_the_angle():
    def unit(z: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return z / z.norm(dim=1, keepdim=True)

    found = path_lengths(unit, 6, pairs=200, epsilon=1e-2, seed=3)
    angle = 2 * (found.ends.sqrt() / 2).asin()  # from the chord between the ends
    assert torch.allclose(found.speed.sqrt(), angle, rtol=1e-2)
    assert found.speed.mean() > found.ends.mean()


def test_what_bends_is_faster_than_straight_and_what_is_constant_stands_still():
    straight = path_lengths(lambda z, _: z, 8, pairs=150)
    bent = path_lengths(lambda z, _: (20 * z).sin(), 8, pairs=150)
    still = path_lengths(lambda z, _: torch.ones(len(z), 3), 8, pairs=150)
    assert 1 < straight.speed.mean() / straight.ends.mean() < 1.6
    assert bent.speed.mean() / bent.ends.mean() > 50
    assert still.speed.abs().max() == still.ends.abs().max() == 0


@pytest.mark.usefixtures("undisturbed")
def test_paths_keep_their_numbers_and_repeat_by_seed():
    seen = []

    def features(z: torch.Tensor, paths: torch.Tensor) -> torch.Tensor:
        seen.append(paths.tolist())
        return z

    first, again = (path_lengths(features, 3, pairs=10, seed=1, batch=4) for _ in range(2))
    assert torch.equal(first.speed, again.speed) and first.speed.shape == (10,)
    assert seen[:12] == [[0, 1, 2, 3]] * 4 + [[4, 5, 6, 7]] * 4 + [[8, 9]] * 4


# Intra-class Frechet distance.


def test_a_collapsed_class_shows_where_the_pooled_distance_hides_it():
    labels = torch.arange(300) % 3
    centres = 5.0 * torch.eye(3)[labels]
    train, test, fake = (centres + drawn(300, 3, seed=seed) for seed in range(3))
    fake = torch.where((labels == 1)[:, None], centres + 0.05 * drawn(300, 3, seed=9), fake)
    each = list(intra_frechet(Rows(train, labels), Rows(test, labels), Rows(fake, labels), seed=4))
    assert [one.label for one in each] == [0, 1, 2] and all(one.rows == 100 for one in each)
    assert each[1].distance == pytest.approx(frechet(test[labels == 1], fake[labels == 1]))
    assert each[1].distance > 5 * max(each[0].distance, each[2].distance) > 0
    assert all(one.low <= one.distance <= one.high for one in each)
    assert each[1].low > each[1].bound > 0


def test_classes_with_few_rows_are_left_out_and_none_at_all_is_told():
    rows, few = Rows(drawn(40, 2), torch.arange(40) % 2), Rows(drawn(15, 2), (torch.arange(15) >= 13).long())
    assert [one.label for one in intra_frechet(rows, rows, few)] == [0]
    with pytest.raises(UserError, match="no class has 12 held-out"):
        list(intra_frechet(rows, Rows(drawn(5, 2), torch.zeros(5).long()), rows))


# Stacked modes.

EVEN = torch.full((10,), 0.1)


def test_every_triple_once_has_all_modes_and_no_divergence():
    places = torch.arange(1000)
    triples = torch.stack([places % 10, places // 10 % 10, places // 100], 1)
    found = stacked_modes(triples, EVEN)
    assert found.modes == 1000 and found.divergence == pytest.approx(0, abs=1e-9)
    assert stacked_modes(triples[:500].repeat(2, 1), EVEN).modes == 500
    assert stacked_modes(triples[:500], EVEN).divergence == pytest.approx(math.log(2))


def test_one_mode_diverges_most():
    found = stacked_modes(torch.tensor([[3, 3, 7]] * 20), EVEN)
    assert found.modes == 1 and found.divergence == pytest.approx(3 * math.log(10))


def test_uneven_classes_and_the_bias_of_a_finite_number():
    shares = torch.tensor([0.5, 0.3, 0.2])
    real = torch.multinomial(shares, 3 * 6000, replacement=True, generator=torch.Generator().manual_seed(0)).view(-1, 3)
    found = stacked_modes(real, shares)
    assert found.modes == 27 and found.divergence == pytest.approx(26 / (2 * 6000), rel=0.6)
    flat = torch.randint(3, (6000, 3), generator=torch.Generator().manual_seed(0))
    expected = 3 * sum(math.log(1 / 3 / share) / 3 for share in shares.tolist())
    assert stacked_modes(flat, shares).divergence == pytest.approx(expected, rel=0.1)


def test_what_cannot_be_counted_is_told():
    with pytest.raises(UserError, match="numbers from 0 to 9"):
        stacked_modes(torch.tensor([[0, 10, 3]]), EVEN)
    with pytest.raises(UserError, match="no share in the real data"):
        stacked_modes(torch.tensor([[0, 1, 0]]), torch.tensor([1.0, 0.0]))
