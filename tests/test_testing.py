"""check_game must catch broken games: each here breaks one clause of the contract, and is caught by that clause."""

import faulthandler
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed, nn

from rivals.core.game import Game, Losses, Play
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.testing import _one_round, _RowNoise, check_game, check_ranks, fingerprint

POINTS = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
DATA = Stream.over(Sample(POINTS))


class Sound(Game[Sample]):
    """A small game that keeps the contract; those below break it in one place each."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
        self.discriminator = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))

    def round(self, play: Play[Sample]) -> None:
        play.move(self.discriminator, self.discriminator_loss)
        play.move(self.generator, self.generator_loss)

    def fake(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return self.generator(torch.randn(n, 3, generator=noise))

    def discriminator_loss(self, batch: Sample) -> Losses:
        real, fake = self.discriminator(batch.data), self.discriminator(self.fake(len(batch)).detach())
        return {"real": nn.functional.softplus(-real).mean(), "fake": nn.functional.softplus(fake).mean()}

    def generator_loss(self, batch: Sample) -> Losses:
        return {"fake": nn.functional.softplus(-self.discriminator(self.fake(len(batch)))).mean()}

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.fake(n, noise)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {name: torch.optim.Adam(player.parameters(), lr=1e-2) for name, player in self.players().items()}


def test_a_sound_game_passes() -> None:
    before = fingerprint(DATA.fetch(torch.arange(64)).data)
    check_game(Sound, DATA)
    assert fingerprint(POINTS) == before


def caught(make: Callable[[], Game[Sample]], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_game(make, DATA)


# Moves.


class TrainsAnother(Sound):
    """The torchgan way: a loss that steps an optimiser inside."""

    def generator_loss(self, batch: Sample) -> Losses:
        own = torch.optim.SGD(self.discriminator.parameters(), lr=0.1)
        gradients = torch.autograd.grad(self.discriminator(batch.data).mean(), list(self.discriminator.parameters()))
        for parameter, gradient in zip(self.discriminator.parameters(), gradients, strict=True):
            parameter.grad = gradient
        own.step()
        own.zero_grad()
        return super().generator_loss(batch)


class LeavesAGradient(Sound):
    def generator_loss(self, batch: Sample) -> Losses:
        self.discriminator(batch.data).mean().backward()
        return super().generator_loss(batch)


class NeverMoves(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 3)


class Passes(Sound):
    def generator_loss(self, batch: Sample) -> Losses:
        return {}


class CutOff(Sound):
    """Detached by mistake: the generator's loss does not reach it."""

    def generator_loss(self, batch: Sample) -> Losses:
        fake = self.discriminator(self.fake(len(batch)).detach())
        return {"fake": (-fake).mean() + 0 * sum(p.sum() for p in self.generator.parameters())}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (TrainsAnother, "the move of another player changed discriminator"),
        (LeavesAGradient, "another player left a gradient on discriminator"),
        (NeverMoves, r"never moved: \['encoder'\]"),
        (Passes, r"never moved: \['generator'\]"),
        (CutOff, "generator made a move that changed nothing"),
    ],
)
def test_moves(make: type[Sound], told: str) -> None:
    caught(make, told)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda term: {"fake": term * torch.ones(8)}, "'fake' must be a scalar"),
        (lambda term: {"fake": term[None]}, "'fake' must be a scalar"),
        (lambda term: {"fake": term, "note": 0.0}, "'note' must be a scalar tensor"),
        (lambda term: {"": term}, "needs a name"),
        (lambda term: {"fake": term + float("inf")}, "'fake' must be finite"),
        (lambda term: term, "named scalars in a dict, got Tensor"),
    ],
)
def test_losses_are_named_finite_scalars(broken: Callable[[Tensor], Losses], told: str) -> None:
    class Broken(Sound):
        def generator_loss(self, batch):  # its annotation would be as wrong as what it returns
            return broken(super().generator_loss(batch)["fake"])

    caught(Broken, told)


# Sampling.


class IgnoresNoise(Sound):
    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.generator(torch.linspace(0, 1, 3 * n).view(n, 3))


class GlobalNoise(Sound):
    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.fake(n)


class SomeGlobalNoise(Sound):
    """Seeds the global state from the noise, so that the samples at least repeat."""

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        torch.default_generator.manual_seed(int(torch.randint(2**31, (), generator=noise)))
        return self.fake(n)


class CountsSamples(Sound):
    """The buffer is the game's own, or lies in the player, whose average stands there while one samples."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner
        self.get_submodule(owner).register_buffer("drawn", torch.zeros(()))

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        self.get_submodule(self.owner).drawn.add_(n)
        return self.fake(n, noise)


class WrongShape(Sound):
    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.fake(n, noise)[:, :1]


class LeavesEvalMode(Sound):
    """Puts a module that no average replaces into another mode, and leaves it there."""

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        self.generator.weight_sum = None
        self.generator[0].register_buffer("late", torch.zeros(()))
        return self.fake(n, noise)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (IgnoresNoise, "other noise must give other samples"),
        (GlobalNoise, "the same noise must give the same samples"),
        (SomeGlobalNoise, "changed the training state or the global random state"),
        (lambda: CountsSamples(""), "changed the training state"),
        (lambda: CountsSamples("generator"), "changed the training state"),
        (WrongShape, r"samples have shape \(8, 1\), real data \(8, 2\)"),
        (LeavesEvalMode, "changed the training state"),
    ],
)
def test_sampling(make: Callable[[], Sound], told: str) -> None:
    caught(make, told)


# State and resume.


class CountsRounds(Sound):
    """Plain Python state that changes training every `period` rounds."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period, self.rounds = period, 0

    def round(self, play: Play[Sample]) -> None:
        self.rounds += 1
        if self.rounds % self.period == 0:
            play.move(self.discriminator, self.discriminator_loss)
        super().round(play)


class UnregisteredMean(Sound):
    """A tensor that is no buffer, and that the losses read."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(2)

    def discriminator_loss(self, batch: Sample) -> Losses:
        self.mean = 0.9 * self.mean + 0.1 * batch.data.mean(0)
        return super().discriminator_loss(batch) | {"mean": self.discriminator(self.mean[None]).mean().square()}


class UnsavedBuffer(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()), persistent=False)

    def generator_loss(self, batch: Sample) -> Losses:
        self.count += 1
        return {"fake": super().generator_loss(batch)["fake"] * self.count}


class ForeignNoise(Sound):
    """Randomness that is not torch's: the trainer neither seeds nor saves it."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__()
        self.draw = draw

    def generator_loss(self, batch: Sample) -> Losses:
        return {"fake": super().generator_loss(batch)["fake"] * (1 + self.draw())}


@pytest.mark.parametrize(
    "make",
    [
        lambda: CountsRounds(2),
        lambda: CountsRounds(3),
        UnregisteredMean,
        UnsavedBuffer,
        lambda: ForeignNoise(random.random),
        lambda: ForeignNoise(np.random.rand),
        lambda: ForeignNoise(np.random.default_rng(0).random),
    ],
)
def test_state_that_is_not_saved(make: Callable[[], Sound]) -> None:
    caught(make, "gives other bits: the game keeps state that is not saved")


# Micro-batches, precision and ranks.


class Normed(Sound):
    def __init__(self, *, coupled: bool) -> None:
        super().__init__()
        self.coupled = coupled
        self.generator = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))


def test_batch_norm_must_be_declared() -> None:
    caught(lambda: Normed(coupled=False), "differs between a batch and its micro-batches: declare `coupled`")
    check_game(lambda: Normed(coupled=True), DATA)


class Sums(Sound):
    """A sum where a mean belongs: its weight grows with the batch."""

    def generator_loss(self, batch: Sample) -> Losses:
        return {"fake": nn.functional.softplus(-self.discriminator(self.fake(len(batch)))).sum()}


def test_a_sum_over_samples() -> None:
    caught(Sums, "differs between a batch and its micro-batches")


class TooFine(Sound):
    """Finite in full precision; in bf16 1.001 is 1."""

    def discriminator_loss(self, batch: Sample) -> Losses:
        fine = nn.functional.linear(torch.ones(1, 1), torch.full((1, 1), 1.001)).squeeze()
        return super().discriminator_loss(batch) | {"fine": self.discriminator[0].weight.square().sum() / (fine - 1) * 1e-6}


def test_bf16_that_divides_by_zero() -> None:
    with pytest.raises(FloatingPointError, match="loss 'fine' is NaN or infinite"):
        check_game(TooFine, DATA)


class NoisyWeights(Sound):
    """Changes weights outside a move, by each rank's own random numbers."""

    def round(self, play: Play[Sample]) -> None:
        super().round(play)
        with torch.no_grad():
            self.discriminator[0].weight.add_(0.01 * torch.randn(8, 2))


class RankInBuffer(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def round(self, play: Play[Sample]) -> None:
        super().round(play)
        self.seen += 1 + (distributed.get_rank() if distributed.is_initialized() else 0)


class RankInLoss(Sound):
    """The gradients' mean is the same on both ranks, yet not that of one process."""

    def generator_loss(self, batch: Sample) -> Losses:
        rank = distributed.get_rank() if distributed.is_initialized() else 0
        return {"fake": super().generator_loss(batch)["fake"] * (1 + rank)}


class RankInRound(Sound):
    """Ranks that make different moves wait for each other, or add what does not belong together."""

    def round(self, play: Play[Sample]) -> None:
        if distributed.is_initialized():
            faulthandler.disable()  # gloo aborts the process: no trace of that in the tests' output
        super().round(play)
        if distributed.is_initialized() and distributed.get_rank() == 1:
            play.move(self.generator, self.generator_loss)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (NoisyWeights, "two processes hold different weights"),
        (RankInBuffer, "two processes hold different weights"),
        (RankInLoss, "generator.* differs between one process and two"),
        (RankInRound, "a process (failed|died)|two processes hold different weights"),
    ],
)
def test_ranks(make: type[Sound], told: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=told):
        check_ranks(make, DATA, 8, tmp_path)


def test_a_round_that_fails_in_a_process_is_told(tmp_path: Path) -> None:
    class Fails(Sound):
        def round(self, play: Play[Sample]) -> None:
            raise RuntimeError("no such card")

    with pytest.raises(AssertionError, match=re.escape("a process failed: RuntimeError('no such card')")):
        check_ranks(Fails, DATA, 8, tmp_path)


# The noise by row that makes those comparisons possible.


def draws(x: Tensor, p: Tensor) -> dict[str, Tensor]:
    """Every kind of randomness that a loss may use, on a batch x (n, 3) and probabilities p (n, 3)."""
    n = len(x)
    return {
        "randn": torch.randn(n, 4),
        "rand of a tuple": torch.rand((n, 2, 2)),
        "like": torch.randn_like(x) + torch.rand_like(x),
        "randint": torch.randint(9, (n,)),
        "randint between": torch.randint(3, 9, (n, 2)),
        "normal": torch.normal(x, 1.0),
        "bernoulli": torch.bernoulli(p),
        "multinomial": torch.multinomial(p, 2, replacement=True),
        "dropout": nn.functional.dropout(x),
        "gumbel": nn.functional.gumbel_softmax(x),
        "in place": torch.empty(n, 2).normal_() + torch.empty(n, 2).uniform_(-1, 1),
        "one number for all": torch.rand(()) + torch.randn(1, 1),
    }


def test_row_noise_gives_parts_the_rows_of_the_whole() -> None:
    x, p = torch.randn(8, 3), torch.rand(8, 3)
    before = torch.default_generator.get_state()
    with _RowNoise(8, 0):
        whole = draws(x, p)
    for size in (2, 4):
        for start in range(0, 8, size):
            rows = slice(start, start + size)
            with _RowNoise(size, start):
                part = draws(x[rows], p[rows])
            for name, values in whole.items():
                assert torch.equal(part[name], values if name == "one number for all" else values[rows]), name
    assert torch.equal(before, torch.default_generator.get_state())
    for name, values in whole.items():
        assert name == "one number for all" or len({fingerprint(row) for row in values}) > 1, f"{name}: all rows are the same"


def test_row_noise_differs_from_draw_to_draw_and_leaves_generators_alone() -> None:
    with _RowNoise(4, 0):
        assert not torch.equal(torch.randn(4), torch.randn(4))
        given = [torch.randn(4, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*given) and torch.equal(given[0], torch.randn(4, generator=torch.Generator().manual_seed(1)))


def test_the_moves_of_a_round_draw_different_noise_and_micro_batches_the_same() -> None:
    found: list[Tensor] = []

    class Draws(Sound):
        def fake(self, n: int, noise: torch.Generator | None = None) -> Tensor:
            z = torch.randn(n, 3, generator=noise)
            found.append(z)
            return self.generator(z)

    _one_round(Draws, DATA, 8)
    whole = list(found)
    found.clear()
    _one_round(Draws, DATA, 8, micro=4)
    assert len(whole) == 2 and not torch.equal(*whole)
    assert all(torch.equal(torch.cat(found[2 * i : 2 * i + 2]), whole[i]) for i in range(2))
