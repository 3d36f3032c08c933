"""BigGAN: shapes at any size, chunks of the latent, attention in the middle, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.core.stream import Stream
from rivals.games.auxiliary import AuxiliaryGAN
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.tasks.images import biggan
from rivals.tasks.images.biggan import Discriminator, Generator
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
    torch.manual_seed(0)
    game = biggan.game(facts(form, by))
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
    assert len(weights) == 2 * 3 + 4 + 1  # two blocks of three convolutions, the attention's four, the score
    with torch.no_grad():
        for weight in weights:
            weight.mul_(100)
    torch.testing.assert_close(discriminator(x), scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "where"), [((32, 32), (16, 16)), ((128, 128), (32, 32)), ((112, 92), (28, 23)), ((8, 6), (4, 3)), ((13, 10), (7, 5))]
)
def test_attention_is_in_the_middle(size: tuple[int, int], where: tuple[int, int]) -> None:
    form, seen = Format(1, *size), []
    generator, discriminator = Generator(form, latent=8, width=2, widest=2), Discriminator(form, width=2, widest=2)
    for player in (generator, discriminator):
        player.attention.register_forward_hook(lambda module, given, made: seen.append(tuple(made.shape[2:])))
    discriminator(generator(torch.randn(2, 8)))
    assert seen == [where, where]


def test_every_chunk_of_the_latent_reaches_the_picture() -> None:
    torch.manual_seed(0)
    generator = Generator(Format(1, 13, 10), latent=8, width=4, widest=8).eval()
    assert generator.chunks == [3, 3, 2]
    z, entered = torch.randn(1, 8), []
    generator.stages[1].register_forward_hook(lambda module, given, made: entered.append(given[0]))
    for index in range(8):
        changed = z.clone()
        changed[0, index] += 1
        assert not torch.allclose(generator(z), generator(changed))
        assert torch.equal(*entered[-2:]) == (index >= 6)  # the last chunk enters with the last block, not before


def test_a_latent_shorter_than_the_blocks_is_refused() -> None:
    with pytest.raises(UserError, match="latent is 2: BigGAN cuts it in 3"):
        Generator(Format(1, 13, 10), latent=2)


def test_all_of_both_players_is_under_spectral_norm_but_the_embedding() -> None:
    game = biggan.game(facts(Format(1, 8, 6, classes=3)))
    bare = [name for name, p in game.named_parameters() if p.ndim > 1 and not name.endswith("original")]
    assert bare == ["generator.embed.table.weight"]


@pytest.mark.parametrize(("form", "by"), [(Format(1, 8, 6, classes=3), "projection")], ids=["projection"])
def test_the_contract(form: Format, by: str) -> None:
    assert biggan.game(facts(form, by)).coupled
    check_game(lambda: biggan.game(facts(form, by)), pictures(form), rounds=2)


def test_the_recipe(tmp_path: Path) -> None:
    """Two rounds on random pictures; its facts are enough to build the game again."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels, labels=np.arange(60) % 3)
    small = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "device": "cpu", "out": tmp_path / "run"}
    trainer = biggan.recipe(data=tmp_path / "set.npz", samples=48, mirror=True, **small)
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 6 * 8
    again = biggan.game(trainer.facts)
    again.load_state_dict({name: t for name, t in trainer.game.state_dict().items() if not name.startswith("augment")})
    assert again.sample(2).shape == (2, 3, 13, 10)
