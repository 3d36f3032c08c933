"""StyleGAN: who moves when, the scale of the path length, lazy Adam, truncation, and the contract of a game."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from rivals.core.game import evaluating
from rivals.core.penalties import r1
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.games.style import StyleGAN, StyleGenerator
from rivals.testing import check_game

POINTS = Stream.over(Sample(torch.randn(64, 2, generator=torch.Generator().manual_seed(0))))


class Generator(StyleGenerator):
    """Three layers; a linear map A of their styles, plus the mean, so that J^T y is known."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.map, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
        self.register_buffer("mean", torch.zeros(4))

    def styles(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.map(z).tanh()[:, None].expand(-1, 3, -1)

    def paint(self, styles: Tensor, z: Tensor) -> Tensor:
        return self.last(styles.sum(1))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        styles = self.styles(z)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(styles[:, 0].float().mean(0), 0.01)
        else:
            styles = torch.lerp(self.mean, styles, self.truncation)
        return self.paint(styles, z)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x).squeeze(1)


def make(**settings: Any) -> StyleGAN:
    return StyleGAN(Generator(), Discriminator(), latent=3, **settings)


def test_contract() -> None:
    check_game(lambda: make(penalty_every=2, path_every=3), POINTS, rounds=3)


def test_who_moves_when() -> None:
    game = make(penalty_every=4, path_every=3)
    trainer = Trainer(game, POINTS, samples=10**6, batch=8, device="cpu")
    told = [sorted(trainer.play().losses) for _ in range(7)]
    both = {"discriminator.adversarial", "generator.adversarial"}
    for index, losses in enumerate(told):
        lazy = ({"discriminator.r1"} if index % 4 == 0 else set()) | ({"generator.path-length"} if index % 3 == 0 else set())
        assert set(losses) == both | lazy, f"round {index}"
    game.path_every = 0
    assert all("generator.path-length" not in trainer.play().losses for _ in range(6))


def test_lazy_penalties_are_as_many_times_stronger() -> None:
    game, batch = make(penalty_every=16, path_every=8), POINTS.fetch(torch.arange(8))
    torch.manual_seed(3)
    strong = game.penalty_loss(batch)["r1"]
    game.penalty_every = 1
    torch.manual_seed(3)
    game.penalties = {"r1": r1(1.0)}
    assert torch.allclose(strong, 16 * game.discriminator_loss(batch)["r1"])


def test_path_length_is_that_of_the_jacobian() -> None:
    """G has the same linear map M for the styles of each of L = 3 layers, so |J^T y|^2 = L |M^T y|^2; the mean is held at 0."""
    game, batch = make(path_every=8), POINTS.fetch(torch.arange(16))
    game.path_length.decay = 1.0  # it stays there
    torch.manual_seed(0)
    found = game.path_loss(batch)["path-length"]
    torch.manual_seed(0)
    torch.randn(16, 3)
    y = torch.randn(16, 2) / math.sqrt(1)
    wanted = 8 * 2 / 3 * (3 * (y @ game.generator.last.weight).square().sum(1)).mean()
    assert found.isfinite() and torch.allclose(found, wanted, rtol=1e-4)


def test_the_weight_is_the_papers() -> None:
    """2 / L with r^2 in y is ln 2 / (r^2 (ln r - ln 2)), where L = 2 log2(r) - 2."""
    for r in (8, 64, 1024):
        assert 2 / (2 * math.log2(r) - 2) == pytest.approx(math.log(2) / (math.log(r) - math.log(2)))


def test_adam_is_slowed_for_the_moves_between() -> None:
    made = make(penalty_every=16, path_every=8, rate=2e-3).optimizers()
    for name, c in (("generator", 8 / 9), ("discriminator", 16 / 17)):
        group = made[name].param_groups[0]
        assert group["lr"] == pytest.approx(2e-3 * c) and group["betas"] == (0.0, pytest.approx(0.99**c))
    eager = make(penalty_every=1, path_every=0, rate=2e-3).optimizers()
    assert all(each.param_groups[0]["lr"] == 2e-3 and each.param_groups[0]["betas"] == (0.0, 0.99) for each in eager.values())
    own = make(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.3)).optimizers()
    assert all(isinstance(each, torch.optim.SGD) for each in own.values())


def test_truncation_moves_samples_to_the_mean() -> None:
    game = make()
    trainer = Trainer(game, POINTS, samples=10**6, batch=8, device="cpu")
    for _ in range(20):
        trainer.play()

    def spread(psi: float) -> float:
        game.truncation = psi
        with evaluating(game):
            return float(game.sample(256, noise=torch.Generator().manual_seed(0)).std(0).sum())

    whole, half = spread(1.0), spread(0.5)
    assert 0.1 * whole < half < 0.8 * whole and spread(0.0) < 1e-5
    with trainer.averaged() as average:
        assert average.truncation == 1.0, "the averaged generator has its own"
    game.truncation = 0.5
    before = game.generator.mean.clone()
    game.generator(torch.randn(8, 3))
    assert not torch.equal(before, game.generator.mean), "training follows the mean"
