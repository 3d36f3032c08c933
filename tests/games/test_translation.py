"""The game of pairs: its contract, its stages, and what each move is a sum of."""

import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.objectives import relativistic
from rivals.core.penalties import r1
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.translation import Opinion, Pair, Translation, scores
from rivals.nn.patch import Patch, Scales
from rivals.testing import check_game

DATA = Stream.over(Pair(torch.randn(32, 3, 16, 16), torch.randn(32, 2, 16, 16)))


def closeness(made: Tensor, pair: Pair) -> Tensor:
    return (made - pair.target).abs().mean()


def game(**options: object) -> Translation:
    players = nn.Conv2d(2, 3, 3, 1, 1), Scales(3, 2, 2, width=4, layers=2)
    return Translation(*players, **({"fidelity": {"close": closeness}, "matching": 1.0} | options))  # type: ignore[arg-type]


def test_the_contract() -> None:
    check_game(lambda: game(warm_up=0.3, penalties={"r1": r1(0.1)}), DATA)


def test_the_contract_with_an_objective_of_pairs() -> None:
    check_game(lambda: game(matching=0.0, objective=relativistic), DATA, rounds=2)


def test_the_generator_moves_alone_at_first() -> None:
    trainer = Trainer(game(warm_up=0.5), DATA, samples=32, batch=8, device="cpu")
    named = [set(report.losses) for report in trainer]
    assert named[:2] == [{"generator.close"}] * 2
    assert named[2:] == [{"discriminator.adversarial", "generator.close", "generator.adversarial", "generator.matching"}] * 2


def test_matching_is_zero_where_both_look_the_same() -> None:
    made = game()
    made.generator = nn.Identity()
    pair = Pair(torch.randn(4, 2, 16, 16), torch.randn(4, 2, 16, 16))
    made.discriminator = Scales(2, 2, 2, width=4, layers=2)
    made.eval()  # in training each pass turns the singular vectors a little
    losses = made.generator_loss(Pair(pair.source, pair.source))
    assert losses["matching"] == 0 and losses["close"] == 0
    assert made.generator_loss(pair)["matching"] > 0


def test_a_game_without_sources_says_so() -> None:
    with pytest.raises(UserError, match="give sources"):
        game().sample(2)
    assert game().sample(2, given=Pair.wanted(torch.randn(2, 2, 16, 16))).shape == (2, 3, 16, 16)


def test_a_patch_sees_no_more_than_its_patch() -> None:
    """A score of the discriminator with two halvings depends on 34 pixels of the pair, and on the source."""
    patch = Patch(1, 1, width=4, layers=2, bounded=True).eval()
    target, source = torch.randn(1, 1, 96, 96, requires_grad=True), torch.randn(1, 1, 96, 96, requires_grad=True)
    (opinion,) = patch(target, source)
    middle = opinion.score[0, opinion.score.shape[1] // 2, opinion.score.shape[2] // 2]
    seen = torch.autograd.grad(middle, (target, source))
    for each in seen:
        rows = each[0, 0].abs().sum(1).nonzero()
        assert 20 <= int(rows.max() - rows.min()) + 1 <= 34


def test_scores_of_several_scales_stand_side_by_side() -> None:
    opinions = Scales(3, 0, 2, width=4, layers=2)(torch.randn(5, 3, 32, 48), torch.randn(5, 9, 32, 48))
    assert len(opinions) == 2 and all(isinstance(each, Opinion) for each in opinions)
    assert scores(opinions).shape == (5, sum(each.score[0].numel() for each in opinions))
