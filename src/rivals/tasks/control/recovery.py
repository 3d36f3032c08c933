"""AIRL: an imitator whose discriminator holds a reward that can be used again (Fu et al. 2018, arXiv:1710.11248).

D = exp f / (exp f + pi), f(s, s') = g(s) + gamma h(s') - h(s): the logit is f - log pi(a | s). At the optimum g is the expert's
reward up to a constant and h its value, so that g can teach another policy from the beginning. Here pi is a mixture of the policy
and of chance, as in Finn et al. 2016, arXiv:1603.00448, so that g knows what is bad about bad states to the end.
"""

import math
from functools import partial

import torch
from torch import nn

from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.control.environments import Space
from rivals.tasks.control.game import Imitation
from rivals.tasks.control.networks import Scale, dense
from rivals.tasks.control.rollout import Pairs, Rollout, chance, play, wandered

STRAY = 10


class Recovered(nn.Module):
    """An observation, and the one after it, -> f; `plain` is g alone, the reward without shaping."""

    def __init__(self, space: Space, width: int, discount: float) -> None:
        super().__init__()
        self.discount, self.scale = discount, Scale(space.observations)
        self.reward, self.shaping = dense(space.observations, 1, width), dense(space.observations, 1, width)

    def measured(self, both: Float[Tensor, "n both"]) -> Scores:
        """f of observations side by side that were measured."""
        now, after = both.chunk(2, 1)
        told: Tensor = self.reward(now) + self.discount * self.shaping(after) - self.shaping(now)
        return told[:, 0].float()

    def plain(self, observation: Float[Tensor, "n d"]) -> Scores:
        told: Tensor = self.reward(self.scale(observation))
        return told[:, 0].float()


class Recovery(Imitation):
    """Players: generator (the policy), value, discriminator: a `Recovered`, of which the policy's likelihood is taken off."""

    averaged = ("generator", "discriminator")

    def __init__(self, environment: str, *, width: int = 64, temperature: float = 0.0, discount: float = 0.98) -> None:
        super().__init__(environment, width=width, temperature=temperature)
        self.discriminator = Recovered(self.world.space, width, discount)

    def measure(self, pairs: Pairs) -> Float[Tensor, "n inputs"]:
        assert pairs.after is not None
        scale, now = self.discriminator.scale, pairs.data[:, : self.world.space.observations]
        return torch.cat([scale(now), scale(pairs.after)], 1)

    def usual(self, pairs: Pairs) -> Float[Tensor, "m d"]:
        """What chance meets, so that g tells apart what the expert never saw and a beginner will; the expert's own observations
        where chance strays more than STRAY times as far from its mean (a pole that lies down), as then nothing near the expert
        could be told apart."""
        expert, met = super().usual(pairs), wandered(self.world, 0)
        return met if bool((met.std(0) <= STRAY * expert.std(0)).all()) else expert

    def fakes(self, rollout: Rollout) -> Pairs:
        """The policy's steps, and a third as many of chance: else the discriminator forgets, as the policy gets good, what is
        bad about states that nobody visits any more, and a policy that begins anew begins there."""
        copies, seed = -(-self.learning.copies // 3), int(torch.randint(2**62, ()))
        noise = torch.Generator().manual_seed(seed)
        by_chance = play(self.world, partial(chance, self.world, noise), copies, len(rollout.reward), seed).pairs()
        own, here = rollout.pairs(), rollout.reward.device
        return Pairs(torch.cat([own.data, by_chance.data.to(here)]), after=torch.cat([own.after, by_chance.after.to(here)]))

    @torch.no_grad()
    def known(self, pairs: Pairs) -> Float[Tensor, "n"]:
        """log(3/4 pi(a | s) + 1/4 chance(a)) of the action within its limits, a constant for the discriminator."""
        space = self.world.space
        likely = self.generator.log_probability(*pairs.data.split([space.observations, space.actions], 1))
        even = -math.log(space.actions) if space.discrete else -math.log(2) * space.actions
        return torch.logaddexp(likely + math.log(3 / 4), torch.full_like(likely, even + math.log(1 / 4)))

    def score(self, batch: Sample) -> Scores:
        """g(s): the recovered reward of each state."""
        scores: Scores = self.discriminator.plain(batch.data[:, : self.world.space.observations])
        return scores
