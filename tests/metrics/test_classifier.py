"""The classifier of a user's own pictures: it learns, from any size, the same each time, and disturbs nothing."""

import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import Source, train_classifier, train_rotation
from rivals.metrics.classifier import Columns, accuracy, classifier, square


def bars(n: int, channels: int, height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with a bright bar: class 0 above, 1 below, 2 left."""
    generator = torch.Generator().manual_seed(seed)
    pictures, labels = 0.3 * torch.randn(n, channels, height, width, generator=generator), torch.arange(n) % 3
    pictures[labels == 0, :, : height // 3] += 0.7
    pictures[labels == 1, :, -(height // 3) :] += 0.7
    pictures[labels == 2, :, :, : width // 3] += 0.7
    return pictures, labels


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("size", [(1, 7, 10), (5, 8, 8)])
def test_it_learns_and_is_the_same_each_time(size: tuple[int, int, int]):
    pictures, labels = bars(60, *size)
    first, again = (train_classifier(Source.table(pictures, labels), 3, steps=20) for _ in range(2))
    assert first.digest == again.digest and first.name == "images-cnn-v1"
    assert train_classifier(Source.table(pictures, labels), 3, steps=2, seed=1).digest != first.digest
    fresh, truth = bars(60, *size, seed=1)
    assert accuracy(first, fresh, truth) > 0.9
    assert first(fresh).shape == (60, 128) and not first(fresh).requires_grad


def test_shuffled_labels_teach_nothing():
    pictures, labels = bars(90, 1, 8, 8)
    shuffled = labels[torch.randperm(90, generator=torch.Generator().manual_seed(0))]
    fresh, truth = bars(90, 1, 8, 8, seed=1)
    assert accuracy(train_classifier(Source.table(pictures, shuffled), 3, steps=25), fresh, truth) < 0.6


def test_scores_of_columns_are_accuracy_and_r_squared():
    rows = torch.tensor([[0.0, 2.0], [1.0, 4.0], [0.0, 6.0], [0.0, 8.0]])
    columns = Columns.of(rows)
    assert columns.binary.tolist() == [True, False]
    read = torch.stack([torch.tensor([-1.0, 3.0, 2.0, -0.1]), columns.targets(rows)[:, 1]], 1)
    assert columns.scores(read, rows).mean(0).tolist() == pytest.approx([0.75, 1.0])
    wrong = columns.targets(torch.tensor([[0.0, 3.0]])).expand(4, -1)
    error = (rows[:, 1] - 3).square().sum() / (rows[:, 1] - 5).square().sum()
    assert columns.scores(wrong, rows)[:, 1].mean() == pytest.approx(1 - float(error))
    constant = torch.full((1000, 1), 0.7)
    assert Columns.of(constant).targets(constant).abs().max() == 0  # whose mean is not 0.7 to the last bit
    assert columns.scores(columns.guess().expand_as(rows), rows).mean(0).tolist() == pytest.approx([0.75, 0.0], abs=1e-6)
    loss = columns.loss(read, columns.targets(rows))
    assert loss == pytest.approx(float(torch.nn.functional.softplus(torch.tensor([-1.0, -3.0, 2.0, -0.1])).sum()) / 8)


def test_large_pictures_cost_no_more_than_small_ones():
    for size in ((28, 28), (64, 64), (128, 96), (300, 20)):
        features, head = classifier((3, *size), 4)
        seen = []
        features.layers[0].register_forward_hook(lambda _, __, out, seen=seen: seen.append(out.shape))
        assert head(features.eval()(torch.zeros(1, 3, *size))).shape == (1, 4)
        assert max(seen[0][2:]) <= 43


@pytest.mark.usefixtures("undisturbed")
def test_without_labels_it_learns_which_way_up_a_picture_is():
    pictures, _ = bars(60, 1, 8, 12)
    pictures = pictures[torch.arange(60) % 3 == 0]  # the bar is above in all of them
    backbone = train_rotation(Source.table(pictures, None), steps=25)
    assert backbone.name == "images-rotation-v1" and backbone.head is None
    upright, turned = backbone(square(pictures)), backbone(square(pictures).rot90(2, (2, 3)))
    within = torch.cdist(upright, upright).mean()
    assert torch.cdist(upright, turned).mean() > 2 * within


@pytest.mark.usefixtures("undisturbed")
def test_pictures_without_an_up_are_seen_by_random_features():
    """Noise looks the same from all sides: a network that learned nothing of it would see all pictures as one."""
    noise = torch.randn(3000, 1, 8, 8, generator=torch.Generator().manual_seed(0)).tanh()
    first, again = (train_rotation(Source.table(noise, None), steps=25) for _ in range(2))
    assert first.name == "images-random-v1" and first.digest == again.digest
    wide = train_rotation(Source.table(noise.repeat(1, 1, 1, 5), None), steps=25)
    with torch.device("meta"):
        whole, _ = classifier((1, 8, 40), 4)
    assert {k: v.shape for k, v in wide.module.state_dict().items()} == {k: v.shape for k, v in whole.state_dict().items()}
    assert first(noise).std(0).mean() > 0.05 and torch.dist(first(noise[:100]).mean(0), first(noise[100:]).mean(0)) < 1


def test_few_tiny_pictures_can_be_seen_and_many_are_not_fetched_at_once():
    noise = torch.randn(1000, 1, 4, 4, generator=torch.Generator().manual_seed(0)).tanh()
    fetched = []
    for count in (65, 1000):

        def fetch(items: torch.Tensor) -> tuple[torch.Tensor, None]:
            fetched.append(len(items))
            return noise[items], None

        assert train_rotation(Source(count, fetch), steps=2).name == "images-random-v1"
    assert max(fetched) < 128


def test_the_middle_square():
    assert square(torch.arange(12.0).view(1, 1, 2, 6))[0, 0].tolist() == [[2.0, 3.0], [8.0, 9.0]]


def test_what_cannot_be_learned_from_is_told():
    pictures, labels = bars(6, 1, 8, 8)
    with pytest.raises(UserError, match="1 classes are too few"):
        train_classifier(Source.table(pictures, labels), 1)
    with pytest.raises(UserError, match="needs the pictures' labels"):
        train_classifier(Source.table(pictures, None), 3)
    with pytest.raises(UserError, match="one picture is too few"):
        train_rotation(Source.table(pictures[:1], None))
