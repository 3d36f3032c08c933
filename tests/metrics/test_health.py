"""Each fault is named once, with its figure and moment; a healthy game is left alone."""

import warnings

import pytest
import torch
from torch import Tensor, nn

from rivals.core.objectives import non_saturating
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.gan import GAN, Sample
from rivals.metrics import Health


class Net(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs))
        self.gain, self.shift = gain, shift

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x) * self.gain + self.shift


class Knowing(Net):
    """A discriminator that knows already: real points lie near 0, generated ones near 1000."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.where(x[:, :1].abs() < 100, 9.0, -9.0) + super().forward(x.clamp(-1, 1))


def play(generator: nn.Module, discriminator: nn.Module) -> Trainer[Sample]:
    torch.manual_seed(0)
    points = Sample(torch.randn(256, 2))
    gan = GAN(generator, discriminator, latent=4, objective=non_saturating)
    trainer = Trainer(gan, Stream.over(points), samples=1280, batch=16, log_every=32, half_life=1.0)
    return trainer.fit(Health(), progress=False)


def test_a_healthy_game_is_left_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        play(Net(4, 2), Net(2, 1))


def test_a_discriminator_that_has_won() -> None:
    with pytest.warns(UserWarning, match=r"samples: the discriminator has won.*V\(D,G\) = -0\.0") as found:
        play(Net(4, 2, shift=1000.0), Knowing(2, 1))
    assert len([w for w in found if "has won" in str(w.message)]) == 1


def test_a_dead_discriminator() -> None:
    with pytest.warns(UserWarning, match="the discriminator is dead.*to the last digit"):
        play(Net(4, 2), Net(2, 1, gain=0.0))


def test_a_constant_generator() -> None:
    with pytest.warns(UserWarning, match="samples are all alike"):
        play(Net(4, 2, gain=0.0), Net(2, 1))
