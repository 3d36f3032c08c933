"""Rollout: what happens when somebody acts in an environment, step by step.

An action is coded: one-hot where there are choices, else each number with the environment's limits at -1 and 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from rivals.core.stream import Stream
from rivals.core.types import Float, Tensor
from rivals.games.gan import Sample
from rivals.tasks.control.environments import Environment, Space

MANY = 4096  # rows of a stream
Act = Callable[[Float[Tensor, "n d"]], Float[Tensor, "n k"]]
"""Observations -> coded actions; those beyond the limits are cut before they are taken."""


@dataclass(frozen=True)
class Pairs(Sample):
    """data: observation and coded action side by side (n, d + k); after: what was seen then (n, d), None where unknown."""

    after: Tensor | None = None

    def stream(self, seed: int) -> Stream["Pairs"]:
        """An endless order of the pairs. Few of them are repeated first: one short order after the other takes time."""
        times = -(-MANY // len(self))
        return Stream.over(self.map(lambda tensor: tensor.repeat(times, 1)), seed=seed)


class Rollout(NamedTuple):
    """Steps in order, of n copies: observations (t, n, d), actions as they were chosen, before limits (t, n, k), what was seen
    after them, rewards (t, n), and 1 where the episode ended by itself, and where it was over in any way."""

    observation: Tensor
    action: Tensor
    after: Tensor
    reward: Tensor
    ended: Tensor
    over: Tensor

    def first(self) -> Tensor:
        """(t, n): 1 in the first episode of each copy."""
        return (self.over.cumsum(0) - self.over < 0.5).float()

    def returns(self) -> Float[Tensor, "n"]:
        """The sum of rewards of the first episode of each copy."""
        return (self.reward * self.first()).sum(0)

    def pairs(self) -> Pairs:
        """All steps, the first ones of all copies before the second ones."""
        data = torch.cat([self.observation, self.action.clamp(-1, 1)], 2)
        return Pairs(data.flatten(0, 1), after=self.after.flatten(0, 1))


def decode(space: Space, coded: Float[Tensor, "n k"]) -> np.ndarray:
    """Coded actions as an environment takes them: numbers of choices (n,), or (n, k) in its own units, within its limits."""
    if space.discrete:
        return coded.argmax(1).cpu().numpy()
    low, high = np.array(space.low), np.array(space.high)
    return ((coded.clamp(-1, 1).double().cpu().numpy() + 1) / 2 * (high - low) + low).astype(np.float32)


def encode(space: Space, actions: np.ndarray) -> Float[Tensor, "n k"]:
    """The other way round."""
    if space.discrete:
        return torch.nn.functional.one_hot(torch.from_numpy(actions.astype(np.int64)), space.actions).float()
    low, high = np.array(space.low), np.array(space.high)
    return torch.from_numpy((actions.astype(np.float64).reshape(len(actions), -1) - low) / (high - low) * 2 - 1).float()


def play(environment: Environment, act: Act, count: int, steps: int, seed: int, *, episodes: bool = False) -> Rollout:
    """`count` copies for `steps` steps, from new episodes, which are a function of the seed; on the CPU.

    episodes: stop when the first episode of each copy is over.
    """
    now, rows, running = torch.from_numpy(environment.reset(count, seed)), [], np.ones(count, bool)
    for _ in range(steps):
        action = act(now)
        step = environment.step(decode(environment.space, action))
        over = step.ended | step.cut
        flags = [torch.from_numpy(each.astype(np.float32)) for each in (step.reward, step.ended, over)]
        rows.append((now, action, torch.from_numpy(step.seen), *flags))
        now = torch.from_numpy(step.now)
        running &= ~over
        if episodes and not running.any():
            break
    return Rollout(*(torch.stack(column) for column in zip(*rows, strict=True)))


def wandered(environment: Environment, seed: int) -> Float[Tensor, "n d"]:
    """Observations of the first steps of chance, by which a measure of observations can be taken."""
    act = partial(chance, environment, torch.Generator().manual_seed(seed))
    return play(environment, act, 64, 50, seed).observation.flatten(0, 1)


def chance(environment: Environment, noise: torch.Generator, observation: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """Actions that are equally likely."""
    uniform = torch.rand(len(observation), environment.space.actions, generator=noise)
    return uniform if environment.space.discrete else uniform * 2 - 1
