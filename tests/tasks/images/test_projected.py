"""Projected GAN: shapes at any size, what stays frozen, what is kept and refused, and the contract of a game."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.nn.frozen import ResNet
from rivals.tasks.images import projected
from rivals.tasks.images.projected import Discriminator, RandomMix, backbone
from rivals.testing import check_game, fingerprint

FORMS = [Format(1, 13, 10), Format(3, 28, 28, classes=4), Format(4, 112, 92, attributes=3)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.manual_seed(0)
    torch.save(ResNet((1, 1, 1, 1), width=2).state_dict(), path)
    return path


def conditions(form: Format, count: int) -> Tensor | None:
    if form.attributes:
        return torch.rand(count, form.attributes)
    return torch.arange(count) % form.classes if form.classes else None


def facts(form: Format, weights: Path) -> dict[str, Any]:
    rows = conditions(form, 6) if form.attributes else None
    network = {"width": 2, "widest": 4, "latent": 6, "judge_width": 4, "least": 32, "backbone": backbone(weights)}
    return {**form._asdict(), "network": network} | ({"conditions": rows.tolist()} if rows is not None else {})


def pictures(form: Format, count: int = 32) -> Stream[Sample]:
    data = torch.randn(count, form.channels, form.height, form.width, generator=torch.Generator().manual_seed(0)).tanh()
    return Stream.over(Sample(data, conditions(form, count)))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form: Format, weights: Path) -> None:
    game, condition = projected.game(facts(form, weights)), conditions(form, 3)
    fakes = game.generator(torch.randn(3, 6), condition)
    assert fakes.shape == (3, form.channels, form.height, form.width)
    scores = game.discriminator(fakes, condition)
    assert scores.shape[0] == 3 and 4 <= scores.shape[1] <= 4 * 16 and scores.isfinite().all()
    assert game.discriminator.features(fakes).shape == (3, 4 * 4)
    if condition is not None:
        with evaluating(game):
            x = fakes.detach()
            assert not torch.allclose(game.discriminator(x, condition), game.discriminator(x, condition.flip(0)))


def test_mixtures_keep_the_sizes_and_the_scale() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(4, channels, side, side) for channels, side in ((8, 32), (16, 16), (32, 8), (64, 4))]
    mix = RandomMix([8, 16, 32, 64], 16)
    mixed = mix(maps)
    assert [m.shape[1:] for m in mixed] == [(16, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4)]
    assert all(0.3 < m.std() < 1.7 for m in mixed)
    assert not any(p.requires_grad for p in mix.parameters())
    maps[3] = maps[3] + 1
    assert all(not torch.allclose(*pair) for pair in zip(mix(maps), mixed, strict=True)), "the coarsest reaches all"
    maps[3] = maps[3] - 1
    maps[0] = maps[0] + 1
    assert [torch.allclose(*pair, atol=1e-4) for pair in zip(mix(maps), mixed, strict=True)] == [False, True, True, True]


def test_what_is_frozen_stays_bit_equal_and_is_no_player(weights: Path) -> None:
    game = projected.game(facts(FORMS[1], weights))
    assert set(game.players()) == {"generator", "discriminator"}
    network = game.discriminator.frozen.network()
    before = [fingerprint(network.state_dict()), fingerprint(game.discriminator.mix.state_dict())]
    heads, made = fingerprint(game.discriminator.heads.state_dict()), fingerprint(list(game.generator.parameters()))
    trainer = Trainer(game, pictures(FORMS[1]), samples=10**6, batch=8, device="cpu")
    for _ in range(3):
        trainer.play()
    assert [fingerprint(network.state_dict()), fingerprint(game.discriminator.mix.state_dict())] == before
    assert fingerprint(game.discriminator.heads.state_dict()) != heads, "the discriminators learn"
    assert fingerprint(list(game.generator.parameters())) != made, "gradients pass the backbone to the generator"
    assert not any("frozen" in key for key in game.state_dict()), "the user's weights are not copied into the run"
    assert any("mix." in key for key in game.state_dict()), "the random mixtures are, for they are the run's own"


def test_sampling_needs_no_backbone_and_scoring_refuses_another(weights: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.pth"
    own.write_bytes(weights.read_bytes())
    kept = facts(FORMS[0], own)
    own.unlink()
    game = projected.game(kept)
    with evaluating(game):
        assert game.sample(2, noise=torch.Generator().manual_seed(0)).shape == (2, 1, 13, 10)
        with pytest.raises(UserError, match=r"mine\.pth is missing"):
            game.score(Sample(torch.zeros(2, 1, 13, 10)))
        torch.save(ResNet((1, 1, 1, 1), width=2).state_dict(), own)
        with pytest.raises(UserError, match=r"mine\.pth was changed"):
            game.score(Sample(torch.zeros(2, 1, 13, 10)))
        own.write_bytes(weights.read_bytes())
        assert game.score(Sample(torch.zeros(2, 1, 13, 10))).shape == (2,)


def test_without_weights_one_line_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--backbone-weights FILE.*https://download\.pytorch\.org") as raised:
        projected.recipe(data=tmp_path, out=tmp_path / "run")
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_the_backbone_is_told_in_the_facts(weights: Path) -> None:
    kept = backbone(weights)
    assert kept["channels"] == [2, 4, 8, 16] and kept["weights"] == str(weights) and len(kept["sha256"]) == 64


def test_widths_are_the_backbones(weights: Path) -> None:
    game = projected.game(facts(Format(4, 8, 6), weights))
    assert isinstance(game.discriminator, Discriminator)
    assert [each.shape[1] for each in game.discriminator.mix.across] == [4, 8, 16, 32], "colours and opacity"


def test_contract(weights: Path) -> None:
    kept = facts(Format(1, 8, 6), weights)
    kept["network"]["least"] = 16
    check_game(lambda: projected.game(kept), pictures(Format(1, 8, 6)), batch=4, rounds=2)


def test_the_recipe(tmp_path: Path, weights: Path) -> None:
    """Two rounds on random pictures, a run whose backbone was changed cannot go on."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 13, 10, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels)
    own = tmp_path / "mine.pth"
    own.write_bytes(weights.read_bytes())
    small = {"width": 2, "widest": 4, "latent": 6, "judge_width": 4, "least": 32, "batch": 8, "device": "cpu"}

    def make() -> Any:
        return projected.recipe(data=tmp_path / "set.npz", backbone_weights=own, samples=32, out=tmp_path / "run", **small)

    trainer = make()
    trainer.fit(progress=False)
    assert trainer.round == 2 and trainer.seen == 4 * 8
    again = projected.game(trainer.facts)
    again.load_state_dict({name: t for name, t in trainer.game.state_dict().items() if not name.startswith("augment")})
    assert again.sample(2).shape == (2, 1, 13, 10)
    torch.save(ResNet((1, 1, 1, 1), width=2).state_dict(), own)
    with pytest.raises(UserError, match=r"changed: network"):
        make().resume()
