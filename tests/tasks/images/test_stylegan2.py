"""StyleGAN2: shapes at any size, what styles and seeds decide, what it learns in seconds, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.nn.modulation import Styled, mixed
from rivals.nn.noise import Noise
from rivals.tasks.images import stylegan2
from rivals.tasks.images.stylegan2 import Discriminator, Generator
from rivals.testing import check_game

FORMS = [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 112, 92, attributes=3)]


def conditions(form: Format, count: int) -> Tensor | None:
    if form.attributes:
        return torch.rand(count, form.attributes)
    return torch.arange(count) % form.classes if form.classes else None


def facts(form: Format) -> dict[str, Any]:
    rows = conditions(form, 6) if form.attributes else None
    network = {"width": 2, "widest": 4, "latent": 6, "depth": 2, "mixing": 0.9}
    return {**form._asdict(), "network": network} | ({"conditions": rows.tolist()} if rows is not None else {})


def pictures(form: Format, count: int = 32) -> Stream[Sample]:
    data = torch.randn(count, form.channels, form.height, form.width, generator=torch.Generator().manual_seed(0)).tanh()
    return Stream.over(Sample(data, conditions(form, count)))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form: Format) -> None:
    condition = conditions(form, 3)
    generator = Generator(form, latent=7, width=2, widest=4)
    fakes = generator(torch.randn(3, 7), condition)
    assert fakes.shape == (3, form.channels, form.height, form.width) and fakes.isfinite().all()
    assert generator.styles(torch.randn(3, 7), condition).shape == (3, generator.layers, 7)
    discriminator = Discriminator(form, width=2, widest=4)
    scores = discriminator(fakes, condition)
    assert scores.shape == (3,) and scores.isfinite().all()
    assert discriminator.features(fakes).shape == (3, 4)


def test_there_are_as_many_styles_as_published() -> None:
    """18 at 1024x1024."""
    assert [Generator(Format(3, side, side), width=2, widest=2, latent=2).layers for side in (8, 32, 1024)] == [4, 8, 18]
    generator = Generator(Format(3, 32, 32), width=2, widest=2, latent=2)
    assert len([m for m in generator.modules() if isinstance(m, Styled)]) == 2 * 4 - 1


def test_the_same_seed_gives_the_same_samples_and_others_vary() -> None:
    form = FORMS[1]
    game = stylegan2.game(facts(form))
    with torch.no_grad():
        for module in game.modules():
            if isinstance(module, Noise):
                module.strength.fill_(1)
    with evaluating(game):
        draws = [game.sample(5, noise=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
        assert torch.equal(*draws[:2]) and not torch.allclose(draws[0], draws[2])
        z, condition = torch.randn(5, 6), torch.tensor([0, 0, 1, 2, 3])
        alone = torch.cat([game.generator(z[i : i + 1], condition[i : i + 1]) for i in range(5)])
        assert torch.allclose(alone, game.generator(z, condition), atol=1e-5), "a picture is a function of its own latent"
    assert not torch.equal(game.generator(z, condition), game.generator(z, condition)), "training has fresh noise"


def test_mixing_leaves_what_comes_before_the_crossover() -> None:
    generator = Generator(Format(3, 28, 28), latent=6, width=4, widest=8).eval()
    seen: list[Tensor] = []
    for module in generator.modules():
        if isinstance(module, Styled):
            module.register_forward_hook(lambda _, __, out: seen.append(out))
    first, second = (generator.styles(torch.randn(2, 6)) for _ in range(2))
    z = torch.randn(2, 6)
    generator.paint(first, z)
    plain = list(seen)
    assert len(plain) == generator.layers - 1
    for crossover in range(1, generator.layers):
        seen.clear()
        generator.paint(mixed(first, second, torch.full((2,), crossover)), z)
        same = [torch.allclose(*pair, atol=1e-6) for pair in zip(plain, seen, strict=True)]
        assert same == [True] * min(crossover, len(plain)) + [False] * (len(plain) - crossover)


def test_the_share_of_mixed_pictures() -> None:
    for share in (0.0, 0.9, 1.0):
        generator = Generator(Format(1, 8, 8), latent=6, width=2, widest=2, mixing=share)
        styles = generator.styles(torch.randn(2000, 6))
        changed = generator._mixed(styles, None, torch.randn(2000, 6))
        assert torch.equal(changed[:, 0], styles[:, 0]), "the first layer is never the other's"
        assert abs((changed[:, -1] != styles[:, -1]).any(1).float().mean() - share) < 0.03


def test_truncation_holds_in_evaluation() -> None:
    generator, z = Generator(Format(1, 8, 8), latent=6, width=4, widest=8), torch.randn(64, 6)
    for _ in range(1000):
        generator.mean.lerp_(generator.styles(torch.randn(64, 6)).detach()[:, 0].mean(0), 0.005)
    assert torch.allclose(generator.mean, generator.styles(torch.randn(20000, 6)).detach()[:, 0].mean(0), atol=0.05)
    generator.eval().truncation = 0.0
    pictures = generator(z)
    assert torch.allclose(pictures, pictures[:1].expand_as(pictures), atol=1e-5), "all are the mean's"
    generator.truncation = 1.0
    assert generator(z).std(0).mean() > 1e-3


def test_scores_are_of_one_picture_in_evaluation_and_of_the_batch_in_training() -> None:
    form = FORMS[1]
    game, x, condition = stylegan2.game(facts(form)), torch.randn(4, 3, 28, 28), conditions(FORMS[1], 4)
    assert game.coupled
    with evaluating(game):
        scores = game.score(Sample(x, condition))
        assert torch.allclose(scores[:1], game.score(Sample(x[:1], condition[:1])), atol=1e-5)
        assert not torch.allclose(scores, game.score(Sample(x, condition.flip(0))))
    other = torch.cat([x[:1], 3 * x[1:]])
    assert not torch.allclose(game.discriminator(x, condition)[0], game.discriminator(other, condition)[0])


def test_path_length_reaches_the_generator() -> None:
    form = FORMS[0]
    game, batch = stylegan2.game(facts(form)), pictures(form).fetch(torch.arange(4))
    loss = game.path_loss(batch)["path-length"]
    assert loss.isfinite() and loss > 0
    loss.backward()
    touched = {name.split(".")[0] for name, p in game.generator.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"constant", "stages"} <= touched and game.path_length.mean > 0


def test_contract() -> None:
    form = Format(3, 8, 6, classes=2)

    def make() -> stylegan2.StyleGAN:
        game = stylegan2.game(facts(form))
        game.penalty_every, game.path_every = 2, 2
        return game

    check_game(make, pictures(form), batch=4, rounds=3)


def test_the_recipe(tmp_path: Path) -> None:
    """Two rounds on random pictures; its facts are enough to build the game again."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels, labels=np.arange(60) % 3)
    small = {"width": 2, "widest": 4, "latent": 6, "batch": 8, "device": "cpu", "out": tmp_path / "run"}
    trainer = stylegan2.recipe(data=tmp_path / "set.npz", samples=48, path_every=1, **small)
    assert trainer.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(2.5e-3 / 2)
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 7 * 8, "two moves a round, two path lengths, one r1"
    again = stylegan2.game(trainer.facts)
    again.load_state_dict(trainer.game.state_dict())
    assert again.sample(2).shape == (2, 3, 13, 10) and (tmp_path / "run" / "weights" / "generator.safetensors").is_file()
    assert trainer.facts["network"]["mixing"] == 0, "for small pictures"
    del small["out"]
    large = stylegan2.recipe(data=tmp_path / "set.npz", size="40x32", samples=48, **small)
    assert large.facts["network"]["mixing"] == 0.9 and large.game.path_every == 8
    assert stylegan2.recipe(data=tmp_path / "set.npz", samples=48, **small).game.path_every == 0
    with pytest.raises(UserError, match=r"mixing is 1\.5"):
        stylegan2.recipe(data=tmp_path / "set.npz", mixing=1.5)
    with pytest.raises(UserError, match="gamma is -1"):
        stylegan2.recipe(data=tmp_path / "set.npz", gamma=-1.0)
