"""Learning from few labels: the discriminator names the class of what is real (Salimans et al. 2016, arXiv:1606.03498).

Of K + 1 logits the last, "generated", is 0, so that D(x) = Z / (Z + 1) with Z = sum of exp of the K others. With s = log Z:
L_D = E -log p(y | x, real) + w (E softplus(-s(x)) + E softplus(s(G(z)))) / 2, over labelled, unlabelled and generated pictures;
L_G = mean of (E f(x) - E f(G(z)))^2, f the last hidden layer: feature matching.
The complement variant (Dai et al. 2017, arXiv:1705.09783) adds E H(p(y | x)) to L_D, so that the discriminator decides, and to
L_G the pull-away term, the mean squared cosine between features of two generated pictures, so that they spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax, normalize, softplus
from torch.optim import Optimizer

from rivals.core.batch import Batch
from rivals.core.game import Game, Losses, Play
from rivals.core.types import Float, Int, Scalar, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.labels.networks import Discriminator

Variant = Literal["feature-matching", "complement"]
RATES = {"generator": 3e-3, "discriminator": 3e-3}
ENTROPY, PULL_AWAY = 0.1, 0.8  # weights of the complement's terms, as in the released settings of arXiv:1705.09783


@dataclass(frozen=True)
class Partly(Batch):
    """As many pictures (n, c, h, w) without labels as with, and the labels (n,) of the latter; the two have nothing else in
    common than their number."""

    data: Tensor
    shown: Tensor
    label: Tensor


class SemiSupervised(Game[Partly]):
    """generator: (n, latent) uniform noise -> pictures. discriminator: see networks.Discriminator. weight: of the unlabelled
    and the generated pictures; at 0 it learns from the labelled ones alone. generator_moves: for each of the discriminator.
    rates: Adam's, by player."""

    averaged = ("generator", "discriminator")
    coupled = True  # feature matching compares means over the batch

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        *,
        latent: int = 100,
        weight: float = 1.0,
        variant: Variant = "feature-matching",
        generator_moves: int = 3,
        rates: Mapping[str, float] = RATES,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent, self.weight, self.variant = latent, weight, variant
        self.generator_moves, self.rates = generator_moves, rates

    @property
    def _judge(self) -> Discriminator:
        return cast(Discriminator, self.discriminator)

    def round(self, play: Play[Partly]) -> None:
        batch = play.draw()
        play.move(self.discriminator, self.discriminator_loss, batch)
        for _ in range(self.generator_moves):
            play.move(self.generator, self.generator_loss, batch)

    def discriminator_loss(self, batch: Partly) -> Losses:
        losses = {"labelled": cross_entropy(self.discriminator(batch.shown), batch.label)}
        if not self.weight:
            return losses
        with torch.no_grad():
            fake = self._generated(len(batch), batch.data.device)
        logits = self.discriminator(batch.data)
        losses |= {
            "real": self.weight * softplus(-logits.logsumexp(1)).mean() / 2,
            "generated": self.weight * softplus(self.discriminator(fake).logsumexp(1)).mean() / 2,
        }
        if self.variant == "complement":
            chances = log_softmax(logits, 1)
            losses["entropy"] = -ENTROPY * self.weight * (chances.exp() * chances).sum(1).mean()
        return losses

    def generator_loss(self, batch: Partly) -> Losses:
        fake = self._judge.features(self._generated(len(batch), batch.data.device), quiet=True)  # noise would lose the generator
        with torch.no_grad():
            real = self._judge.features(batch.data, quiet=True).mean(0)
        losses = {"matching": (fake.mean(0) - real).square().mean()}
        if self.variant == "complement":
            losses["pull-away"] = PULL_AWAY * pull_away(fake)
        return losses

    def _generated(self, n: int, device: torch.device, noise: torch.Generator | None = None) -> Tensor:
        z = torch.rand(n, self.latent, generator=noise, device=noise.device if noise else device)
        pictures: Tensor = self.generator(z.to(device))
        return pictures

    def sample(self, n: int, *, given: Partly | None = None, noise: torch.Generator | None = None) -> Tensor:
        """`n` pictures (n, c, h, w) in [-1, 1], of no class in particular."""
        return self._generated(n, next(self.generator.parameters()).device, noise)

    def classify(self, pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """The probability of each class, given that a picture is real."""
        chances: Tensor = self.discriminator(pictures).float().softmax(1)
        return chances

    def optimizers(self) -> dict[str, Optimizer]:
        return {
            name: torch.optim.Adam(player.parameters(), lr=self.rates[name], betas=(0.5, 0.999), fused=True)
            for name, player in self.players().items()
        }

    def observe(self, batch: Partly) -> dict[str, Scalar]:
        """D(x), D(G(z)), V(D, G), and the share of the labelled pictures that are named right, without noise."""
        real = self.discriminator(batch.data).float().logsumexp(1)
        fake = self.discriminator(self._generated(len(batch), batch.data.device)).float().logsumexp(1)
        named = right(self.discriminator(batch.shown), batch.label)
        value = -softplus(-real).mean() - softplus(fake).mean()
        return {"D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean(), "V(D,G)": value, "named right": named}

    def score(self, batch: Partly | Sample) -> Scores:
        """log Z(x): the logit of "real" over all classes."""
        scores: Tensor = self.discriminator(batch.data).float().logsumexp(1)
        return scores


def right(logits: Float[Tensor, "n k"], label: Int[Tensor, "n"]) -> Scalar:
    """The share of pictures whose likeliest class is their label."""
    return (logits.argmax(1) == label).float().mean()


def pull_away(features: Float[Tensor, "n d"]) -> Scalar:
    """The mean squared cosine between two different rows (Zhao et al. 2017, arXiv:1609.03126)."""
    unit = normalize(features, dim=1)
    n = len(unit)
    return ((unit @ unit.T).square().sum() - n) / max(n * (n - 1), 1)
