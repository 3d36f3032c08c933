"""Augmentation: what it does to pictures, its gradients, its chances, and that a game keeps its contract with each."""

import math

import pytest
import torch
from torch import nn

from rivals import check_game
from rivals.core.errors import UserError
from rivals.core.penalties import r1, r2
from rivals.core.schedules import linear
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Augment, Sample
from rivals.nn import colour, geometry
from rivals.nn.augment import ADA, AdaptiveADA, DiffAugment, augmentation, cut
from rivals.testing import _RowNoise

CHANGING = ["diff", "ada", "ada-adaptive"]


def pictures(n: int = 6, channels: int = 3, height: int = 9, width: int = 7, seed: int = 0) -> Tensor:
    noise = torch.Generator().manual_seed(seed)
    return torch.rand(n, channels, height, width, generator=noise) * 2 - 1


def strong(name: str) -> Augment:
    """Each operation as often as the augmentation allows."""
    if name == "ada-adaptive":
        return AdaptiveADA(1.0, limit=1.0, colours=1.0)
    return ADA(1.0, colours=1.0) if name == "ada" else DiffAugment(1.0)


def seeded(augment: Augment, x: Tensor, seed: int = 3) -> Tensor:
    torch.manual_seed(seed)
    return augment(x)


# What comes out.


@pytest.mark.parametrize("name", ["none", *CHANGING])
def test_a_chance_of_zero_keeps_every_bit(name: str) -> None:
    x = pictures()
    assert torch.equal(seeded(augmentation(name, 0.0), x), x)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("shape", [(1, 9, 7), (2, 5, 5), (3, 8, 8), (4, 1, 6), (6, 7, 12)])
def test_any_channels_and_size_come_out_changed_and_finite(name: str, shape: tuple[int, int, int]) -> None:
    x = pictures(6, *shape)
    y = seeded(strong(name), x)
    assert y.shape == x.shape and y.dtype == x.dtype and y.isfinite().all()
    assert (y != x).flatten(1).any(1).all(), "a picture stayed as it was at a chance of 1"
    assert torch.equal(y, seeded(strong(name), x)) and not torch.equal(y, seeded(strong(name), x, seed=4))


@pytest.mark.parametrize("name", CHANGING)
def test_strength_is_how_often_a_picture_changes(name: str) -> None:
    x = pictures(2000, 1, 4, 6)
    same = (seeded(augmentation(name, 0.1), x) == x).flatten(1).all(1).float().mean().item()  # type: ignore[arg-type]
    # ADA: 0.9 for the cut, 0.9^4 for zoom, turns, stretch and drift, 0.95^2 for brightness and contrast;
    # flips happen half of the times, moves of whole pixels mostly are none at this size, grey has no hue.
    ada = 0.9 * 0.9**4 * 0.95**2 * 0.95 * 0.975
    assert (0.88 < same < 0.92) if name == "diff" else (abs(same - ada) < 0.04)


@pytest.mark.parametrize("name", CHANGING)
def test_pictures_stay_in_range_on_average(name: str) -> None:
    x = torch.full((4000, 3, 6, 6), 0.6)
    mean = seeded(augmentation(name, 0.8), x).mean(0)  # type: ignore[arg-type]
    assert mean.abs().max() < 1 and mean.min() > -0.1  # dimmed by cuts and flips, not turned round or blown up


@pytest.mark.parametrize("name", CHANGING)
def test_bf16_becomes_fp32_and_is_computed_so_under_autocast(name: str) -> None:
    x = pictures().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = seeded(strong(name), x)
    assert mixed.dtype == torch.float32 and torch.equal(mixed, seeded(strong(name), x.float()))


@pytest.mark.parametrize("name", CHANGING)
def test_rows_draw_their_own_numbers(name: str) -> None:
    x, augment = pictures(8), strong(name)
    with _RowNoise(8, 0):
        whole = augment(x)
    parts = []
    for first in (0, 4):
        with _RowNoise(4, first):
            parts.append(augment(x[first : first + 4]))
    assert torch.equal(whole, torch.cat(parts))


# Gradients.


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gradients_are_those_of_finite_differences_twice(name: str, channels: int) -> None:
    x, augment = pictures(2, channels, 5, 4).double().requires_grad_(), strong(name)

    def change(samples: Tensor) -> Tensor:
        return seeded(augment, samples, seed=1)

    assert change(x).dtype == torch.float64
    assert torch.autograd.gradcheck(change, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(change, x, fast_mode=True)


def test_a_penalty_reaches_the_discriminator_through_the_resampling() -> None:
    x, net = pictures(4, 3, 6, 6).requires_grad_(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 4))
    (slope,) = torch.autograd.grad(net(seeded(ADA(1.0), x)).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert net[0].weight.grad is not None and net[0].weight.grad.abs().max() > 0


# The parts.


def whole(value: float) -> Tensor:
    return torch.tensor([float(value)])


def test_maps_move_whole_pixels_as_tensors_do() -> None:
    x = pictures(1, 2, 5, 5)
    near = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(geometry.resample(x, geometry.scale(whole(-1), whole(1))), x.flip(3), **near)
    for turns in range(4):
        turned = geometry.resample(x, geometry.quarter(whole(turns)))
        torch.testing.assert_close(turned, torch.rot90(x, turns, (2, 3)), **near)
        assert torch.allclose(geometry.quarter(whole(turns)), geometry.rotate(whole(turns * math.pi / 2)), atol=1e-6)
    left = geometry.resample(x, geometry.translate(whole(2), whole(0)), "zeros")
    torch.testing.assert_close(left[..., :3], x[..., 2:], **near)
    assert not left[..., 3:].any()
    mirrored = geometry.resample(x, geometry.translate(whole(0), whole(2)))
    torch.testing.assert_close(mirrored, torch.cat([x[:, :, 2:], x[:, :, [4, 3]]], 2), **near)


def test_a_turn_keeps_distances_on_a_rectangle() -> None:
    x = torch.zeros(1, 1, 9, 21)
    x[0, 0, 4, 14] = 1  # 4 pixels right of the middle
    turned = geometry.resample(x, geometry.rotate(whole(math.pi / 2)), "zeros")
    assert turned.sum() == pytest.approx(1, abs=1e-4)
    assert (turned[0, 0] > 0.99).nonzero().tolist() in ([[0, 10]], [[8, 10]])  # 4 pixels above or below it


def test_composed_maps_are_the_matrix_product() -> None:
    a, b, c = torch.randn(3, 2, 4, 4).unbind(0)
    torch.testing.assert_close(geometry.compose(a, b, c), a @ b @ c)


def test_colour_maps_do_what_their_names_say() -> None:
    x = pictures(2, 3)
    factor, grey = torch.tensor([0.5, 2.0]), x.mean(1, keepdim=True)
    torch.testing.assert_close(colour.recolour(x, colour.brighten(factor, 3)), x + factor[:, None, None, None])
    torch.testing.assert_close(colour.recolour(x, colour.contrast(factor, 3)), x * factor[:, None, None, None])
    torch.testing.assert_close(colour.recolour(x, colour.flip_luma(torch.tensor([1.0, 0.0]), 3))[0], (x - 2 * grey)[0])
    saturated = colour.recolour(x, colour.tint(torch.zeros(2), factor, 3))
    torch.testing.assert_close(saturated, grey + (x - grey) * factor[:, None, None, None])
    third = colour.recolour(x, colour.tint(torch.full((2,), 2 * math.pi / 3), torch.ones(2), 3))
    torch.testing.assert_close(third, x.roll(1, 1))  # a third of the circle: red becomes green


def test_transparency_keeps_out_of_hue_and_luma() -> None:
    x = pictures(2, 4)
    for change in (colour.flip_luma(torch.ones(2), 4), colour.tint(torch.ones(2), torch.full((2,), 3.0), 4)):
        y = colour.recolour(x, change)
        assert torch.equal(y[:, 3], x[:, 3]) and not torch.allclose(y[:, :3], x[:, :3])


def test_a_cut_takes_half_of_each_side() -> None:
    x = torch.ones(2, 3, 8, 12)
    y = cut(x, torch.tensor([[0.5, 0.5], [0.0, 0.5]]), torch.tensor([True, True]))
    assert (y[0, 0] == 0).sum() == 4 * 6 and (y[1, 0] == 0).sum() == 4 * 3  # half of it lies outside
    assert torch.equal(cut(x, torch.rand(2, 2), torch.tensor([False, False])), x)


# Chances.


def test_a_schedule_reads_the_games_progress() -> None:
    augment = augmentation("ada", linear(0.0, 0.6))
    x = pictures()
    assert torch.equal(augment(x), x)
    game = GAN(Net(nn.Identity()), Net(nn.Flatten()), latent=2, augment=augment)
    game.progress = 0.5
    game.judged(x, None)
    assert isinstance(augment, ADA) and augment.chance() == pytest.approx(0.3)


def test_a_scheduled_chance_rises_from_0_along_half_a_cosine() -> None:
    augment = augmentation("ada-scheduled", 0.6)
    game = GAN(Net(nn.Identity()), Net(nn.Flatten()), latent=2, augment=augment)
    x, chances = pictures(), []
    assert isinstance(augment, ADA) and torch.equal(seeded(augment, x), x)
    for game.progress in (0.0, 0.25, 0.5, 0.75, 1.0):
        game.judged(x, None)
        chances.append(augment.chance())
    assert chances == pytest.approx([0.6 * (1 - math.cos(math.pi * part)) / 2 for part in (0, 0.25, 0.5, 0.75, 1)])
    assert chances[0] == 0 and chances[-1] == pytest.approx(0.6)
    assert not torch.equal(seeded(augment, x), x)


@pytest.mark.parametrize("strength", [-0.1, 1.5, math.nan])
def test_a_strength_that_is_no_chance_is_refused(strength: float) -> None:
    with pytest.raises(UserError, match="give a chance from 0 to 1"):
        augmentation("ada", strength)
    with pytest.raises(UserError, match="give a chance from 0 to 1"):
        augmentation("diff", linear(0.0, strength))


def test_an_adaptive_chance_follows_how_many_real_pictures_are_recognised() -> None:
    augment = AdaptiveADA(0.4, pictures=1000)
    sure, unsure, nine_of_ten = torch.full((50,), 0.51), torch.full((50,), 0.49), torch.full((50,), 0.9)
    augment.hear(sure, sure)
    assert augment.p.item() == pytest.approx(0.45)  # 50 of 1,000 pictures
    augment.hear(unsure, sure)
    assert augment.p.item() == pytest.approx(0.40)
    nine_of_ten[:5] = 0.1  # E sign = 0.8
    augment.hear(nine_of_ten, sure)
    nine_of_ten[5:15] = 0.1  # E sign = 0.4
    augment.hear(nine_of_ten, sure)
    assert augment.p.item() == pytest.approx(0.40)
    for _ in range(30):
        augment.hear(sure, sure)
    assert augment.p.item() == pytest.approx(0.8)
    for _ in range(30):
        augment.hear(unsure, sure)
    assert augment.p.item() == 0


def test_the_papers_speed_is_from_0_to_1_in_half_a_million_pictures() -> None:
    augment = augmentation("ada-adaptive", 0.0)
    assert isinstance(augment, AdaptiveADA)
    augment.hear(torch.ones(64, 3), torch.zeros(64, 3))  # a score for each patch: still 64 pictures
    assert augment.p.item() == pytest.approx(64 / 500_000) and augment.coupled
    assert list(augment.state_dict()) == ["p"]


def test_a_matched_generator_looks_the_same_and_a_moved_one_does_not() -> None:
    """The bright half of the pictures: augmented equal sets have equal means, augmented shifted sets do not."""
    real, fake = pictures(3000, 1, 4, 4, seed=1).abs(), pictures(3000, 1, 4, 4, seed=2).abs()
    augment = ADA(0.6)

    def seen(x: Tensor) -> Tensor:
        return augment(x).mean()

    torch.manual_seed(0)
    assert abs(seen(real) - seen(fake)) < 0.03 < 0.1 < abs(seen(real) - seen(-fake))


# The contract.


class Net(nn.Module):
    """A player without conditions."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def small(augment: Augment) -> GAN:
    generator = Net(nn.Linear(4, 3 * 5 * 6), nn.Unflatten(1, (3, 5, 6)), nn.Tanh())
    discriminator = Net(nn.Conv2d(3, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))
    return GAN(generator, discriminator, latent=4, augment=augment, penalties={"r1": r1(0.1), "r2": r2(0.1)})


@pytest.mark.parametrize("name", [*CHANGING, "ada-scheduled"])
def test_a_game_keeps_its_contract(name: str) -> None:
    data = Stream.over(Sample(pictures(32, 3, 5, 6)))
    check_game(lambda: small(augmentation(name, 0.5)), data, rounds=4 if name == "ada-scheduled" else 2)  # type: ignore[arg-type]
