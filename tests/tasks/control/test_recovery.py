"""AIRL and PPO alone: the contract, f against its definition, and a reward that goes from one run to another."""

from pathlib import Path

import pytest
import torch

from rivals.core.errors import UserError
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import control
from rivals.tasks.control import airl, ppo
from rivals.tasks.control.demonstrations import load
from rivals.tasks.control.environments import CartPole, Pendulum
from rivals.tasks.control.learning import Learning
from rivals.tasks.control.recovery import Recovery
from rivals.tasks.control.rollout import Pairs
from rivals.tasks.control.training import flat
from rivals.testing import check_game

SHORT = {"copies": 2, "epochs": 1, "minibatch": 200, "width": 8, "batch": 100}
PAIRS = load(Pendulum(), None, 1, 40, 0).pairs


def made() -> Recovery:
    game = Recovery("Pendulum", width=8)
    game.learning, game.penalties = Learning(copies=2, steps=20, epochs=1, minibatch=20), flat(1.0)
    game.fit(PAIRS)
    return game


def test_the_games_keep_the_contract() -> None:
    check_game(made, PAIRS.stream(0), batch=8, rounds=2)

    def learner() -> ppo.Learner:
        game = ppo.Learner("Pendulum", width=8)
        game.learning = Learning(copies=2, steps=20, epochs=1, minibatch=20)
        game.fit(0)
        return game

    check_game(learner, PAIRS.stream(0), batch=8, rounds=2)


def test_the_logit_is_that_of_the_definition() -> None:
    torch.manual_seed(0)
    game, some = made(), Pairs(PAIRS.data[:5], after=PAIRS.after[:5])
    now, action = some.data.split([3, 1], 1)
    net = game.discriminator
    with torch.no_grad():
        scaled, after = net.scale(now), net.scale(some.after)
        f = net.reward(scaled) + 0.98 * net.shaping(after) - net.shaping(scaled)
        told = (
            f[:, 0] - (3 / 4 * game.generator.log_probability(now, action).exp() + 1 / 4 * 1 / 2).log()
        )  # chance: 1 / 2 on [-1, 1]
        assert torch.allclose(game.logits(some), told, atol=1e-5)
        assert torch.allclose(game.score(some), net.reward(scaled)[:, 0], atol=1e-5)


def test_observations_are_measured_by_what_a_beginner_meets_unless_it_goes_astray() -> None:
    """A swing is seen to its full speed; a pole that lies down would hide the few hundredths by which the expert moves."""
    game = made()
    fast = game.discriminator.scale(torch.tensor([[1.0, 0.0, 7.0], [1.0, 0.0, 8.0]]))
    assert fast[1, 2] - fast[0, 2] > 0.2
    pole = Recovery("CartPole", width=8)
    shown = load(CartPole(), None, 1, 100, 0).pairs
    pole.fit(shown)
    assert torch.allclose(pole.discriminator.scale.deviation, shown.data[:, :4].std(0, correction=0))


def test_shaping_does_not_reach_the_learner() -> None:
    """g alone is handed on; h could be anything."""
    game = made()
    learner = ppo.Learner("Pendulum", width=8, given=game.discriminator)
    learner.learning = Learning(copies=2, steps=20)
    learner.fit(0)
    rollout = learner.collect()
    first = learner.reward(rollout)
    game.discriminator.shaping[-1].bias.data.fill_(7.0)
    assert torch.equal(first, learner.reward(rollout)) and torch.equal(learner.value.scale.mean, game.discriminator.scale.mean)


def test_a_reward_goes_from_one_run_to_another(tmp_path: Path) -> None:
    airl.recipe(samples=800, demonstrations=1, out=tmp_path / "airl", **SHORT).fit(progress=False)
    ppo.recipe(samples=800, reward=tmp_path / "airl", out=tmp_path / "ppo", **SHORT).fit(progress=False)
    cards = Model(tmp_path / "ppo").judge(Judging(samples=20))
    assert list(cards) == ["return", "return-expert", "return-random", "expert-share"]
    assert "D(x)" not in (tmp_path / "ppo" / "log.jsonl").read_text()
    control.recipe(samples=400, demonstrations=1, out=tmp_path / "gail", **SHORT).fit(progress=False)
    for run, environment, told in (("gail", "Pendulum", "was trained by control"), ("airl", "CartPole", "is of Pendulum")):
        with pytest.raises(UserError, match=told):
            ppo.recipe(reward=tmp_path / run, environment=environment, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
