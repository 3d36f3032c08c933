"""GAIL: a policy that is the generator, and a discriminator of what the expert does and what the policy does (Ho and Ermon 2016,
arXiv:1606.03476).

V(D, pi) = E_expert log D(s, a) + E_pi log(1 - D(s, a)); the policy is taught by PPO with a reward made of D.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch.nn.functional import softplus

from rivals.core.game import Losses, Play
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.control.networks import Judge
from rivals.tasks.control.ppo import Control, Learning
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
        self.discriminator = Judge(self.world.space, width)
        self.form, self.penalties, self.rate = REWARDS[reward], dict(penalties or {}), rate

    def judge(self, play: Play[Pairs], rollout: Rollout) -> None:
        fakes, drawn = rollout.pairs(), 0
        while drawn < len(fakes):
            real = play.draw()
            drawn += len(real)
            play.move(self.discriminator, partial(self.discriminator_loss, fakes.data), real)

    def discriminator_loss(self, fakes: Float[Tensor, "m both"], batch: Pairs) -> Losses:
        """fakes: pairs of the policy, of which as many are drawn as there are expert pairs."""
        judge, rows = self.discriminator, torch.randint(len(fakes), (len(batch),)).to(fakes.device)
        real, fake = (judge.measure(pairs).requires_grad_(bool(self.penalties)) for pairs in (batch.data, fakes[rows]))
        real_score, fake_score = judge.measured(real), judge.measured(fake)
        verdict = Verdict(judge.measured, real, fake, real_score, fake_score, self.progress)
        terms = {name: penalty(verdict).mean() for name, penalty in self.penalties.items()}
        return {"loss": (softplus(-real_score) + softplus(fake_score)).mean()} | terms

    @torch.no_grad()
    def reward(self, rollout: Rollout) -> Float[Tensor, "t n"]:
        score = self.discriminator(rollout.pairs().data)
        self.watched |= {"D(G(z))": score.sigmoid().mean(), "V": -softplus(score).mean()}
        return self.form(score).view(rollout.reward.shape)

    def observe(self, batch: Pairs) -> dict[str, Scalar]:
        """D on expert pairs and on the policy's, V(D, G), and the return by the environment's reward, which no player sees."""
        score, watched = self.discriminator(batch.data), dict(self.watched)
        value = watched.pop("V", score.new_zeros(())) - softplus(-score).mean()
        return {"D(x)": score.sigmoid().mean()} | watched | {"V(D,G)": value}

    def score(self, batch: Sample) -> Scores:
        scores: Scores = self.discriminator(batch.data)
        return scores

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        players = super().optimizers()
        for group in players["discriminator"].param_groups:
            group["lr"] = self.rate
        return players

    def fit(self, pairs: Pairs) -> None:
        """Takes the expert's observations as the measure of all."""
        rows = pairs.data[:, : self.world.space.observations]
        for player in (self.generator, self.value, self.discriminator):
            player.scale.fit(rows)
