"""SNGAN: shapes at any size, every kind of condition, the bound on the discriminator's slope, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rivals.core.game import evaluating
from rivals.core.stream import Stream
from rivals.games.auxiliary import AuxiliaryGAN
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.tasks.images import sngan
from rivals.tasks.images.sngan import Discriminator, Generator
from rivals.testing import check_game

FORMS = [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 112, 92, attributes=3)]


def conditions(form: Format, count: int) -> torch.Tensor | None:
    if form.attributes:
        return torch.rand(count, form.attributes)
    return torch.arange(count) % form.classes if form.classes else None


def facts(form: Format, by: str = "projection") -> dict[str, Any]:
    rows = conditions(form, 6) if form.attributes else None
    network = {"width": 2, "widest": 4, "latent": 6, "condition_by": by}
    return {**form._asdict(), "network": network} | ({"conditions": rows.tolist()} if rows is not None else {})


def pictures(form: Format, count: int = 32) -> Stream[Sample]:
    data = torch.randn(count, form.channels, form.height, form.width, generator=torch.Generator().manual_seed(0)).tanh()
    return Stream.over(Sample(data, conditions(form, count)))


@pytest.mark.parametrize("by", ["projection", "auxiliary", "embedding"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form: Format, by: Any) -> None:
    condition = conditions(form, 3)
    fakes = Generator(form, latent=7, width=2, widest=4)(torch.randn(3, 7), condition)
    assert fakes.shape == (3, form.channels, form.height, form.width)
    assert fakes.isfinite().all() and fakes.abs().max() <= 1
    discriminator = Discriminator(form, width=2, widest=4, condition_by=by)
    scores = discriminator(fakes, condition)
    assert scores.shape == (3,) and scores.isfinite().all()
    h = discriminator.features(fakes)
    assert h.shape == (3, 4)
    if by == "auxiliary" and form.conditional:
        assert discriminator.classify(h).shape == (3, form.classes + form.attributes)


@pytest.mark.parametrize("by", ["projection", "embedding", "auxiliary"])
@pytest.mark.parametrize("form", FORMS[1:], ids=str)
def test_the_condition_matters_where_it_should(form: Format, by: Any) -> None:
    game = sngan.game(facts(form, by))
    assert isinstance(game, AuxiliaryGAN) == (by == "auxiliary")
    x, condition = torch.randn(4, form.channels, form.height, form.width), conditions(form, 4)
    assert condition is not None
    for p in game.generator.parameters():
        nn.init.normal_(p)  # at first all conditions have the same gains
    with evaluating(game):
        scores, other = game.discriminator(x, condition), game.discriminator(x, condition.flip(0))
        z = torch.randn(4, 6)
        assert not torch.allclose(game.generator(z, condition), game.generator(z, condition.flip(0)))
    assert torch.equal(scores, other) == (by == "auxiliary")


def test_the_slope_is_bounded_by_the_spectral_norm() -> None:
    """Scores of a network whose weights are 100 times as large are the same; without spectral norm they explode."""
    torch.manual_seed(0)
    discriminator = Discriminator(Format(3, 8, 6), width=4).eval()
    x = torch.randn(2, 3, 8, 6)
    scores = discriminator(x)
    weights = [p for name, p in discriminator.named_parameters() if name.endswith("original")]
    assert len(weights) == 2 * 3 + 1  # two blocks of three convolutions, the last block's shortcut among them; the score
    with torch.no_grad():
        for weight in weights:
            weight.mul_(100)
    torch.testing.assert_close(discriminator(x), scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("form", "by"),
    [(Format(1, 8, 6, classes=3), "auxiliary"), (Format(3, 8, 6, attributes=2), "projection")],
    ids=["auxiliary", "projection"],
)
def test_the_contract(form: Format, by: str) -> None:
    assert sngan.game(facts(form, by)).coupled
    check_game(lambda: sngan.game(facts(form, by)), pictures(form), rounds=2)


def test_the_recipe(tmp_path: Path) -> None:
    """Two rounds on random pictures; its facts are enough to build the game again."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels, labels=np.arange(60) % 3)
    small = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "device": "cpu", "out": tmp_path / "run"}
    trainer = sngan.recipe(data=tmp_path / "set.npz", samples=96, condition_by="auxiliary", augment="ada-adaptive", **small)
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 12 * 8
    again = sngan.game(trainer.facts)
    again.load_state_dict({name: t for name, t in trainer.game.state_dict().items() if not name.startswith("augment")})
    assert again.sample(2).shape == (2, 3, 13, 10)
