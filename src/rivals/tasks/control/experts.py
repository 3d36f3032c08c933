"""Experts by formula: what the recipe imitates where no file of demonstrations is given."""

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Tensor
from rivals.tasks.control.environments import Environment
from rivals.tasks.control.rollout import Act, Pairs, play


def pendulum(observation: Float[Tensor, "n 3"]) -> Float[Tensor, "n 1"]:
    """Swing-up by energy (Astrom and Furuta 2000), then a PD controller about the upright.

    angle'' = 15 sin angle + 3 torque, so the energy is speed^2 / 2 + 15 cos angle, and 15 at rest above.
    """
    cos, sin, speed = observation.unbind(1)
    energy = speed.square() / 2 + 15 * cos
    angle = torch.atan2(sin, cos)
    swing = torch.where(energy < 15, 2.0, -2.0) * torch.where(speed >= 0, 1.0, -1.0)
    hold = -(12 * angle + 3 * speed)
    return (torch.where(angle.abs() < 0.5, hold, swing).clamp(-2, 2) / 2)[:, None]


def cart(observation: Float[Tensor, "n 4"]) -> Float[Tensor, "n 2"]:
    """To the right where a weighted sum of place, speed, angle and angular speed is above 0."""
    right = observation @ observation.new_tensor([0.1, 0.4, 3.0, 1.0]) > 0
    return torch.stack([~right, right], 1).float()


EXPERTS: dict[str, Act] = {"Pendulum": pendulum, "CartPole": cart}


def expert(name: str) -> Act:
    """The expert of an environment; raises UserError where there is none."""
    if name not in EXPERTS:
        raise UserError(f"no expert is known for {name}: give --expert FILE.npz, or train one with rivals train control.ppo")
    return EXPERTS[name]


def demonstrations(environment: Environment, act: Act, count: int, kept: int, seed: int) -> tuple[Pairs, Tensor]:
    """`count` episodes and their returns. kept: pairs of each episode, evenly apart from a random first one; 0 for all."""
    rollout = play(environment, act, count, environment.steps, seed, episodes=True)
    return subsample(rollout.pairs(), rollout.first().flatten(), count, kept, seed), rollout.returns()


def subsample(pairs: Pairs, first: Tensor, count: int, kept: int, seed: int) -> Pairs:
    """The pairs of each of `count` copies, in whose first episode they lie, one copy after the other."""
    rows, noise = [], torch.Generator().manual_seed(seed)
    for copy in range(count):
        mine = torch.arange(copy, len(pairs), count)
        mine = mine[first[mine] > 0]
        rows.append(mine[spread(len(mine), kept, noise)])
    chosen = torch.cat(rows)
    return pairs.map(lambda tensor: tensor[chosen])


def spread(length: int, kept: int, noise: torch.Generator) -> Tensor:
    """`kept` of `length` places, evenly apart, the first at random; all of them where kept is 0 or too many."""
    if not kept or kept >= length:
        return torch.arange(length)
    each = length // kept
    return torch.randint(each, (1,), generator=noise) + each * torch.arange(kept)
