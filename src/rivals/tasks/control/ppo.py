"""PPO alone: a policy that learns from a reward, the environment's own or one that AIRL has recovered. No adversary plays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.game import Play
from rivals.core.recipe import trainable
from rivals.core.store import Store
from rivals.core.stream import mix
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Scalar, Tensor
from rivals.games.settings import Settings
from rivals.nn.transfer import averaged_weights
from rivals.tasks.control import airl
from rivals.tasks.control.judging import draw, evaluate, held_out, illustrate, read
from rivals.tasks.control.learning import Control, Learning
from rivals.tasks.control.networks import Scale
from rivals.tasks.control.recovery import Recovered
from rivals.tasks.control.rollout import Pairs, Rollout, wandered
from rivals.tasks.control.training import NEXT as USUAL
from rivals.tasks.control.training import OPTIONS, train, warm

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = USUAL[:2]  # there is no discriminator that could score


class Learner(Control):
    """Players: generator (the policy) and value. given: a frozen reward of states, or None for the environment's own."""

    def __init__(self, environment: str, *, width: int = 64, temperature: float = 0.0, given: Recovered | None = None) -> None:
        super().__init__(environment, width=width, temperature=temperature)
        self.given = given

    def judge(self, play: Play[Pairs], rollout: Rollout) -> None:
        """Only the clock goes on: nobody looks at what is drawn."""
        drawn = 0
        while drawn < rollout.reward.numel():
            drawn += len(play.draw())

    @torch.no_grad()
    def reward(self, rollout: Rollout) -> Float[Tensor, "t n"]:
        if self.given is None:
            return rollout.reward
        return self.given.plain(rollout.after.flatten(0, 1)).view(rollout.reward.shape)

    def observe(self, batch: Pairs) -> dict[str, Scalar]:
        return dict(self.watched)

    def fit(self, seed: int) -> None:
        """The recovered reward's measure of observations, or that of the first steps of chance."""
        scale = Scale(self.world.space.observations) if self.given is None else self.given.scale
        if self.given is None:
            scale.fit(wandered(self.world, seed))
        for player in (self.generator, self.value):
            player.scale.load_state_dict(scale.state_dict())


@trainable
def recipe(
    *,
    environment: str = "Pendulum",
    reward: Path | None = None,
    temperature: float = 0.0,
    width: int = 64,
    rate: float = 1e-3,
    discount: float = 0.98,
    entropy: float = 1e-3,
    copies: int = 32,
    steps: int = 200,
    epochs: int = 10,
    minibatch: int = 640,
    samples: int = 200_000,
    batch: int = 256,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "control-ppo",
) -> Trainer[Pairs]:
    """A policy by PPO from a reward: makes an expert to imitate, or learns anew from a reward that control.airl recovered.

    Parameters
    ----------
    reward
        A run of control.airl, whose reward is frozen; by default the environment's own reward.
    samples
        Length of the run: steps of the policy in all.
    """
    positive(width=width)
    learning = Learning(copies, steps, epochs, minibatch, discount, entropy=entropy, rate=rate)
    facts = {"environment": environment, "width": width, "temperature": warm(temperature)}
    made = game(facts)
    made.learning = learning
    if reward is not None:
        made.given = recovered(reward, environment)
        facts["reward"] = str(reward.resolve())
    made.fit(mix(seed, 8))
    space = made.world.space
    empty = Pairs(torch.zeros(1, space.observations + space.actions), after=torch.zeros(1, space.observations))
    settings = Settings(samples, batch, None, seed, device, precision, workers, out, name)
    return train(made, empty, facts, settings, {"generator": rate, "value": rate})


def recovered(run: Path, environment: str) -> Recovered:
    """The frozen reward of a run of control.airl; raises UserError for another run or another environment."""
    record = Store(run).record()
    facts = record["facts"]
    if record["recipe"] != "control.airl":
        raise UserError(f"{run} was trained by {record['recipe'] or 'no recipe'}: give a run of control.airl")
    if facts["environment"] != environment:
        raise UserError(f"{run} is of {facts['environment']}, not of {environment}: give --environment {facts['environment']}")
    source = airl.game(facts)
    store = Store(run)
    weights = store.read_weights() or averaged_weights(store.load(), source.players())
    source.discriminator.load_state_dict(weights["discriminator"])
    return source.discriminator.eval().requires_grad_(False)


def game(facts: Mapping[str, Any]) -> Learner:
    """The game of a run, untrained: what playing needs."""
    return Learner(facts["environment"], width=facts["width"], temperature=facts["temperature"])
