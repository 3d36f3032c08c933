"""GAIL: a policy that is the generator, and a discriminator of what the expert does and what the policy does (Ho and Ermon 2016,
arXiv:1606.03476).

V(D, pi) = E_expert log D(s, a) + E_pi log(1 - D(s, a)); the policy is taught by PPO with a reward made of D.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import softplus

from rivals.core.game import Losses, Play
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.control.learning import Control, Learning
from rivals.tasks.control.networks import Judge
from rivals.tasks.control.rollout import Pairs, Rollout

RewardName = Literal["logit", "log-d", "minus-log-1-d"]
REWARDS: Mapping[str, Callable[[Scores], Scores]] = {
    "logit": lambda score: score,  # log D - log(1 - D): of either sign
    "log-d": lambda score: -softplus(-score),  # below 0: an end is welcome
    "minus-log-1-d": softplus,  # above 0: another step is always welcome
}


class Imitation(Control):
    """Players: generator (the policy), value, discriminator: pairs (n, d + k) -> logits (n,).

    reward: by which form of D the policy is taught. penalties: by name, in each move of the discriminator.
    """

    def __init__(
        self,
        environment: str,
        *,
        reward: RewardName = "logit",
        width: int = 64,
        temperature: float = 0.0,
        penalties: Mapping[str, Penalty] | None = None,
        rate: float = 1e-3,
        learning: Learning | None = None,
    ) -> None:
        super().__init__(environment, width=width, temperature=temperature, learning=learning)
        self.discriminator: nn.Module = Judge(self.world.space, width)
        self.form, self.penalties, self.rate = REWARDS[reward], dict(penalties or {}), rate

    def judge(self, play: Play[Pairs], rollout: Rollout) -> None:
        fakes, drawn = self.fakes(rollout), 0
        while drawn < rollout.reward.numel():
            real = play.draw()
            drawn += len(real)
            play.move(self.discriminator, partial(self.discriminator_loss, fakes), real)

    def discriminator_loss(self, fakes: Pairs, batch: Pairs) -> Losses:
        """fakes: steps of the policy, of which as many are drawn as there are expert pairs."""
        rows = torch.randint(len(fakes), (len(batch),)).to(batch.data.device)
        fakes = fakes.map(lambda tensor: tensor[rows])
        real, fake = (self.measure(pairs).requires_grad_(bool(self.penalties)) for pairs in (batch, fakes))
        told = self.discriminator.measured
        real_told, fake_told = told(real), told(fake)
        verdict = Verdict(told, real, fake, real_told, fake_told, self.progress)
        terms = {name: penalty(verdict).mean() for name, penalty in self.penalties.items()}
        real_score, fake_score = real_told - self.known(batch), fake_told - self.known(fakes)
        return {"loss": (softplus(-real_score) + softplus(fake_score)).mean()} | terms

    def fakes(self, rollout: Rollout) -> Pairs:
        """What the discriminator is to tell from the expert's steps."""
        return rollout.pairs()

    def measure(self, pairs: Pairs) -> Float[Tensor, "n inputs"]:
        """What the discriminator looks at."""
        measured: Tensor = self.discriminator.measure(pairs.data)
        return measured

    def known(self, pairs: Pairs) -> Float[Tensor, "n"]:
        """What is taken off the discriminator's answer to make it a logit: nothing."""
        return pairs.data.new_zeros(len(pairs))

    def logits(self, pairs: Pairs) -> Scores:
        """Above 0 where the expert is the likelier one."""
        scores: Scores = self.discriminator.measured(self.measure(pairs)) - self.known(pairs)
        return scores

    @torch.no_grad()
    def reward(self, rollout: Rollout) -> Float[Tensor, "t n"]:
        score = self.logits(rollout.pairs())
        self.watched |= {"D(G(z))": score.sigmoid().mean(), "V": -softplus(score).mean()}
        return self.form(score).view(rollout.reward.shape)

    def observe(self, batch: Pairs) -> dict[str, Scalar]:
        """D on expert pairs and on the policy's, V(D, G), and the return by the environment's reward, which no player sees."""
        score, watched = self.logits(batch), dict(self.watched)
        value = watched.pop("V", score.new_zeros(())) - softplus(-score).mean()
        return {"D(x)": score.sigmoid().mean()} | watched | {"V(D,G)": value}

    def score(self, batch: Sample) -> Scores:
        scores: Scores = self.discriminator.measured(self.discriminator.measure(batch.data))
        return scores

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        players = super().optimizers()
        for group in players["discriminator"].param_groups:
            group["lr"] = self.rate
        return players

    def fit(self, pairs: Pairs) -> None:
        """Takes the usual observations as the measure of all."""
        rows = self.usual(pairs)
        for player in (self.generator, self.value, self.discriminator):
            player.scale.fit(rows)

    def usual(self, pairs: Pairs) -> Float[Tensor, "m d"]:
        """Observations whose mean and deviation all players measure by: the expert's."""
        return pairs.data[:, : self.world.space.observations]
