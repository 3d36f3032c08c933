"""Environments: many copies of one system that are stepped together; two of them here, all others through Gymnasium.

CartPole is Barto, Sutton and Anderson's (1983), Pendulum the torque-limited swing-up; both move as Gymnasium's do, in float64.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from rivals.core.errors import UserError


class Space(NamedTuple):
    """What is seen and done: numbers of an observation; numbers of an action, or how many actions there are to choose from.

    low, high: of each number of a continuous action, in the environment's own units; () where actions are discrete.
    """

    observations: int
    actions: int
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def discrete(self) -> bool:
        return not self.low


class Step(NamedTuple):
    """What follows an action in each copy: the observation (n, d), the reward (n,), and whether the episode is over.

    ended: by what happened, so that nothing comes after; cut: by the time limit, so that more would. `seen` is where the step
    led, also where the copy then began anew; `now` is what the next action answers to.
    """

    seen: np.ndarray
    reward: np.ndarray
    ended: np.ndarray
    cut: np.ndarray
    now: np.ndarray


class Environment(Protocol):
    """name, space and `steps`, the longest episode; fixed: whether every episode has that length."""

    name: str
    space: Space
    steps: int
    fixed: bool

    def reset(self, count: int, seed: int) -> np.ndarray:
        """Begins `count` episodes, a function of the seed; returns the observations (count, d), float32."""
        ...

    def step(self, actions: np.ndarray) -> Step:
        """actions: (n,) numbers of choices, or (n, k) in the environment's units, cut to its limits."""
        ...


class _Own(ABC):
    """An environment of equations: every episode has the same length."""

    fixed = True

    def __init__(self) -> None:
        self.noise, self.time = np.random.default_rng(0), 0
        self.state = np.zeros((0, 0))

    @abstractmethod
    def begin(self, count: int) -> np.ndarray:
        """The states of `count` new episodes (numbers of a state, count)."""

    @abstractmethod
    def observe(self) -> np.ndarray:
        """What is seen of the states (count, d), float32."""

    def reset(self, count: int, seed: int) -> np.ndarray:
        self.noise, self.time = np.random.default_rng(seed), 0
        self.state = self.begin(count)
        return self.observe()

    def _told(self, reward: np.ndarray, steps: int) -> Step:
        """All copies reach the time limit together and begin anew."""
        self.time += 1
        seen, count = self.observe(), len(reward)
        over = self.time == steps
        if over:
            self.state, self.time = self.begin(count), 0
        flags = np.zeros(count, bool), np.full(count, over)
        return Step(seen, reward.astype(np.float32), *flags, self.observe() if over else seen)


class CartPole(_Own):
    """A pole on a cart that is pushed to the left (0) or to the right (1), for 500 steps whatever happens.

    Observation: place, speed, angle and angular speed. The reward is 1 until the pole first leans more than 12 degrees or the
    cart is 2.4 away, and 0 from then on: the return is that of Gymnasium's CartPole-v1. There the episode ends with the fall,
    so that any reward above 0 for each step teaches to balance; here it does not.
    """

    name, space, steps = "CartPole", Space(4, 2), 500
    GRAVITY, CART, POLE, HALF, FORCE, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def begin(self, count: int) -> np.ndarray:
        self.upright = np.ones(count, bool)
        return self.noise.uniform(-0.05, 0.05, (4, count))

    def observe(self) -> np.ndarray:
        return self.state.T.astype(np.float32)

    def step(self, actions: np.ndarray) -> Step:
        x, speed, angle, spin = self.state
        total, moment = self.CART + self.POLE, self.POLE * self.HALF
        force, cos, sin = np.where(actions == 1, self.FORCE, -self.FORCE), np.cos(angle), np.sin(angle)
        push = (force + moment * spin**2 * sin) / total
        turn = (self.GRAVITY * sin - cos * push) / (self.HALF * (4 / 3 - self.POLE * cos**2 / total))
        pull = push - moment * turn * cos / total
        self.state = np.stack([x, speed, angle, spin]) + self.TAU * np.stack([speed, pull, spin, turn])
        # Gymnasium gives a reward for the step of the fall, too.
        reward = self.upright.copy()
        self.upright &= (np.abs(self.state[0]) <= 2.4) & (np.abs(self.state[2]) <= 12 * np.pi / 180)
        return self._told(reward, self.steps)


class Pendulum(_Own):
    """A pendulum that a torque of at most 2 has to swing up and hold there, for 200 steps.

    Observation: cosine and sine of the angle, angular speed. Reward: -(angle^2 + 0.1 speed^2 + 0.001 torque^2), the angle from
    upright in radians.
    """

    name, space, steps = "Pendulum", Space(3, 1, (-2.0,), (2.0,)), 200
    GRAVITY, TAU, FASTEST = 10.0, 0.05, 8.0

    def begin(self, count: int) -> np.ndarray:
        return np.stack([self.noise.uniform(-np.pi, np.pi, count), self.noise.uniform(-1, 1, count)])

    def observe(self) -> np.ndarray:
        angle, speed = self.state
        return np.stack([np.cos(angle), np.sin(angle), speed], 1).astype(np.float32)

    def step(self, actions: np.ndarray) -> Step:
        angle, speed = self.state
        torque = np.clip(actions.reshape(-1).astype(np.float64), -2, 2)
        lean = (angle + np.pi) % (2 * np.pi) - np.pi
        cost = lean**2 + 0.1 * speed**2 + 0.001 * torque**2
        speed = np.clip(speed + (1.5 * self.GRAVITY * np.sin(angle) + 3 * torque) * self.TAU, -self.FASTEST, self.FASTEST)
        self.state = np.stack([angle + speed * self.TAU, speed])
        return self._told(-cost, self.steps)


OWN: dict[str, Callable[[], Environment]] = {"CartPole": CartPole, "Pendulum": Pendulum}


def find(name: str) -> Environment:
    """An environment by its name; raises UserError for one that is unknown, cannot be made or has spaces of other kinds."""
    if name in OWN:
        return OWN[name]()
    if ":" in name:  # Gymnasium would import what stands before it, and a run's file must never name code to import
        raise UserError(f"environment {name!r}: names with a colon import code, which is refused: give a registered name")
    from rivals.tasks.control.foreign import Foreign

    return Foreign(name)
