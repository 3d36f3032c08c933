"""Judging pictures: good ones score well, and what must fail does: an untrained generator, a copier, shuffled labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

from rivals.core.errors import UserError
from rivals.games.gan import GAN, Sample
from rivals.metrics import Judging, MetricCard, classifier
from rivals.tasks.images import judge_backbone, judge_named, judging
from rivals.tasks.images.judge_real import Real, generated, real


class Pictures(nn.Module):
    """A generator that returns pictures of a table, of the class that is asked for, picked by the noise."""

    def __init__(self, pictures: torch.Tensor, labels: torch.Tensor, *, noise: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.pictures, self.labels, self.noise = pictures, labels, noise

    def forward(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        picks = (z[:, 0].double().mul(1e6).long() % len(self.pictures)).tolist()
        if condition is not None:
            rows = {label: (self.labels == label).nonzero()[:, 0].tolist() for label in set(condition.tolist())}
            picks = [rows[label][pick % len(rows[label])] for pick, label in zip(picks, condition.tolist(), strict=True)]
        return self.pictures[picks] + self.noise * z[:, 1].view(-1, 1, 1, 1)


class Untrained(nn.Module):
    """A smooth generator that knows nothing."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layer = nn.Linear(8, channels * 64)

    def forward(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        return self.layer(z).tanh().view(-1, self.channels, 8, 8)


def gan(generator: nn.Module, classes: int = 10) -> GAN:
    return GAN(generator, nn.Linear(1, 1), latent=8, classes=classes)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels, labels = load_digits(return_X_y=True)
    pictures = (pixels * 15.9).astype(np.uint8).reshape(-1, 8, 8)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    held = np.arange(len(labels)) % 3 == 0
    np.savez(path, x_train=pictures[~held], y_train=labels[~held], x_test=pictures[held], y_test=labels[held])
    return path


def record_of(path: Path, folder: Path | None = None, **facts: Any) -> dict[str, Any]:
    facts = {"channels": 1, "height": 8, "width": 8, "classes": 10, "attributes": 0} | facts
    return {"arguments": {"data": str(path), "seed": 0}, "facts": facts} | ({"folder": str(folder)} if folder else {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def record(digits: Path, folder: Path) -> dict[str, Any]:
    return record_of(digits, folder)


@pytest.fixture(scope="module")
def found(record: dict[str, Any]) -> Real:
    return real(record)


@pytest.fixture(scope="module")
def train(found: Real) -> Sample:
    return found.fetch(torch.arange(found.count))


@pytest.fixture(scope="module")
def fresh(found: Real) -> GAN:
    """Half of the held-out pictures: what a perfect generator would make."""
    assert found.held_out.condition is not None
    return gan(Pictures(found.held_out.data[::2], found.held_out.condition[::2]))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few draws behind each interval, and few steps of training."""
    monkeypatch.setattr(classifier, "EPOCHS", 8)
    monkeypatch.setattr(classifier, "FEWEST", 100)
    whole = judging.plan

    def plan(asked: Judging, only: tuple[str, ...] = judging.MEASURES) -> judging.Plan:
        told = whole(asked, only)
        return judging.Plan(rows=200, draws=20, seed=told.seed, split=told.split, only=told.only)

    monkeypatch.setattr(judging, "plan", plan)


@pytest.fixture
def undisturbed() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


# The usual cards.


@pytest.mark.usefixtures("undisturbed")
def test_a_perfect_generator_passes(fresh: GAN, record: dict[str, Any]):
    cards = judging.evaluate(fresh, record, Judging(samples=250))
    assert list(cards)[:3] == ["labels", "frechet", "kernel"] and {"recall", "density", "coverage", "copies"} <= set(cards)
    assert cards["labels"].value > 0.9 and cards["labels"].extra["bound"] == pytest.approx(cards["labels"].value, abs=0.07)
    assert float(cards["frechet"].extra["ratio"]) < 2
    assert cards["copies"].value < 0.1
    assert all(card.backbone == "images-cnn-v1" and card.split == "held-out" for card in cards.values())


def test_an_untrained_generator_fails(record: dict[str, Any]):
    cards = judging.evaluate(gan(Untrained()), record, Judging(samples=250))
    assert cards["labels"].value < 0.25
    assert float(cards["frechet"].extra["ratio"]) > 10
    assert cards["coverage"].value < 0.3


def test_a_copier_is_caught(train: Sample, record: dict[str, Any]):
    assert train.condition is not None
    cards = judging.evaluate(gan(Pictures(train.data, train.condition)), record, Judging(samples=250, metric="copies"))
    assert list(cards) == ["copies"] and cards["copies"].value == 1.0 and cards["copies"].extra["z"] < -10


def test_the_backbone_is_trained_once_and_mended_where_it_is_damaged(
    record: dict[str, Any], found: Real, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    first = judge_backbone.own(found, record)
    path = folder / "judge" / "images-cnn-v1.safetensors"
    kept = path.read_bytes()
    assert b"pickle" not in kept[:100]
    judge_backbone._made.clear()
    with monkeypatch.context() as patch:
        patch.setattr(judge_backbone, "train_classifier", lambda *_: pytest.fail("trained again"))
        assert judge_backbone.own(found, record).digest == first.digest
    trained = []
    monkeypatch.setattr(judge_backbone, "train_classifier", lambda *_: trained.append(1) or first)
    flipped = bytearray(kept)
    flipped[-9] ^= 1
    for damage in (bytes(flipped), kept[:-50], b""):
        judge_backbone._made.clear()
        path.write_bytes(damage)
        assert judge_backbone.own(found, record) is first
        assert path.read_bytes() == kept
    assert len(trained) == 3


def test_one_metric_costs_one_metric_and_unknown_ones_are_told(fresh: GAN, record: dict[str, Any]):
    assert list(judging.evaluate(fresh, record, Judging(samples=100, metric="frechet"))) == ["frechet", "frechet_bound"]
    assert list(judging.evaluate(fresh, record, Judging(samples=100, metric="labels"))) == ["labels"]
    with pytest.raises(UserError, match=r"unknown metric 'fid': give one of inception-score, classification-accuracy"):
        judging.evaluate(fresh, record, Judging(metric="fid"))
    with pytest.raises(UserError, match=r"unknown backbone 'vgg'"):
        judging.evaluate(fresh, record, Judging(backbone="vgg"))


def test_many_samples_rest_on_fewer_draws(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    plans = [judging.plan(Judging(samples=n)) for n in (100, 1000, 4000, 10_000, 90_000)]
    assert [each.rows for each in plans] == [2000, 2000, 4000, 10_000, 10_000]
    assert [each.draws for each in plans] == [100, 100, 25, 20, 20]


def test_conditions_come_in_the_proportions_of_the_data(tmp_path: Path, found: Real):
    wanted = found.wanted(500, 3)
    train = found.fetch(torch.arange(found.count)).condition
    assert wanted is not None and train is not None
    shares = [each.bincount(minlength=10).double() / len(each) for each in (wanted, train)]
    assert (shares[0] - shares[1]).abs().max() < 0.003
    assert not torch.equal(wanted, wanted.sort().values), "mixed, so that each part of them is alike"
    parts = list(generated(gan(Untrained()), 500, wanted, 0))
    assert [len(part) for part in parts] == [250, 250] and torch.equal(parts[0].condition, wanted[:250])


def test_data_that_have_changed_are_refused(digits: Path, fresh: GAN):
    with pytest.raises(UserError, match=r"digits\.npz has changed since this run was trained"):
        judging.evaluate(fresh, record_of(digits, data="0" * 64), Judging(samples=100))


# By name.


def test_inception_score(fresh: GAN, record: dict[str, Any]):
    def score(game: GAN) -> MetricCard:
        return judging.evaluate(game, record, Judging(samples=400, metric="inception-score"))["inception-score"]

    good, poor = score(fresh), score(gan(Untrained()))
    assert 10 >= good.value > 5 > poor.value >= 1
    assert good.value == pytest.approx(float(good.extra["bound"]), rel=0.15) and good.low < good.value < good.high


def test_classification_accuracy(fresh: GAN, found: Real, train: Sample, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judge_named, "CLASSIFIED", 400)
    whole = judge_named.train_classifier
    monkeypatch.setattr(judge_named, "train_classifier", lambda source, classes: whole(source, classes, steps=60))
    assert train.condition is not None

    def score(labels: torch.Tensor) -> MetricCard:
        game = gan(Pictures(train.data, labels))
        asked = Judging(samples=400, metric="classification-accuracy")
        return judging.evaluate(game, record, asked)["classification-accuracy"]

    good = score(train.condition)
    assert good.value > 0.8 and abs(good.value - float(good.extra["bound"])) < 0.1 and good.samples == 400
    shuffled = train.condition[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))]
    assert score(shuffled).value < 0.35


class Drawn(nn.Module):
    """Draws what is asked for: a bar below or none, the lightness of the rest; `deaf`: something else instead, by the noise."""

    def __init__(self, deaf: tuple[bool, bool] = (False, False)) -> None:
        super().__init__()
        self.weight, self.deaf = nn.Parameter(torch.zeros(())), deaf

    @staticmethod
    def draw(bar: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
        pictures = (light * 1.2 - 1).view(-1, 1, 1, 1).repeat(1, 1, 8, 8)
        pictures[bar > 0.5, :, 6:] = 1
        return pictures

    def forward(self, z: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        other = (z[:, 0] > 0.5).float(), torch.special.ndtr(z[:, 1])
        return self.draw(*(other[i] if deaf else condition[:, i] for i, deaf in enumerate(self.deaf)))


@pytest.fixture(scope="module")
def barred(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a run on such pictures, and a column that never changes."""
    folder = tmp_path_factory.mktemp("barred")
    noise = torch.Generator().manual_seed(0)
    rows = torch.stack([(torch.rand(300, generator=noise) < 0.3).float(), torch.rand(300, generator=noise), torch.ones(300)], 1)
    pictures = ((Drawn.draw(rows[:, 0], rows[:, 1])[:, 0] + 1) * 127.5).byte().numpy()
    data = {f"{what}_{part}": each[at] for part, at in (("train", slice(200)), ("test", slice(200, 300)))
            for what, each in (("x", pictures), ("y", rows.numpy()))}  # fmt: skip
    np.savez(folder / "bars.npz", **data)
    return record_of(folder / "bars.npz", folder, classes=0, attributes=3)


def test_attributes_are_obeyed_or_at_chance(barred: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    def score(deaf: tuple[bool, bool]) -> MetricCard:
        game = gan(Drawn(deaf), 0)
        return judging.evaluate(game, barred, Judging(samples=300, metric="attributes"))["attributes-obeyed"]

    good = score((False, False))
    assert good.value > 0.95 and good.value == pytest.approx(float(good.extra["bound"]), abs=0.03) and good.samples == 300
    assert good.low <= good.value <= good.high <= 1 and good.backbone == "images-attributes-v1"
    assert good.extra["columns"] == 2 and "column 2" not in good.extra, "a column that never changes is not counted"
    monkeypatch.setattr(judge_backbone, "train_attributes", lambda *_: pytest.fail("trained again"))
    judge_backbone._made.clear()
    deaf = score((True, True))
    assert deaf.digest == good.digest and deaf.value < float(deaf.extra["chance"]) == pytest.approx(0.35, abs=0.06)
    half = score((False, True))
    assert float(half.extra["column 0"]) > 0.95 and float(half.extra["column 1"]) < 0.1 and half.extra["worst"] == "1"
    assert float(half.extra["column 1 bound"]) > 0.9


def test_attributes_need_attributes(barred: dict[str, Any], record: dict[str, Any], fresh: GAN):
    for asked, of in ((Judging(metric="attributes"), record), (Judging(metric="attributes", backbone="inception"), barred)):
        with pytest.raises(UserError, match=r"--metric attributes needs a run with attributes .* and --backbone own"):
            judging.evaluate(fresh, of, asked)


def test_path_length(fresh: GAN, record: dict[str, Any]):
    card = judging.evaluate(gan(Untrained()), record, Judging(samples=100, metric="path-length"))["path-length"]
    assert 1 < float(card.extra["ratio"]) < 20 and card.low < card.value < card.high and card.extra["space"] == "z"
    jumps = judging.evaluate(fresh, record, Judging(samples=100, metric="path-length"))["path-length"]
    assert float(jumps.extra["ratio"]) > 1000, "a generator that jumps from picture to picture"


def test_intra_frechet_finds_the_class_that_collapsed(found: Real, record: dict[str, Any]):
    assert found.held_out.condition is not None
    pictures = found.held_out.data.clone()
    sevens = found.held_out.condition == 7
    pictures[sevens] = pictures[sevens][:1]
    game = gan(Pictures(pictures, found.held_out.condition))
    card = judging.evaluate(game, record, Judging(samples=400, metric="intra-frechet"))["intra-frechet"]
    assert card.extra["worst"] == "7" and float(card.extra["ratio"]) > 1
    assert float(card.extra["class 7"]) > 2 * float(card.extra["class 7 bound"])
    assert card.low < card.value < card.high and card.extra["classes"] == 10


# Stacked pictures.


def test_stacked(digits: Path, found: Real, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judge_named, "SAMPLES", 4000)
    stacks = record_of(digits, folder, stack=3, channels=3, classes=0)
    assert judging.held_out(stacks).data.shape[1:] == (3, 8, 8)

    class Stacks(Pictures):
        def forward(self, z: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
            return torch.cat([super(Stacks, self).forward(z[:, i : i + 2]) for i in range(3)], 1)

    held = found.held_out
    assert held.condition is not None
    good = judging.evaluate(gan(Stacks(held.data, held.condition), 0), stacks, Judging())
    assert list(good) == ["modes", "stacked-mnist"]
    assert good["modes"].value > 900 and abs(good["modes"].value - float(good["modes"].extra["bound"])) < 40
    assert good["stacked-mnist"].value == pytest.approx(float(good["stacked-mnist"].extra["bound"]), rel=0.2)
    assert good["modes"].samples == 4000 and good["modes"].high <= 1000
    few = held.condition < 3
    poor = judging.evaluate(gan(Stacks(held.data[few], held.condition[few]), 0), stacks, Judging(metric="stacked"))
    assert poor["modes"].value < 100 and poor["stacked-mnist"].value > 2.5
    with pytest.raises(UserError, match=r"--metric stacked-mnist needs a run of images\.stacked"):
        judging.evaluate(gan(Untrained()), record_of(digits, folder), Judging(metric="stacked-mnist"))
    monkeypatch.setattr(judge_named, "accuracy", lambda *_: 0.97)
    with pytest.raises(UserError, match=r"right on 97\.0%, too few to count modes by \(it needs 99%\): --metric stacked counts"):
        judging.evaluate(gan(Untrained(3), 0), stacks, Judging(metric="stacked-mnist"))


# Without labels.


def test_without_labels(tmp_path: Path):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 80, (150, 10, 12, 5), dtype=np.uint8)
    pictures[:, :3] += 100
    np.save(tmp_path / "a.npy", pictures)
    record = record_of(tmp_path / "a.npy", tmp_path, channels=5, height=10, width=12, classes=0)
    found = real(record)
    game = gan(Pictures(found.fetch(torch.arange(found.count)).data, torch.zeros(found.count), noise=0.01), 0)
    cards = judging.evaluate(game, record, Judging(samples=60))
    assert "labels" not in cards and cards["frechet"].backbone == "images-rotation-v1"
    assert (tmp_path / "judge" / "images-rotation-v1.safetensors").is_file()
    judge_backbone._made.clear()
    assert judge_backbone.own(found, record).digest == cards["frechet"].digest
    for metric in ("classification-accuracy", "intra-frechet", "labels", "inception-score"):
        with pytest.raises(UserError, match=f"--metric {metric} needs"):
            judging.evaluate(game, record, Judging(samples=60, metric=metric))
    (image,) = judging.illustrate(game, record).values()
    assert image.mode == "RGB"


# Files.


def test_neighbours_of_a_copier_are_its_samples(train: Sample, record: dict[str, Any]):
    assert train.condition is not None
    game = gan(Pictures(train.data, train.condition))
    sheet = np.asarray(judging.illustrate(game, record)["neighbours"])
    rows = np.array_split(sheet[6:], 4)  # samples, neighbours, samples, neighbours
    assert sheet.shape == (4 * (8 * 8 + 6) + 6, 10 * (8 * 8 + 6) + 6, 3)
    assert np.array_equal(rows[0], rows[1]) and np.array_equal(rows[2], rows[3]) and not np.array_equal(rows[0], rows[2])


def test_files_go_out_and_come_back(tmp_path: Path):
    facts = {"channels": 1, "height": 4, "width": 6}
    values = torch.linspace(-1, 1, 48).view(2, 1, 4, 6)
    made = judging.write(values, torch.tensor([1, 0]), tmp_path / "out")
    assert [path.name for path in made] == ["samples.npz", "grid.png", "000000-1.png", "000001-0.png"]
    assert torch.allclose(judging.read(made[2:], facts).data, values, atol=1 / 127)
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(tmp_path / "deep.tiff")
    assert torch.allclose(judging.read([tmp_path / "deep.tiff"], facts).data, torch.tensor(40_000 / 32767.5 - 1))
    with pytest.raises(UserError, match=r"6x4 pixels; this model takes 8x8"):
        judging.read(made[2:], {"channels": 1, "height": 8, "width": 8})
