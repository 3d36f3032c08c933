"""SelfSupervisedGAN: the discriminator learns to rebuild real samples, and the contract of a game."""

import pytest
import torch
from torch import nn

from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Augment, Sample
from rivals.games.self_supervised import Rebuilding, SelfSupervisedGAN
from rivals.testing import check_game


def waves(count: int = 128) -> Stream[Sample]:
    """Eight values on a sine of random phase: they have two degrees of freedom."""
    phase = torch.rand(count, 1, generator=torch.Generator().manual_seed(0)) * 6.28
    return Stream.over(Sample((torch.arange(8) / 2 + phase).sin()))


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(z)


class Discriminator(Rebuilding):
    """Three features, a score and a decoder of them."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(8, 3), nn.Linear(3, 8)
        self.score = nn.Linear(3, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.score(self.encode(x).tanh())

    def rebuild(self, samples: Tensor) -> list[tuple[Tensor, Tensor]]:
        made = self.decode(self.encode(samples).tanh())
        return [(made, samples), (made[:, :4], samples[:, :4])]


def make(rebuild: float = 1.0) -> SelfSupervisedGAN:
    return SelfSupervisedGAN(Generator(), Discriminator(), latent=4, rebuild=rebuild, rate=3e-3)


def test_contract() -> None:
    check_game(make, waves(), rounds=2)


def test_reconstruction_falls() -> None:
    torch.manual_seed(0)
    game = make()
    game.rate = 0.02
    trainer = Trainer(game, waves(), samples=10**6, batch=32, device="cpu")
    losses = [float(trainer.play().losses["discriminator.reconstruction"]) for _ in range(150)]
    assert losses[0] > 1 and sum(losses[-10:]) / 10 < 0.25 * losses[0]


def test_it_is_the_sum_of_mean_differences_of_real_samples_alone() -> None:
    game, batch = make(rebuild=2.0), waves().fetch(torch.arange(16))
    (made, real), (part, half) = game.discriminator.rebuild(batch.data)
    wanted = 2 * ((made - real).abs().mean() + (part - half).abs().mean())
    losses = game.discriminator_loss(batch)
    assert torch.allclose(losses["reconstruction"], wanted) and set(losses) == {"adversarial", "reconstruction"}
    assert set(game.generator_loss(batch)) == {"adversarial"}
    game.rebuild = 0.0
    assert game.discriminator_loss(batch)["reconstruction"] == 0


def test_it_rebuilds_what_the_discriminator_sees() -> None:
    class Negative(Augment):
        def forward(self, samples: Tensor) -> Tensor:
            return -samples

    game, batch = make(), waves().fetch(torch.arange(16))
    game.augment = Negative()
    pairs = game.discriminator.rebuild(-batch.data)
    wanted = sum((made - real).abs().mean() for made, real in pairs)
    assert torch.allclose(game.discriminator_loss(batch)["reconstruction"], torch.as_tensor(wanted))


def test_hinge_and_adam_are_the_papers() -> None:
    game, batch = make(), waves().fetch(torch.arange(16))
    with torch.no_grad():
        game.discriminator.score.weight.zero_()
        game.discriminator.score.bias.fill_(0.25)
    assert game.discriminator_loss(batch)["adversarial"].item() == pytest.approx(0.75 + 1.25)
    assert all(each.param_groups[0]["betas"] == (0.5, 0.999) for each in game.optimizers().values())
