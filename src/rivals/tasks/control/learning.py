"""PPO (Schulman et al. 2017, arXiv:1707.06347) with generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438),
as moves of two players: a policy, which is the generator, and a value function.

A round plays episodes from new beginnings, which are a function of the trainer's own seed for (seed, round, rank); so no state of
an environment has to be kept for an exact resume.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.errors import UserError, positive
from rivals.core.game import Game, Losses, Play
from rivals.core.types import Float, Scalar, Tensor
from rivals.tasks.control.environments import Environment, find
from rivals.tasks.control.networks import Policy, Value
from rivals.tasks.control.rollout import Pairs, Rollout, play


@dataclass(frozen=True)
class Steps(Pairs):
    """Steps to learn from: what was done before limits, how likely it was then, how much better it was than expected, and what
    came of it."""

    action: Tensor | None = None
    likely: Tensor | None = None
    advantage: Tensor | None = None
    target: Tensor | None = None


@dataclass(frozen=True)
class Learning:
    """copies: played together in a round, of `steps` steps each (0: the longest episode). epochs, minibatch: of PPO.

    gamma, trace: discount, and lambda of the advantages. clip: how far the ratio may leave 1 with profit. entropy: its weight.
    """

    copies: int = 32
    steps: int = 0
    epochs: int = 10
    minibatch: int = 640
    gamma: float = 0.98
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 1e-3
    rate: float = 1e-3

    def __post_init__(self) -> None:
        positive(copies=self.copies, epochs=self.epochs, minibatch=self.minibatch, clip=self.clip, rate=self.rate)
        if not (0 <= self.gamma < 1 and 0 <= self.trace <= 1 and self.entropy >= 0 and self.steps >= 0):
            told = f"discount ({self.gamma}) must be in [0, 1), trace ({self.trace}) in [0, 1]"
            raise UserError(f"{told}, entropy ({self.entropy}) and steps ({self.steps}) at least 0")


def advantages(reward: Tensor, value: Tensor, after: Tensor, rollout: Rollout, learning: Learning) -> Float[Tensor, "t n"]:
    """A_t = sum_l (gamma lambda)^l delta_(t+l), delta_t = r_t + gamma V(s_(t+1)) - V(s_t), within an episode; V is 0 after an end
    and is what the value function says after a time limit. reward, value, after = V(s_(t+1)): (t, n)."""
    delta = reward + learning.gamma * after * (1 - rollout.ended) - value
    found, last = torch.empty_like(delta), torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        found[t] = last = delta[t] + learning.gamma * learning.trace * (1 - rollout.over[t]) * last
    return found


class Control(Game[Pairs]):
    """Players: generator (the policy) and value, and in a concrete game whoever gives the reward.

    The samples of a round are as many expert pairs as there are steps. temperature: of the actions that are sampled and judged.
    """

    coupled = True  # by the episodes of a round, and by the advantages' mean and deviation

    def __init__(self, environment: str, *, width: int = 64, temperature: float = 0.0, learning: Learning | None = None) -> None:
        super().__init__()
        self.environment, self.temperature, self.learning = environment, temperature, learning or Learning()
        self._made: Environment | None = None
        space = self.world.space
        self.generator, self.value = Policy(space, width), Value(space, width)
        self.watched: dict[str, Scalar] = {}

    @property
    def world(self) -> Environment:
        if self._made is None:
            self._made = find(self.environment)
        return self._made

    @abstractmethod
    def judge(self, play: Play[Pairs], rollout: Rollout) -> None:
        """Draws expert pairs, `copies * steps` or a little more, and moves whoever gives the reward."""

    @abstractmethod
    def reward(self, rollout: Rollout) -> Float[Tensor, "t n"]:
        """What the policy is to make large, for each step."""

    def round(self, play: Play[Pairs]) -> None:
        rollout = self.collect()
        self.judge(play, rollout)
        steps = self.steps(rollout)
        rows = min(self.learning.minibatch, len(steps))
        for _ in range(self.learning.epochs):
            order = torch.randperm(len(steps)).to(steps.data.device)
            for chosen in order[: len(order) // rows * rows].split(rows):
                part = steps.map(lambda tensor, chosen=chosen: tensor[chosen])  # type: ignore[misc]
                play.move(self.generator, self.policy_loss, part)
                play.move(self.value, self.value_loss, part)

    @torch.no_grad()
    def collect(self) -> Rollout:
        """New episodes of the policy as it is. What it does is drawn on the CPU, so that a run is the same on any device."""
        here = next(self.generator.parameters()).device
        seed = int(torch.randint(2**62, ()))
        act = partial(acting, self.generator, here, 1.0, None)
        found = play(self.world, act, self.learning.copies, self.learning.steps or self.world.steps, seed)
        over = found.over.sum() > 0
        self.watched = {"return": (found.returns() if over else found.reward.sum(0)).mean()}
        return Rollout(*(tensor.to(here) for tensor in found))

    @torch.no_grad()
    def steps(self, rollout: Rollout) -> Steps:
        """The rollout with advantages; the rewards are times 1 - gamma, so that values are of their size."""
        shape, flat = rollout.reward.shape, rollout.pairs()
        observation, action = rollout.observation.flatten(0, 1), rollout.action.flatten(0, 1)
        value, after = self.value(observation).view(shape), self.value(flat.after).view(shape)
        advantage = advantages(self.reward(rollout) * (1 - self.learning.gamma), value, after, rollout, self.learning)
        normal = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        likely = self.generator.log_probability(observation, action)
        return Steps(flat.data, None, flat.after, action, likely, normal.flatten(), (advantage + value).flatten())

    def policy_loss(self, batch: Steps) -> Losses:
        """-min(ratio A, clipped ratio A), the mean over steps; and the entropy."""
        observation = batch.data[:, : self.world.space.observations]
        ratio = (self.generator.log_probability(observation, batch.action) - batch.likely).exp()
        clipped = ratio.clamp(1 - self.learning.clip, 1 + self.learning.clip)
        gain = torch.minimum(ratio * batch.advantage, clipped * batch.advantage).mean()
        return {"gain": -gain, "entropy": -self.learning.entropy * self.generator.entropy(observation).mean()}

    def value_loss(self, batch: Steps) -> Losses:
        told = self.value(batch.data[:, : self.world.space.observations])
        return {"error": (told - batch.target).square().mean()}

    def sample(self, n: int, *, given: Pairs | None = None, noise: torch.Generator | None = None) -> Tensor:
        """Pairs of the policy's own episodes (n, d + k), evenly from all of their steps."""
        steps, here = self.world.steps, next(self.generator.parameters()).device
        seed = int(torch.randint(2**62, (), generator=noise))
        with torch.no_grad():
            act = partial(acting, self.generator, here, self.temperature, noise)
            rollout = play(self.world, act, -(-n // steps), steps, seed)
        pairs = rollout.pairs().data.to(here)
        return pairs[torch.linspace(0, len(pairs) - 1, n).round().long()]

    def optimizers(self) -> Mapping[str, Optimizer]:
        rate = self.learning.rate
        return {
            name: torch.optim.Adam(list(player.parameters()), lr=rate, eps=1e-5, fused=True)
            for name, player in self.players().items()
        }


def acting(
    policy: nn.Module, here: torch.device, temperature: float, noise: torch.Generator | None, observation: Tensor
) -> Float[Tensor, "n k"]:
    """A policy's actions, on the CPU."""
    chosen: Tensor = policy.act(observation.to(here), temperature=temperature, noise=noise)  # type: ignore[operator]
    return chosen.cpu()
