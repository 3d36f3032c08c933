"""Trainer.move: one optimiser step of one player on the sum of its named losses; and the contract for every kind of GAN."""

import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from rivals.core import objectives
from rivals.core.game import Game, Losses, Play
from rivals.core.objectives import OBJECTIVES
from rivals.core.penalties import LeCam, Penalty, clip_weights, consistency, dragan, gradient_penalty, r1, r2
from rivals.core.schedules import linear
from rivals.core.stream import Stream
from rivals.core.trainer import NotFinite, Trainer
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Sample
from rivals.testing import check_game, fingerprint

Round = Callable[["Toy", Play[Sample]], None]


def ring(n: int = 64, classes: int = 3) -> Sample:
    """Points round a circle, and which third of it they lie on."""
    angle = torch.arange(n) / n * 2 * torch.pi
    return Sample(torch.stack([angle.cos(), angle.sin()], 1), torch.arange(n) * classes // n)


DATA = Stream.over(ring())
PLAIN = Stream.over(Sample(ring().data))


class Toy(Game[Sample]):
    """Two linear players and a round that the test writes; plain gradient descent at rate 1."""

    def __init__(self, script: Round) -> None:
        super().__init__()
        torch.default_generator.manual_seed(0)
        self.generator, self.discriminator, self.script = nn.Linear(2, 2), nn.Linear(2, 1), script

    def round(self, play: Play[Sample]) -> None:
        self.script(self, play)

    def fit(self, batch: Sample) -> Losses:
        return {"fit": (self.generator(batch.data) - batch.data).square().mean()}

    def judge(self, batch: Sample) -> Losses:
        return {"real": -self.discriminator(batch.data).mean(), "fake": self.discriminator(self.generator(batch.data)).mean()}

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        return self.generator(torch.randn(n, 2, generator=noise))

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {name: torch.optim.SGD(player.parameters(), lr=1.0) for name, player in self.players().items()}

    def observe(self, batch: Sample) -> dict[str, Tensor]:
        assert not self.training and not torch.is_grad_enabled()
        return {"size": torch.tensor(float(len(batch)))}


def trainer(game: Game[Sample] | Round, **settings: Any) -> Trainer[Sample]:
    game = game if isinstance(game, Game) else Toy(game)
    return Trainer(game, settings.pop("data", DATA), **{"samples": 1000, "batch": 8, "device": "cpu"} | settings)


def weights(module: nn.Module) -> str:
    return fingerprint(dict(module.named_parameters()))


# What a move does.


def test_the_sum_of_the_named_losses_is_minimised() -> None:
    def script(game: Toy, play: Play[Sample]) -> None:
        total = lambda: game.generator.weight.sum()  # noqa: E731
        found.update(play.move(game.generator, lambda batch: {"twice": 2 * total(), "thrice": 3 * total()}))

    found: Losses = {}
    one = trainer(script)
    before = one.game.generator.weight.detach().clone()
    report = one.play()
    assert torch.allclose(one.game.generator.weight, before - 5)
    assert set(found) == {"twice", "thrice"} and not any(term.requires_grad for term in found.values())
    assert found["twice"].item() == pytest.approx(2 * before.sum().item(), rel=1e-5)
    assert set(report.losses) == {"generator.twice", "generator.thrice"}


def test_no_loss_is_a_pass() -> None:
    one = trainer(lambda game, play: play.move(game.generator, lambda batch: {}) and None)
    before = weights(one.game)
    report = one.play()
    assert report.losses == {} and weights(one.game) == before and report.seen == 8


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_only_the_player_moves_and_has_a_gradient(player: str) -> None:
    one = trainer(lambda game, play: play.move(getattr(game, player), game.judge) and None)
    other = next(child for name, child in one.players.items() if name != player)
    before, mine = weights(other), weights(one.players[player])
    one.play()
    assert weights(other) == before and all(p.grad is None for p in other.parameters())
    assert weights(one.players[player]) != mine


def test_a_frozen_parameter_stays() -> None:
    one_game = Toy(lambda game, play: play.move(game.generator, game.fit) and None)
    one_game.generator.bias.requires_grad_(False)
    one, before = trainer(one_game), one_game.generator.bias.clone()
    one.play()
    assert torch.equal(one_game.generator.bias, before) and one_game.generator.bias.grad is None


def test_a_batch_that_is_given_serves_two_moves_and_counts_once() -> None:
    def script(game: Toy, play: Play[Sample]) -> None:
        batch = play.draw()
        play.move(game.discriminator, lambda got: batches.append(got) or game.judge(got), batch)
        play.move(game.generator, lambda got: batches.append(got) or game.fit(got), batch)

    batches: list[Sample] = []
    one = trainer(script)
    assert one.play().seen == 8 and batches[0] is batches[1]


def test_fresh_batches_follow_the_stream() -> None:
    batches: list[Sample] = []
    one = trainer(lambda game, play: play.move(game.generator, lambda got: batches.append(got) or game.fit(got)) and None)
    for _ in range(12):
        one.play()
    assert torch.equal(torch.cat([b.condition for b in batches]), next(DATA(0, 96, 96)).condition)


@pytest.mark.parametrize("micro", [1, 3, 4, 8, 100])
def test_micro_batches_are_the_full_batch(micro: int) -> None:
    def script(game: Toy, play: Play[Sample]) -> None:
        play.move(game.discriminator, lambda got: sizes.append(len(got)) or game.judge(got))
        play.move(game.generator, game.fit)

    sizes: list[int] = []
    whole, parts = trainer(script), trainer(script, micro=micro)
    expected = whole.play()
    sizes.clear()
    found = parts.play()
    assert sizes == [min(micro, 8 - start) for start in range(0, 8, micro)]
    for name, tensor in whole.game.state_dict().items():
        assert torch.allclose(tensor, parts.game.state_dict()[name], atol=1e-6)
    for name, term in expected.losses.items():
        assert torch.allclose(term, found.losses[name], atol=1e-6)


# NaN and infinity.


def poisoned(player: str, site: str, batch: Sample, row: int) -> tuple[Callable[[Toy, Sample], Losses], Sample, str]:
    """A loss with a fault at `site`, the batch to give it, and what the message must name."""
    if site == "data NaN" or site == "data infinite":
        data = batch.data.clone()
        data[row] = float("nan") if site == "data NaN" else float("inf")
        return lambda game, got: {"fit": (game.get_submodule(player)(got.data)).square().mean()}, Sample(data), "'fit'"

    def loss(game: Toy, got: Sample) -> Losses:
        term = game.get_submodule(player)(got.data).square().mean()
        zero = game.get_submodule(player).weight.sum() * 0
        bad = {
            "loss NaN": term + float("nan"),  # its gradient is finite
            "loss infinite": term * float("inf"),
            "gradient": zero.sqrt(),  # 0, with an infinite slope
        }[site]
        return {"fit": term, "bad": bad}

    return loss, batch, "gradient" if site == "gradient" else "'bad'"


@pytest.mark.parametrize("site", ["loss NaN", "loss infinite", "gradient", "data NaN", "data infinite"])
def test_a_move_that_is_not_finite_is_named_and_not_made(site: str) -> None:
    assert sum(caught(site, random.Random(seed)) for seed in range(20)) == 20


def caught(site: str, draw: random.Random) -> bool:
    """Whether a fault in a random round, player and row is named, with the weights as they were before."""
    player, at, row = draw.choice(["generator", "discriminator"]), draw.randrange(5), draw.randrange(8)
    loss, _, named = poisoned(player, site, ring(8), row)
    before = ""

    def script(game: Toy, play: Play[Sample]) -> None:
        nonlocal before
        play.move(game.discriminator, game.judge)
        if play.round == at:
            before = weights(game)
            play.move(getattr(game, player), lambda got: loss(game, got), poisoned(player, site, play.draw(), row)[1])
        play.move(game.generator, game.fit)

    one = trainer(script, micro=draw.choice([None, 4]), schedules={"lr": linear(0.01, 0.01)})
    for _ in range(at):
        one.play()
    with pytest.raises(NotFinite, match=f"round {at}.* the {player}'s .*{named}"):
        one.play()
    return weights(one.game) == before


def test_a_run_that_is_not_finite_stops_at_that_round() -> None:
    def script(game: Toy, play: Play[Sample]) -> None:
        play.move(game.generator, lambda batch: {"boom": game.generator.weight.sum() * (float("nan") if play.round == 3 else 1)})

    reports = []
    with pytest.raises(NotFinite, match="boom"):
        for report in trainer(script):
            reports.append(report.round)
    assert reports == [0, 1, 2]


# What the trainer sets before and after.


def test_schedules_set_rates_and_betas_of_one_player_or_all() -> None:
    class Adam(Toy):
        def optimizers(self) -> dict[str, torch.optim.Optimizer]:
            return {name: torch.optim.Adam(player.parameters()) for name, player in self.players().items()}

    schedules: Mapping[str, Callable[[float], Any]] = {
        "lr": linear(1, 0),
        "discriminator.betas": lambda progress: (progress, 0.9),
        "generator.lr": linear(0.5, 0.5),
    }
    one = trainer(Adam(lambda game, play: play.draw() and None), samples=32, schedules=schedules)
    for played in range(4):
        one.play()
        d, g = one.optimizers["discriminator"].param_groups[0], one.optimizers["generator"].param_groups[0]
        assert (d["lr"], d["betas"]) == (1 - played / 4, (played / 4, 0.9))
        assert (g["lr"], g["betas"]) == (0.5, (0.9, 0.999))
    assert one.game.progress == 0.75 and one.progress == 1


def test_observe_sees_the_last_batch_in_eval_mode_and_when_it_is_due() -> None:
    one = trainer(lambda game, play: play.move(game.generator, game.fit) and None, log_every=16)
    reports = [one.play() for _ in range(4)]
    assert [set(report.observed) for report in reports] == [set(), {"size"}, set(), {"size"}]
    assert reports[1].observed["size"].item() == 8 and one.game.training


def test_bf16_reaches_the_losses_and_leaves_weights_in_full_precision() -> None:
    kinds: list[torch.dtype] = []

    def loss(game: Toy, batch: Sample) -> Losses:
        kinds.append(game.generator(batch.data).dtype)
        return game.fit(batch)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this machine's processor may have no bf16
        one = trainer(lambda game, play: play.move(game.generator, lambda b: loss(game, b)) and None, precision="bf16")
    report = one.play()
    assert kinds == [torch.bfloat16] and report.losses["generator.fit"].dtype == torch.float32
    assert {p.dtype for p in one.game.parameters()} == {torch.float32}
    assert one.game.generator.weight.grad.dtype == torch.float32


def test_a_round_is_a_function_of_seed_and_round() -> None:
    def draws(seed: int) -> list[float]:
        found: list[float] = []
        one = trainer(lambda game, play: play.draw() and found.append(torch.rand(()).item()), seed=seed)
        for _ in range(3):
            one.play()
            torch.rand(7)  # what a caller draws between rounds changes nothing
        return found

    assert draws(0) == draws(0) != draws(1) and len(set(draws(0))) == 3


# The order of a GAN's moves.


class Generator(nn.Module):
    """(n, 4) noise, with or without a class of three -> points of the plane."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(nn.Linear(4 + classes, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        return self.layers(z if label is None else torch.cat([z, one_hot(label, self.classes)], 1))


class Discriminator(nn.Module):
    """Points of the plane, with or without a class of three -> scores (n,)."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(nn.Linear(2 + classes, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        return self.layers(x if label is None else torch.cat([x, one_hot(label, self.classes)], 1)).squeeze(1)


def gan(classes: int = 3, **settings: Any) -> GAN:
    return GAN(Generator(classes), Discriminator(classes), latent=4, classes=classes, **settings)


def moves(one: Trainer[Sample], rounds: int) -> list[tuple[str, ...]]:
    """Who moved in each round, with the losses' names."""
    found: list[list[str]] = []
    move = one.move

    def watched(player: nn.Module, loss: Any, batch: Sample | None = None) -> Losses:
        losses = move(player, loss, batch)
        found[-1].append(next(name[0] for name, child in one.players.items() if child is player) + ":" + "+".join(losses))
        return losses

    one.move = watched
    for _ in range(rounds):
        found.append([])
        one.play()
    return [tuple(each) for each in found]


def test_the_discriminator_moves_n_times_before_the_generator() -> None:
    one = trainer(gan(discriminator_moves=3, penalties={"r1": r1(1.0)}))
    assert moves(one, 2) == [("d:adversarial+r1",) * 3 + ("g:adversarial",)] * 2
    assert one.seen == 2 * 4 * 8


def test_a_lazy_penalty_moves_every_k_rounds_k_times_as_strong() -> None:
    plain, lazy = gan(penalties={"r1": r1(1.0)}), gan(penalties={"r1": r1(1.0)}, penalty_every=3)
    found = moves(trainer(lazy), 4)
    with_penalty, without = ("d:adversarial", "d:r1", "g:adversarial"), ("d:adversarial", "g:adversarial")
    assert found == [with_penalty, without, without, with_penalty]
    lazy.load_state_dict(plain.state_dict())
    terms = [game.penalty_loss(ring())["r1"].item() for game in (plain, lazy)]
    assert terms[1] == pytest.approx(3 * terms[0])


def test_clipping_comes_after_each_move_of_the_discriminator() -> None:
    game = gan(objective=objectives.wasserstein, after=clip_weights(0.01))
    trainer(game).play()
    assert max(p.abs().max().item() for p in game.discriminator.parameters()) <= 0.01
    assert max(p.abs().max().item() for p in game.generator.parameters()) > 0.01


# The contract, for every kind of GAN.


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_passes_the_contract(name: str) -> None:
    check_game(lambda: gan(objective=OBJECTIVES[name]), DATA)


KINDS: dict[str, Callable[[], GAN]] = {
    "relativistic, r1 and r2": lambda: gan(penalties={"r1": r1(linear(2, 1)), "r2": r2(linear(2, 1))}),
    "WGAN-GP": lambda: gan(
        objective=objectives.wasserstein, penalties={"gradient": gradient_penalty(10.0)}, discriminator_moves=2
    ),
    "WGAN, clipped": lambda: gan(objective=objectives.wasserstein, after=clip_weights(0.1)),
    "hinge and LeCam": lambda: gan(objective=objectives.hinge, penalties={"lecam": LeCam()}),
    "DRAGAN": lambda: gan(objective=objectives.minimax, penalties={"dragan": dragan()}),
    "lazy r1": lambda: gan(objective=objectives.non_saturating, penalties={"r1": r1(1.0)}, penalty_every=3),
    "r1 by finite differences": lambda: gan(penalties={"r1": r1(1.0, step=0.1), "r2": r2(1.0, step=0.1)}),
    "consistency": lambda: gan(penalties={"bcr": consistency(lambda x: x + 0.1 * torch.randn_like(x))}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_penalty_passes_the_contract(kind: str) -> None:
    check_game(KINDS[kind], DATA)


def test_an_unconditional_game_passes_the_contract() -> None:
    check_game(lambda: gan(classes=0, penalties={"r1": r1(1.0)}), PLAIN)


def test_a_gan_declares_what_mixes_the_samples_of_a_batch() -> None:
    mixing: dict[str, Penalty] = {"lecam": LeCam(), "dragan": dragan()}
    assert gan(objective=objectives.relativistic_average).coupled
    assert all(gan(penalties={name: penalty}).coupled for name, penalty in mixing.items())
    assert not gan().coupled and not gan(penalties={"r1": r1(1.0), "gradient": gradient_penalty()}).coupled
