"""R3GAN's players, its game's contract, and the recipes that play it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rivals import tasks
from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.tasks.images import r3gan
from rivals.tasks.images.r3gan import Discriminator, Generator, Plain, Shape
from rivals.tasks.images.training import conditions_of, format_of
from rivals.testing import check_game

TINY = Shape(width=4, widest=8, expand=1, group=0)


@pytest.mark.parametrize("stem", [1, 2])
@pytest.mark.parametrize(
    "form", [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 7, 30, attributes=3), Format(5, 3, 3)]
)
def test_any_size_channels_and_condition(form: Format, stem: int) -> None:
    shape = TINY._replace(stem=stem)
    told = torch.rand(6, form.attributes) if form.attributes else torch.arange(6) % 4
    condition = told if form.conditional else None
    pictures = Generator(form, shape, latent=8)(torch.randn(6, 8), condition)
    assert pictures.shape == (6, form.channels, form.height, form.width)
    assert Discriminator(form, shape)(pictures, condition).shape == (6,)


def test_the_papers_block_is_the_default() -> None:
    stage = Discriminator(Format(3, 32, 32), Shape(width=32)).stages[0]
    assert stage[0].mix.in_channels == 2 * stage[0].widen.in_channels
    assert stage[0].mix.in_channels // stage[0].mix.groups == 16


def test_a_block_starts_as_the_identity() -> None:
    x = torch.randn(2, 8, 5, 5)
    block = Shape(width=8).stage(8, 4)
    assert torch.equal(block(x), x), "the last convolution starts at zero"


def test_the_condition_moves_the_score() -> None:
    torch.manual_seed(0)
    judge, x = Discriminator(Format(1, 8, 8, classes=3), TINY), torch.randn(3, 1, 8, 8)
    assert not torch.equal(judge(x, torch.tensor([0, 1, 2])), judge(x, torch.tensor([1, 2, 0])))


def facts(**kept: object) -> dict[str, object]:
    form = Format(1, 8, 6, classes=3)
    return form._asdict() | {"shape": TINY._asdict(), "latent": 4, "objective": "relativistic"} | kept


@pytest.mark.parametrize("shape", [TINY, Plain(4, 8), Plain(4, 8, compares=True, finish=4, noise=True)])
def test_the_game_keeps_the_contract(shape: Shape | Plain) -> None:
    data = Stream.over(Sample(torch.rand(16, 1, 8, 6) * 2 - 1, torch.arange(16) % 3))
    check_game(lambda: r3gan.game(facts(shape=shape._asdict())), data)


def test_plain_players_have_no_norm_in_the_discriminator() -> None:
    generator, judge = Plain(4, 8).players(Format(1, 13, 10), 5)
    norms = [sum(isinstance(each, torch.nn.BatchNorm2d) for each in player.modules()) for player in (generator, judge)]
    assert norms[0] > 0 and norms[1] == 0
    scale = judge.features(torch.randn(200, 1, 13, 10)).square().mean().sqrt()  # type: ignore[operator]
    assert 0.3 < scale < 3, "a signal keeps its scale from layer to layer"


def test_larger_pictures_are_finished_at_full_size() -> None:
    small, large = (Plain.of(Format(3, side, 20), 4, 8, "none") for side in (32, 40))
    assert (small.finish, large.finish) == (0, 16) and small.compares and large.compares and (small.noise, large.noise) == (0, 1)
    assert not Plain.of(Format(3, 40, 20), 4, 8, "diff").compares
    generator, _ = large.players(Format(3, 40, 20), 5)
    assert generator.paint.in_channels == 16 and generator(torch.randn(2, 5)).shape == (2, 3, 40, 20)


def test_noise_is_anew_in_training_and_of_the_latent_in_evaluation() -> None:
    generator, _ = Plain(4, 8, finish=4, noise=True).players(Format(1, 21, 13), 5)
    grains = [each for name, each in generator.named_parameters() if name.endswith("strength")]
    assert len(grains) == len(generator.stages) + 1, "each stage and the hidden layer"
    z = torch.randn(3, 5)
    with torch.no_grad():
        assert torch.equal(generator(z), generator(z)), "none at first"
        for each in grains:
            each.fill_(0.5)
        assert not torch.allclose(generator(z), generator(z))
        generator.eval()
        assert torch.equal(generator(z), generator(z))


def test_a_discriminator_that_compares_sees_how_pictures_differ() -> None:
    """In training the score of a picture depends on those beside it; in evaluation it is that picture's alone."""
    _, judge = Plain(4, 8, compares=True).players(Format(1, 13, 10), 5)
    x = torch.randn(6, 1, 13, 10)
    alike = x[:1].expand(6, -1, -1, -1)
    assert not torch.allclose(judge(x)[0], judge(alike)[0], atol=1e-5)
    judge.eval()
    assert torch.allclose(judge(x)[0], judge(alike)[0], atol=1e-6)


def test_conditions_come_back_from_facts() -> None:
    form = Format(1, 8, 6, attributes=2)
    kept = form._asdict() | {"conditions": [[0.0, 1.0], [0.5, 0.25]]}
    told = conditions_of(kept)
    assert format_of(kept) == form and told["attributes"].tolist() == [[0.0, 1.0], [0.5, 0.25]]
    gan = r3gan.game(kept | {"shape": TINY._asdict(), "latent": 4, "objective": "hinge"})
    assert gan.sample(5, noise=torch.Generator().manual_seed(0)).shape == (5, 1, 8, 6)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", x_train=noise[:30], y_train=np.arange(30) % 3, x_test=noise[30:], y_test=np.arange(10) % 3)
    return tmp_path / "set.npz"


def test_two_rounds_of_the_recipe(pictures: Path, tmp_path: Path) -> None:
    trainer = tasks.find("images.r3gan")[1](data=pictures, width=4, widest=8, group=0, samples=32, batch=8, out=tmp_path / "run")
    trainer.fit(progress=False)
    assert trainer.origin["recipe"] == "images.r3gan"
    assert (tmp_path / "run" / "weights" / "generator.safetensors").is_file()
    assert list((tmp_path / "run" / "samples").glob("*.png"))


def test_a_scheduled_augmentation_is_within_reach(pictures: Path, tmp_path: Path) -> None:
    small = {"width": 4, "widest": 8, "group": 0, "samples": 32, "batch": 8, "out": tmp_path / "run"}
    trainer = tasks.find("images.r3gan")[1](data=pictures, augment="ada-scheduled", strength=0.5, **small)
    chances = [trainer.game.augment.chance() for _ in trainer]
    assert chances == pytest.approx([0, 0.25]), "two rounds: at the run's start, and half way"


def test_the_automatic_recipe_says_what_it_chose(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = tasks.find("images")[1](data=pictures, samples=16, batch=4, gamma=0.25, out=tmp_path / "run")
    told = capsys.readouterr().err
    assert "12x10 pixels, as they are" in told and "gamma          0.25, as you said" in told and "minutes" in told
    assert trainer.seen == 0, "the estimate plays another trainer"
    assert trainer.game.penalties.keys() == {"r1", "r2"} and trainer.game.augment.state_dict() is not None


def test_a_discriminator_that_starts_from_another_run_compares_as_that_did(pictures: Path, tmp_path: Path) -> None:
    small = {"data": pictures, "size": "36x30", "network": "plain", "width": 4, "widest": 8, "samples": 32, "batch": 8}
    recipe = tasks.find("images.r3gan")[1]
    for augment in ("none", "diff"):
        recipe(augment=augment, out=tmp_path / augment, **small).fit(progress=False)
    compares = [
        recipe(augment=augment, out=tmp_path / f"{augment}-{start}", start=tmp_path / start, **small).game.discriminator.compare
        for augment in ("none", "diff")
        for start in ("none", "diff")
    ]
    assert [isinstance(each, nn.Sequential) for each in compares] == [True, False, True, False]


def test_a_run_goes_on_with_the_networks_it_began_with(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that fit its pictures by default may have become others since."""
    small = {"data": pictures, "samples": 48, "batch": 8, "out": tmp_path / "run"}
    recipe = tasks.find("images")[1]
    with monkeypatch.context() as earlier:
        earlier.setattr(Plain, "of", classmethod(lambda cls, form, width, widest, augment: cls(4, 8, finish=4)))
        recipe(**small).fit(progress=False)
    later = recipe(**small)
    later.resume()
    assert later.facts["shape"] == {"width": 4, "widest": 8, "finish": 4}


def test_a_stem_of_three_is_refused(pictures: Path) -> None:
    with pytest.raises(UserError, match="stem is 3"):
        r3gan.recipe(data=pictures, stem=3)
    with pytest.raises(UserError, match="--network plain has no blocks"):
        r3gan.recipe(data=pictures, network="plain", stem=2)
