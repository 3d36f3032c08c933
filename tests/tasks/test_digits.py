"""The digits recipe: its data, its contract, and that it learns where an untrained generator fails."""

from pathlib import Path

import pytest
import torch

from rivals.core.stream import Stream
from rivals.games.gan import Sample
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import digits
from rivals.tasks.digits.data import load
from rivals.tasks.digits.metrics import backbone, evaluate
from rivals.testing import check_game


def facts(width: int = 16, latent: int = 8) -> dict[str, object]:
    return {"latent": latent, "width": width, "classes": 10, "objective": "relativistic"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of the demo's run, with smaller players: some seconds."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    digits.recipe(samples=150_000, width=128, out=folder).fit(progress=False)
    return folder


def test_the_splits_are_real_apart_and_balanced() -> None:
    data = load()
    assert len(data.train) == 1195 and len(data.test) == 602 and data.train.data.shape[1:] == (1, 8, 8)
    assert data.train.data.min() == -1 and data.train.data.max() == 1
    for split in (data.train, data.test):
        counts = torch.bincount(split.condition, minlength=10)
        assert counts.min() > 0.09 * len(split)
    rows = {tuple(row.tolist()) for row in data.train.data.flatten(1)}
    assert not any(tuple(row.tolist()) in rows for row in data.test.data.flatten(1)), "a test digit is in the training split"


def test_the_game_keeps_the_contract() -> None:
    data = load()
    check_game(lambda: digits.game(facts()), Stream.over(data.train))


def test_the_judge_reads_real_digits() -> None:
    test = load().test
    read = backbone().classify(backbone()(test.data)).argmax(1)
    assert (read == test.condition).float().mean() > 0.97


def test_a_short_run_learns_and_an_untrained_generator_does_not(run: Path) -> None:
    trained = Model(run).evaluate(Judging(samples=500))
    assert trained["labels"].value >= 0.9 and trained["labels"].extra["classes_seen"] == 10
    assert trained["coverage"].value >= 0.65 and trained["frechet"].extra["ratio"] <= 12
    assert trained["copies"].extra["exact"] == 0
    torch.manual_seed(0)
    untrained = evaluate(digits.game(facts(128, 32)).eval(), {}, Judging(samples=500))
    assert untrained["labels"].value < 0.3 and untrained["coverage"].value < 0.1 and untrained["frechet"].extra["ratio"] > 50


def test_a_memoriser_is_caught() -> None:
    train = load().train

    class Memoriser(type(digits.game(facts()))):  # type: ignore[misc]
        def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> torch.Tensor:
            wanted = given.condition if given else torch.arange(n) % 10
            rows = [(train.condition == digit).nonzero()[i % 100, 0] for i, digit in enumerate(wanted)]
            return train.data[torch.stack(rows)]

    cards = evaluate(Memoriser(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1), latent=1, classes=10), {}, Judging(samples=200))
    assert cards["labels"].value > 0.97, "it looks perfect by every measure of quality"
    assert cards["copies"].value > 0.9 and cards["copies"].extra["exact"] == 200


def test_loading_sampling_and_scoring(run: Path, tmp_path: Path) -> None:
    model = Model(run)
    one, two = model.sample(6, label=3, seed=4), model.sample(6, label=3, seed=4)
    assert torch.equal(one, two) and one.shape == (6, 1, 8, 8)
    assert not torch.equal(one, model.sample(6, label=3, seed=5))
    sevens = model.sample(200, label=7)
    assert (backbone().classify(backbone()(sevens)).argmax(1) == 7).float().mean() > 0.9
    real = [score.probability for score in model.score(Sample(load().test.data))]
    noise = [score.probability for score in model.score(Sample(torch.rand(200, 1, 8, 8) * 2 - 1))]
    fake = [score.probability for score in model.score(Sample(model.sample(602, seed=9)))]
    mean = {name: sum(p) / len(p) for name, p in {"real": real, "fake": fake, "noise": noise}.items()}
    assert mean["noise"] + 0.1 < mean["fake"] < mean["real"], mean
    assert abs((mean["real"] + mean["fake"]) / 2 - 0.5) < 0.1, "one in two is real, and so say the probabilities"
    files = model.task.write(one, None, tmp_path)
    assert len(model.score(path for path in files if path.name.startswith("0"))) == 6


def test_a_run_that_has_not_ended_can_be_loaded(tmp_path: Path) -> None:
    trainer = digits.recipe(samples=12_800, width=16, out=tmp_path / "run")
    for report in trainer:
        if report.progress > 0.5:
            break
    assert not (tmp_path / "run" / "weights").exists()
    samples = Model(tmp_path / "run").sample(3)
    assert samples.shape == (3, 1, 8, 8) and samples.isfinite().all()
