"""Noise for each pixel: fresh in training, a function of the latent in evaluation."""

import torch

from rivals.nn.noise import Noise


def test_it_starts_without_effect() -> None:
    x = torch.randn(2, 3, 5, 4)
    assert torch.equal(Noise((5, 4), 16)(x, torch.randn(2, 16)), x)


def test_training_draws_anew_and_evaluation_does_not() -> None:
    noise = Noise((5, 4), 16)
    with torch.no_grad():
        noise.strength.fill_(1)
    x, z = torch.zeros(3, 2, 5, 4), torch.randn(3, 16)
    assert not torch.equal(noise(x, z), noise(x, z))
    noise.eval()
    state = torch.default_generator.get_state()
    first = noise(x, z)
    assert torch.equal(first, noise(x, z)) and torch.equal(state, torch.default_generator.get_state())
    assert torch.equal(first[:, 0], first[:, 1]), "the same on all channels"
    assert not torch.allclose(first[0], first[1]), "another for each picture"


def test_it_has_unit_variance_in_both_modes() -> None:
    for latent in (3, 64):
        noise = Noise((40, 30), latent)
        with torch.no_grad():
            noise.strength.fill_(1)
        x, z = torch.zeros(50, 1, 40, 30), torch.randn(50, latent)
        assert 0.9 < noise(x, z).var() < 1.1
        assert 0.9 < noise.eval()(x, z).var() < 1.1


def test_it_is_smooth_in_the_latent() -> None:
    noise, x, z = Noise((8, 8), 16).eval(), torch.zeros(1, 1, 8, 8), torch.randn(1, 16)
    step = noise.drawn(x, z + 1e-3) - noise.drawn(x, z)
    assert 0 < step.abs().max() < 0.02
