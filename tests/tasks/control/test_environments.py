"""The own environments move as Gymnasium's do; foreign ones are re-seeded; what is not supported is told."""

import subprocess
import sys

import numpy as np
import pytest

from rivals.core.errors import UserError
from rivals.tasks.control.environments import CartPole, Pendulum, find

gymnasium = pytest.importorskip("gymnasium")


def test_the_pendulum_moves_as_gymnasiums_does() -> None:
    own, theirs, noise = Pendulum(), gymnasium.make("Pendulum-v1"), np.random.default_rng(0)
    own.reset(1, 0)
    theirs.reset(seed=0)
    theirs.unwrapped.state = own.state[:, 0].copy()
    for step in range(200):
        torque = noise.uniform(-3, 3, (1, 1)).astype(np.float32)
        mine = own.step(torque)
        seen, reward, ended, cut, _ = theirs.step(torque[0])
        assert np.allclose(mine.seen[0], seen, atol=1e-5) and mine.reward[0] == pytest.approx(reward, abs=1e-4)
        assert (bool(mine.ended[0]), bool(mine.cut[0])) == (ended, cut) == (False, step == 199)
    assert not np.allclose(mine.now, mine.seen), "a new episode has begun"


def test_the_cart_moves_as_gymnasiums_does_and_goes_on_after_the_fall() -> None:
    own, theirs, noise = CartPole(), gymnasium.make("CartPole-v1"), np.random.default_rng(0)
    first = own.reset(1, 3)
    theirs.reset(seed=0)
    theirs.unwrapped.state = tuple(own.state[:, 0])
    assert np.abs(first).max() <= 0.05
    total, over = 0.0, False
    while not over:
        action = noise.integers(0, 2, 1)
        mine = own.step(action)
        seen, reward, over, _, _ = theirs.step(int(action[0]))
        total += reward
        assert np.allclose(mine.seen[0], seen, atol=1e-5) and mine.reward[0] == reward and not mine.ended[0]
    for _ in range(500 - int(total)):
        mine = own.step(np.array([1]))
        assert mine.reward[0] == 0 and not mine.ended[0]
    assert mine.cut[0] and total < 100


@pytest.mark.parametrize("name", ["CartPole", "Pendulum", "Acrobot-v1", "MountainCarContinuous-v0"])
def test_an_environment_is_a_function_of_its_seed(name: str) -> None:
    environment, runs = find(name), []
    for seed in (5, 5, 6):
        start = environment.reset(3, seed)
        actions = np.random.default_rng(0).integers(0, 2, (20, 3))
        steps = [environment.step(each if environment.space.discrete else each[:, None].astype(np.float32)) for each in actions]
        runs.append(np.concatenate([start, *(each.seen for each in steps)]))
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0], runs[2])
    assert runs[0].shape == (63, environment.space.observations) and runs[0].dtype == np.float32


def test_a_foreign_episode_that_ends_begins_anew() -> None:
    environment = find("CartPole-v1")
    environment.reset(2, 0)
    steps = [environment.step(np.array([1, 0])) for _ in range(12)]
    ends = [index for index, step in enumerate(steps) if step.ended[0]]
    assert ends and np.abs(steps[ends[0]].now[0]).max() <= 0.05 < np.abs(steps[ends[0]].seen[0]).max()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Unicorn-v0", "Unicorn"),
        ("os:Unicorn-v0", "colon"),
        ("not a name", "not a name"),
        ("Blackjack-v1", "observations are"),
        ("FrozenLake-v1", "observations are"),
    ],
)
def test_what_is_unknown_or_not_supported_is_one_line(name: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        find(name)
    assert "\n" not in str(error.value)


def test_own_environments_need_no_gymnasium() -> None:
    code = "import sys; sys.modules['gymnasium'] = None; from rivals.tasks.control.environments import find; find('Pendulum')"
    assert subprocess.run([sys.executable, "-c", code], check=True).returncode == 0
