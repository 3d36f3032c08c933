"""DCGAN: shapes at any size, every kind of condition, its penalties, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.core.objectives import OBJECTIVES
from rivals.core.stream import Stream
from rivals.games.auxiliary import AuxiliaryGAN
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.tasks.images import dcgan
from rivals.tasks.images.dcgan import Discriminator, Generator, steady
from rivals.testing import check_game

FORMS = [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 112, 92, attributes=3), Format(1, 5, 3, classes=2)]


def conditions(form: Format, count: int) -> torch.Tensor | None:
    if form.attributes:
        return torch.rand(count, form.attributes)
    return torch.arange(count) % form.classes if form.classes else None


def facts(form: Format, **more: str) -> dict[str, Any]:
    rows = conditions(form, 6) if form.attributes else None
    network = {"width": 2, "widest": 4, "latent": 6, "norm": "batch", "condition_by": "projection"}
    network["objective"] = "non-saturating"
    return {**form._asdict(), "network": network | more} | ({"conditions": rows.tolist()} if rows is not None else {})


def pictures(form: Format, count: int = 32) -> Stream[Sample]:
    data = torch.randn(count, form.channels, form.height, form.width, generator=torch.Generator().manual_seed(0)).tanh()
    return Stream.over(Sample(data, conditions(form, count)))


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form: Format, norm: Any) -> None:
    condition = conditions(form, 3)
    fakes = Generator(form, latent=7, width=2, widest=4)(torch.randn(3, 7), condition)
    assert fakes.shape == (3, form.channels, form.height, form.width)
    assert fakes.isfinite().all() and fakes.abs().max() <= 1
    scores = Discriminator(form, width=2, widest=4, norm=norm)(fakes, condition)
    assert scores.shape == (3,) and scores.isfinite().all()


def test_channels_are_the_papers() -> None:
    """64x64: 4x4x512 up to 32x32x64, then the picture; the discriminator mirrors it."""
    generator, discriminator = Generator(Format(3, 64, 64)), Discriminator(Format(3, 64, 64))
    assert generator.start.out_features == 512 * 4 * 4
    assert [stage[0].out_channels for stage in generator.stages] == [256, 128, 64]
    assert [stage[0].out_channels for stage in discriminator.stages] == [512, 256, 128, 64]
    assert [isinstance(stage[1], nn.LeakyReLU) for stage in discriminator.stages] == [False, False, False, True]


@pytest.mark.parametrize("by", ["projection", "embedding", "auxiliary"])
@pytest.mark.parametrize("form", FORMS[1:], ids=str)
def test_the_condition_matters_where_it_should(form: Format, by: Any) -> None:
    game = dcgan.game(facts(form, condition_by=by, norm="none"))
    assert isinstance(game, AuxiliaryGAN) == (by == "auxiliary")
    x, condition = torch.randn(4, form.channels, form.height, form.width), conditions(form, 4)
    assert condition is not None
    for p in game.parameters():
        nn.init.normal_(p)
    with evaluating(game):
        scores, other = game.discriminator(x, condition), game.discriminator(x, condition.flip(0))
        z = torch.randn(4, 6)
        assert not torch.allclose(game.generator(z, condition), game.generator(z, condition.flip(0)))
        if isinstance(game, AuxiliaryGAN):
            h = game.discriminator.features(x)
            assert game.discriminator.classify(h).shape == (4, form.classes + form.attributes)
    assert torch.equal(scores, other) == (by == "auxiliary")


def test_penalties_go_where_they_fit() -> None:
    game = dcgan.game(facts(FORMS[0], objective="wasserstein", norm="none"))
    assert game.objective is OBJECTIVES["wasserstein"]
    steady(game, "none", gamma=0.5, gradient=10.0, clip=0.0)
    assert list(game.penalties) == ["r1", "gradient"] and game.after is None
    steady(game, "batch", gamma=0.0, gradient=0.0, clip=0.01)
    assert not game.penalties and game.after is not None
    game.after(game.discriminator)
    assert max(p.abs().max() for p in game.discriminator.parameters()) <= 0.01
    with pytest.raises(UserError, match="wasserstein needs"):
        steady(game, "none", gamma=0.5, gradient=0.0, clip=0.0)
    with pytest.raises(UserError, match="batch norm mixes"):
        steady(game, "batch", gamma=0.0, gradient=10.0, clip=0.0)


@pytest.mark.parametrize(
    ("form", "more"),
    [(Format(1, 8, 6), {}), (Format(3, 8, 6, classes=3), {"norm": "spectral", "condition_by": "auxiliary"})],
    ids=["batch", "spectral"],
)
def test_the_contract(form: Format, more: dict[str, str]) -> None:
    assert dcgan.game(facts(form, **more)).coupled
    check_game(lambda: dcgan.game(facts(form, **more)), pictures(form), rounds=2)


def test_the_recipe(tmp_path: Path) -> None:
    """Two rounds on random pictures; its facts are enough to build the game again."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels, labels=np.arange(60) % 3)
    small = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "device": "cpu", "out": tmp_path / "run"}
    trainer = dcgan.recipe(data=tmp_path / "set.npz", samples=32, condition_by="embedding", augment="diff", **small)
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 4 * 8
    again = dcgan.game(trainer.facts)
    again.load_state_dict({name: t for name, t in trainer.game.state_dict().items() if not name.startswith("augment")})
    assert again.sample(2).shape == (2, 3, 13, 10)
    with pytest.raises(UserError, match="clip is -1"):
        dcgan.recipe(data=tmp_path / "set.npz", clip=-1.0, **small)


def test_weights_begin_as_the_paper_s_unless_nothing_restores_the_scale() -> None:
    for norm, least, most in (("batch", 0.015, 0.025), ("none", 0.1, 0.6)):
        first = Discriminator(Format(1, 28, 28), width=32, norm=norm).stages[-1][0]  # type: ignore[arg-type, index]
        assert least < first.weight.std() < most, norm
