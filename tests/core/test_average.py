"""Averages: what is sampled from is the mean of the recent weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rivals.core.average import Averages
from rivals.core.game import Game, Losses, Play
from rivals.core.types import Tensor
from rivals.games.gan import Sample


class Toy(Game[Sample]):
    """Two players with a buffer each; only the generator is averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.discriminator = nn.Linear(2, 1)

    def round(self, play: Play[Sample]) -> None: ...

    def loss(self, batch: Sample) -> Losses:
        return {}

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.generator(torch.randn(n, 2, generator=noise))

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {name: torch.optim.SGD(player.parameters(), lr=1.0) for name, player in self.players().items()}


def filled(game: Toy, value: float) -> Toy:
    with torch.no_grad():
        for tensor in (*game.parameters(), *game.buffers()):
            tensor.fill_(value)
    return game


def weight(averages: Averages) -> float:
    values = {value for p in averages.parameters() for value in p.flatten().tolist()}
    assert max(values) - min(values) < 1e-6
    return values.pop()


@given(steps=st.integers(1, 20))
def test_after_a_half_life_the_old_weights_count_for_half(steps: int) -> None:
    game = filled(Toy(), 1.0)
    averages = Averages(game, half_life=100.0)
    filled(game, 0.0)
    for _ in range(steps):  # however many rounds the samples come in
        averages.update(5 * 100 // steps, seen=10**6)
    assert weight(averages) == pytest.approx(0.5 ** (steps * (500 // steps) / 100), rel=1e-4)
    averages.update(100, seen=10**6)
    assert weight(averages) == pytest.approx(0.5 ** (steps * (500 // steps) / 100 + 1), rel=1e-4)


def test_the_half_life_grows_with_the_run() -> None:
    game = filled(Toy(), 1.0)
    averages = Averages(game, half_life=1000.0, ramp=0.05)
    filled(game, 0.0)
    averages.update(50, seen=1000)  # half-life 0.05 * 1000 = 50
    assert weight(averages) == pytest.approx(0.5)
    averages.update(1000, seen=20_000)  # the end of the ramp: 0.05 * 20,000 = 1000
    averages.update(1000, seen=10**9)
    assert weight(averages) == pytest.approx(0.125)


@pytest.mark.parametrize(("half_life", "seen"), [(0.0, 1000), (100.0, 0)])
def test_no_half_life_is_the_last_step(half_life: float, seen: int) -> None:
    game = filled(Toy(), 1.0)
    averages = Averages(game, half_life)
    averages.update(64, seen) if seen else None
    filled(game, 3.0)
    averages.update(64, seen)
    assert weight(averages) == 3


def test_a_round_without_samples_changes_nothing() -> None:
    averages = Averages(game := filled(Toy(), 1.0), 10.0)
    filled(game, 0.0)
    averages.update(0, seen=1000)
    assert weight(averages) == 1


def test_buffers_are_copied_and_only_the_averaged_players_are_there() -> None:
    averages = Averages(game := filled(Toy(), 1.0), 1e9)
    filled(game, 7.0)
    averages.update(1, seen=10**9)
    assert [name for name, _ in averages.named_children()] == ["generator"]
    assert {value for buffer in averages.buffers() for value in buffer.flatten().tolist()} == {7.0}
    assert weight(averages) == pytest.approx(1, abs=1e-6)
    assert not any(p.grad is not None or p.grad_fn is not None for p in averages.parameters())


def test_averages_share_no_memory_with_the_game() -> None:
    averages = Averages(game := Toy(), 1.0)
    mine = {tensor.data_ptr() for tensor in (*averages.parameters(), *averages.buffers())}
    assert mine.isdisjoint(tensor.data_ptr() for tensor in (*game.parameters(), *game.buffers()))


@pytest.mark.parametrize("fails", [False, True])
def test_within_puts_the_averages_in_place_and_restores_players_and_modes(fails: bool) -> None:
    averages = Averages(game := filled(Toy(), 1.0), 1e9)
    filled(game, 5.0)
    game.train()
    game.generator[1].eval()  # a module that its game keeps frozen
    player, modes, names = game.generator, [m.training for m in game.modules()], list(game.players())
    try:
        with averages.within(game) as average:
            assert average is game and game.generator is averages.generator and list(game.players()) == names
            assert not any(module.training for module in game.modules())
            if fails:
                raise OSError("disk full")
    except OSError:
        assert fails
    assert game.generator is player and list(game.players()) == names
    assert [m.training for m in game.modules()] == modes
    assert weight(averages) == 1 and not any(m.training for m in averages.generator.modules())
