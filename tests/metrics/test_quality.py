import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import Labelled, Plan, frechet, identity, quality

MEASURES = {"frechet", "frechet_bound", "kernel", "precision", "recall", "density", "coverage", "copies"}


def rows(n: int, seed: int, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


QUICK = Plan(rows=120, draws=20, seed=5)


@pytest.mark.usefixtures("undisturbed")
def test_fresh_samples_are_as_good_as_training_rows():
    cards = quality(rows(400, 0), rows(150, 1), rows(300, 2), backbone=identity(), plan=QUICK)
    assert set(cards) == MEASURES
    for card in cards.values():
        assert card.low <= card.value <= card.high
        assert (card.backbone, card.digest, card.seed, card.split) == ("identity", identity().digest, 5, "test")
        assert card.samples == (300 if card.metric == "copies" else 120)
    assert 0.4 < cards["frechet"].extra["ratio"] < 2.5
    assert cards["frechet"].extra["bound"] == cards["frechet_bound"].value
    assert cards["precision"].value == pytest.approx(cards["precision"].extra["bound"], abs=0.15)
    assert cards["copies"].value < 0.05


def test_a_poor_generator_is_far_from_the_bound():
    cards = quality(rows(400, 0), rows(150, 1), 0.3 * rows(300, 2) + 0.5, backbone=identity(), plan=QUICK)
    assert cards["frechet"].extra["ratio"] > 5
    assert cards["frechet"].low > cards["frechet_bound"].high > cards["frechet_bound"].value
    assert cards["kernel"].low > 0
    assert cards["recall"].high < cards["recall"].extra["bound"]


def test_a_copier_reaches_the_bound_and_is_flagged():
    train = rows(400, 0)
    cards = quality(train, rows(150, 1), train[:300] + 1e-3, backbone=identity(), plan=QUICK)
    assert cards["frechet"].extra["ratio"] < 2.5
    assert cards["copies"].value == 1.0
    assert cards["copies"].low > 0.9
    assert cards["copies"].extra["z"] < -10


def test_both_sides_of_the_ratio_have_equal_numbers_of_rows():
    train, test = rows(500, 0), rows(40, 1)
    cards = quality(train, test, train[:60], backbone=identity(), plan=Plan(rows=1000, draws=20))
    assert cards["frechet"].samples == cards["frechet_bound"].samples == 60
    assert cards["frechet"].extra["reference_rows"] == 40
    assert cards["frechet"].value == pytest.approx(frechet(train[:60], test), rel=1e-9)


def test_the_bound_shrinks_with_the_number_of_fakes_as_the_bias_does():
    train, test = rows(1000, 0, 8), rows(1000, 1, 8)
    few, many = (quality(train, test, rows(n, 2, 8), backbone=identity(), plan=QUICK) for n in (20, 120))
    assert few["frechet_bound"].value > 2 * many["frechet_bound"].value > 4 * frechet(train, test)


def test_labels_add_a_card():
    logits = torch.eye(4)[[0, 1, 1, 2]].repeat(25, 1)
    labelled = Labelled(logits, torch.tensor([0, 1, 1, 3]).repeat(25))
    card = quality(rows(50, 0), rows(50, 1), rows(50, 2), backbone=identity(), labelled=labelled, plan=QUICK)["labels"]
    assert (card.value, card.samples) == (0.75, 100)
    assert card.low < 0.75 < card.high
    assert card.extra == {"classes": 4, "classes_seen": 3}


def test_repeats_by_seed():
    sets = rows(90, 0), rows(80, 1), rows(70, 2)
    first, again, other = (quality(*sets, backbone=identity(), plan=Plan(rows=30, draws=20, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    with pytest.raises(UserError, match=r"^test has 5 rows, but this measure needs at least 12"):
        quality(rows(50, 0), rows(5, 0), rows(50, 0), backbone=identity())
    with pytest.raises(UserError, match=r"^plan.rows is 3; give at least 12$"):
        quality(rows(50, 0), rows(50, 0), rows(50, 0), backbone=identity(), plan=Plan(rows=3))
    with pytest.raises(UserError, match=r"^fake has 5 features a row and train has 4"):
        quality(rows(50, 0), rows(50, 0), rows(50, 0, 5), backbone=identity())
