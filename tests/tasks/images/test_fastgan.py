"""FastGAN: shapes at any size, excitation, reconstruction, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rivals.core.game import evaluating
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.nn.noise import Noise
from rivals.tasks.images import fastgan
from rivals.tasks.images.fastgan import Discriminator, Generator
from rivals.testing import check_game

FORMS = [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 112, 92, attributes=3), Format(3, 64, 64)]


def conditions(form: Format, count: int) -> Tensor | None:
    if form.attributes:
        return torch.rand(count, form.attributes)
    return torch.arange(count) % form.classes if form.classes else None


def facts(form: Format, width: int = 2) -> dict[str, Any]:
    rows = conditions(form, 6) if form.attributes else None
    network = {"width": width, "widest": 2 * width, "latent": 6}
    return {**form._asdict(), "network": network} | ({"conditions": rows.tolist()} if rows is not None else {})


def pictures(form: Format, count: int = 32) -> Stream[Sample]:
    data = torch.randn(count, form.channels, form.height, form.width, generator=torch.Generator().manual_seed(0)).tanh()
    return Stream.over(Sample(data, conditions(form, count)))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form: Format) -> None:
    condition = conditions(form, 3)
    fakes = Generator(form, latent=7, width=2, widest=4)(torch.randn(3, 7), condition)
    assert fakes.shape == (3, form.channels, form.height, form.width)
    assert fakes.isfinite().all() and fakes.abs().max() <= 1
    discriminator = Discriminator(form, width=2, widest=4)
    scores = discriminator(fakes, condition)
    assert scores.shape == (3, discriminator.sizes[0][0] * discriminator.sizes[0][1]) and scores.isfinite().all()
    assert discriminator.features(fakes).shape == (3, 4)
    for made, real in discriminator.rebuild(fakes):
        assert made.shape == real.shape and made.abs().max() <= 1


@pytest.mark.parametrize(
    ("side", "span", "levels", "ends"),
    [(256, 4, (1, 2), [5, 6]), (64, 3, (1, 2), [4, 4]), (28, 2, (1, 2), [3, 3]), (13, 2, (0, 1), [2, 2]), (8, 1, (0, 0), [1, 1])],
)
def test_spans(side: int, span: int, levels: tuple[int, int], ends: list[int]) -> None:
    """At 256 pixels as published: 8 -> 128 and 16 -> 256; features at 8 and 16, the whole rebuilt at 128."""
    form = Format(3, side, side)
    generator, discriminator = Generator(form, width=1, widest=1, latent=2), Discriminator(form, width=1, widest=1)
    assert generator.span == span and discriminator.levels == levels and discriminator.ends == ends


def test_the_crop_is_of_the_same_place() -> None:
    """Features that are the picture itself, shrunk: each rebuilt pixel must lie in the crop's own square."""
    form = Format(1, 28, 20)
    discriminator = Discriminator(form, width=2, widest=4)
    discriminator.part = torch.nn.Upsample(scale_factor=2)
    target = torch.arange(28 * 20.0).view(1, 1, 28, 20)
    found = set()
    for _ in range(60):
        made, real = discriminator._crop(target[:, :, ::2, ::2], target, 2)
        assert made.shape == real.shape == (1, 1, 14, 10)
        assert torch.equal(made[:, :, ::2, ::2], real[:, :, ::2, ::2])
        found.add(real[0, 0, 0, 0].item())
    assert len(found) > 10, "another place each time"


def test_excitation_carries_the_small_features_to_the_large_ones() -> None:
    generator, z = Generator(Format(3, 28, 28), latent=6, width=4, widest=8).eval(), torch.randn(2, 6)
    assert len(generator.excite) == 2
    whole = generator(z)
    with torch.no_grad():
        for each in generator.excite:
            each.weigh.bias.fill_(-50.0)
    assert not torch.allclose(whole, generator(z))
    shut = generator(z)
    assert torch.allclose(shut, shut[:, :, :1, :1].expand_as(shut), atol=1e-5), "with shut gates nothing of the picture is left"


def test_the_same_seed_gives_the_same_samples() -> None:
    game = fastgan.game(facts(FORMS[1]))
    with torch.no_grad():
        for module in game.modules():
            if isinstance(module, Noise):
                module.strength.fill_(1)
    with evaluating(game):
        draws = [game.sample(5, noise=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(*draws[:2]) and not torch.allclose(draws[0], draws[2])


def test_the_condition_matters() -> None:
    for form in FORMS[1:3]:
        game, condition = fastgan.game(facts(form)), conditions(form, 4)
        assert condition is not None
        x, z = torch.randn(4, form.channels, form.height, form.width), torch.randn(4, 6)
        with evaluating(game):
            assert not torch.allclose(game.discriminator(x, condition), game.discriminator(x, condition.flip(0)))
            assert not torch.allclose(game.generator(z, condition), game.generator(z, condition.flip(0)))
            assert game.score(Sample(x, condition)).shape == (4,)


def test_reconstruction_falls_in_seconds() -> None:
    """Pictures of one grey tone each."""
    torch.manual_seed(0)
    form = Format(1, 13, 10)
    discriminator = Discriminator(form, width=8, widest=8)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        x = (2 * torch.rand(16, 1, 1, 1) - 1).expand(-1, 1, 13, 10)
        loss = torch.stack([(made - real).abs().mean() for made, real in discriminator.rebuild(x)]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.8 and sum(losses[-10:]) / 10 < 0.4 * losses[0]


def test_contract() -> None:
    form = Format(1, 8, 6, attributes=2)
    check_game(lambda: fastgan.game(facts(form)), pictures(form), batch=4, rounds=2)


def test_the_recipe(tmp_path: Path) -> None:
    """Two rounds on random pictures; its facts are enough to build the game again."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 4), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels)
    small = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "device": "cpu", "out": tmp_path / "run"}
    trainer = fastgan.recipe(data=tmp_path / "set.npz", samples=32, **small)
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 4 * 8
    again = fastgan.game(trainer.facts)
    again.load_state_dict({name: t for name, t in trainer.game.state_dict().items() if not name.startswith("augment")})
    assert again.sample(2).shape == (2, 4, 13, 10)
