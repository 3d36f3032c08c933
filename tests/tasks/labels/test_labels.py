"""Few labels: the game, its data and its commands, on scikit-learn's digits."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from rivals import cli
from rivals.core.errors import UserError
from rivals.media.collection import load
from rivals.model import load as open_run
from rivals.nn.format import Format
from rivals.tasks.labels import STEADY, falling, recipe
from rivals.tasks.labels.data import balanced, few
from rivals.tasks.labels.game import SemiSupervised, pull_away
from rivals.tasks.labels.networks import Discriminator, Generator
from rivals.testing import check_game


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels, labels = load_digits(return_X_y=True)
    pixels = np.minimum(pixels * 16, 255).astype(np.uint8).reshape(-1, 8, 8)
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(file, x_train=pixels[:1400], y_train=labels[:1400], x_test=pixels[1400:], y_test=labels[1400:])
    return file


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("labels") / "run"
    recipe(data=digits, labelled=40, samples=8_000, out=out).fit(progress=False)
    return out


def small(form: Format, variant: str = "feature-matching", minibatch: int = 0) -> SemiSupervised:
    players = Generator(form, latent=5, width=8), Discriminator(form, widths=(12, 8), minibatch=minibatch)
    return SemiSupervised(*players, latent=5, variant=variant)  # type: ignore[arg-type]


@pytest.mark.parametrize(("variant", "minibatch"), [("feature-matching", 0), ("complement", 3)])
def test_the_contract(digits: Path, variant: str, minibatch: int) -> None:
    found = few(load(digits), 20, unlabelled=100, pool=None, seed=0)
    check_game(lambda: small(found.pictures.form, variant, minibatch), found.stream(0, 0))


def test_labels_are_balanced_and_not_in_the_pool(digits: Path) -> None:
    found = few(load(digits), 25, unlabelled=None, pool=None, seed=3)
    assert found.shown.condition is not None
    assert sorted(found.shown.condition.bincount().tolist()) == [2] * 5 + [3] * 5
    assert len(found.pool) == 1400 - 25
    shown = {tuple(each.flatten().tolist()) for each in found.shown.data}
    assert not shown & {tuple(each.flatten().tolist()) for each in found.unlabelled(1400)}
    assert (
        balanced(torch.tensor([0, 1, 1, 1, 1]), 4, seed=0).tolist() == balanced(torch.tensor([0, 1, 1, 1, 1]), 4, seed=0).tolist()
    )


def test_pictures_may_have_no_label(digits: Path, tmp_path: Path) -> None:
    with np.load(digits) as arrays:
        held = dict(arrays)
    held["y_train"] = np.where(np.arange(1400) < 60, held["y_train"], -1)
    held["y_test"] = np.where(np.arange(397) % 2, held["y_test"], -1)
    np.savez(tmp_path / "some.npz", **held)
    found = few(load(tmp_path / "some.npz"), 0, unlabelled=None, pool=None, seed=0)
    assert found.pictures.names == [str(each) for each in range(10)] and found.pictures.form.classes == 10
    assert found.shown.condition is not None and found.pictures.held_out.condition is not None
    assert found.shown.condition.tolist() == held["y_train"][:60].tolist()
    assert len(found.pool) == 1340
    assert found.pictures.held_out.condition.tolist() == [each for each in held["y_test"].tolist() if each >= 0]


def test_an_empty_cell_is_no_label(tmp_path: Path) -> None:
    for each in range(60):
        Image.fromarray(np.full((8, 8), 4 * each, np.uint8)).save(tmp_path / f"{each:02}.png")
    rows = [f"{each:02}.png,{('', 'dark' if each < 30 else 'light')[each % 3 == 0]}" for each in range(60)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    found = few(load(tmp_path, labels=tmp_path / "labels.csv"), 0, unlabelled=None, pool=None, seed=0)
    assert found.pictures.names == ["dark", "light"]
    assert len(found.shown) + len(found.pictures.held_out) == 20
    assert len(found.shown) + len(found.pool) == found.pictures.count


def test_pictures_without_labels_help(run: Path) -> None:
    card = open_run(run).evaluate()["classification-error"]
    alone, spread = card.extra["beside labelled pictures alone"], card.extra["beside label spreading"]
    assert card.value < float(alone) - 0.03
    assert 0.02 < float(spread) < 0.5
    assert card.low < card.value < card.high


def test_classes_are_named_by_command(run: Path, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(digits) as arrays:
        held = {name: arrays[name] for name in arrays}
    files = []
    for place in range(30):
        files.append(tmp_path / f"{place}.png")
        Image.fromarray(held["x_test"][place]).save(files[-1])
    with pytest.raises(SystemExit) as done:
        cli.main(["classify", str(run), *map(str, files), "-o", str(tmp_path / "named.csv")])
    assert not done.value.code
    rows = list(csv.DictReader((tmp_path / "named.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == [str(file) for file in files]
    assert sum(int(row["label"]) == held["y_test"][place] for place, row in enumerate(rows)) > 20
    assert capsys.readouterr().out.count("\n") == 30


def test_pull_away_is_the_mean_squared_cosine() -> None:
    assert pull_away(torch.tensor([[1.0, 0.0], [2.0, 0.0]])) == pytest.approx(1)
    assert pull_away(torch.tensor([[1.0, 0.0], [0.0, 3.0]])) == pytest.approx(0)
    assert pull_away(torch.tensor([[1.0, 0.0], [1.0, 1.0]])) == pytest.approx(0.5)


def test_the_first_batch_has_mean_0_and_deviation_1_with_its_noise() -> None:
    network, x = Discriminator(Format(1, 4, 4, 3, 0), widths=(6,)), torch.rand(4000, 1, 4, 4) * 2 - 1
    network.start(x)
    outputs = network.layers[0]((x.flatten(1) + 1) / 2 + 0.3 * torch.randn(4000, 16))
    assert outputs.mean(0).abs().max() < 0.1
    assert (outputs.std(0) - 1).abs().max() < 0.1


def test_features_are_matched_without_noise() -> None:
    network, x = Discriminator(Format(1, 4, 4, 3, 0), widths=(6,)), torch.rand(5, 1, 4, 4)
    assert network.features(x, quiet=True).equal(network.features(x, quiet=True))
    assert not network.features(x).equal(network.features(x))


def test_rates_are_steady_and_then_fall() -> None:
    rate = falling({"generator": 2.0})["generator.lr"]
    assert rate(0) == rate(STEADY) == 2
    assert rate(STEADY) > rate(0.6) > rate(1) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labelled": 9}, "9 labels are fewer than the 10 classes"),
        ({"labelled": 5000}, "more than the 1400 training pictures with a label"),
        ({"labelled": 1390}, "10 pictures without labels are fewer than a batch"),
        ({"labelled": 0}, "no picture is left without a label"),
        ({"unlabelled": 20}, "fewer than a batch"),
        ({"unlabelled": -1}, "unlabelled is -1: give at least 0"),
        ({"unlabelled_weight": -1.0}, "unlabelled_weight is -1.0: give at least 0"),
        ({"labels": Path("none")}, "labels are still labels"),
    ],
)
def test_mistakes_are_told(digits: Path, tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        recipe(data=digits, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_task_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as lab:
        cli.main(["train", "lab", "--data", "ring", "--samples", "500", "--out", str(tmp_path / "lab"), "--threads", "1"])
    assert not lab.value.code
    with pytest.raises(SystemExit) as done:
        cli.main(["classify", str(tmp_path / "lab"), "a.png"])
    assert done.value.code == 2
    assert "takes runs of labels" in capsys.readouterr().err


def test_a_picture_s_class_does_not_depend_on_those_asked_about_with_it(digits: Path) -> None:
    found = few(load(digits), 20, unlabelled=100, pool=None, seed=0)
    judge = small(found.pictures.form, minibatch=3).discriminator
    data = found.pictures.held_out.data[:20]
    judge.train()
    for _ in range(50):
        judge(data)
    judge.eval()
    assert judge.beside.usual.min() > 0  # type: ignore[union-attr, operator]
    with torch.no_grad():
        assert torch.allclose(judge(data)[:1], judge(data[:1]), atol=1e-6)
