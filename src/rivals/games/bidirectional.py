"""BiGAN: a generator and an encoder against a discriminator of pairs (Donahue et al. 2017, arXiv:1605.09782; as ALI, Dumoulin et
al. 2017, arXiv:1606.00704).

V(D, E, G) = E log D(x, E(x)) + E log(1 - D(G(z), z)): where nobody can tell the pairs apart, E inverts G. The generator and the
encoder each minimise the flipped logarithms of their own pairs.
"""

from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from rivals.core.game import Game, Losses, Play
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import Sample, latents


class Paired(Protocol):
    """A discriminator of pairs, with the features of a pair that it scores."""

    def features(self, x: Tensor, z: Tensor) -> Tensor: ...


class BiGAN(Game[Sample]):
    """encoder(x) -> codes (n, latent); generator(z) -> samples; discriminator(x, z) -> scores (n,)."""

    averaged = ("encoder", "generator")
    coupled = True  # encoder and generator have batch norm as a rule

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.generator, self.discriminator = encoder, generator, discriminator
        self.latent, self.optimizer = latent, optimizer

    def round(self, play: Play[Sample]) -> None:
        batch = play.draw()
        play.move(self.discriminator, self.discriminator_loss, batch)
        play.move(self.generator, self.generator_loss, batch)
        play.move(self.encoder, self.encoder_loss, batch)

    def discriminator_loss(self, batch: Sample) -> Losses:
        z = self._latents(len(batch))
        with torch.no_grad():
            code, fake = self.encoder(batch.data), self.generator(z)
        return {
            "real": softplus(-self.discriminator(batch.data, code)).mean(),
            "generated": softplus(self.discriminator(fake, z)).mean(),
        }

    def generator_loss(self, batch: Sample) -> Losses:
        z = self._latents(len(batch))
        return {"adversarial": softplus(-self.discriminator(self.generator(z), z)).mean()}

    def encoder_loss(self, batch: Sample) -> Losses:
        return {"adversarial": softplus(self.discriminator(batch.data, self.encoder(batch.data))).mean()}

    def encode(self, x: Tensor) -> Float[Tensor, "n latent"]:
        """E(x)."""
        code: Tensor = self.encoder(x).float()
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x))."""
        made: Tensor = self.generator(self.encode(x))
        return made

    def anomaly(self, x: Tensor) -> Float[Tensor, "n"]:
        """Nine parts |x - G(E(x))|, one part the distance of the discriminator's features of (x, E(x)) and (G(E(x)), E(x))
        (Zenati et al. 2018, arXiv:1802.06222), means over their values."""
        code = self.encode(x)
        again, judge = self.generator(code), cast(Paired, self.discriminator)
        apart = (judge.features(x, code) - judge.features(again, code)).float().abs().mean(1)
        strange: Tensor = 0.9 * (x - again).float().abs().flatten(1).mean(1) + 0.1 * apart
        return strange

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        """`n` samples (n, ...) of z ~ N(0, I)."""
        samples: Tensor = self.generator(self._latents(n, noise))
        return samples

    def _latents(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return latents(n, self.latent, next(self.generator.parameters()).device, noise)

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda parameters: torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999)))
        return {name: make(list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """D(x) of (x, E(x)), D(G(z)) of (G(z), z), V(D, E, G), and the root of the mean squared error of G(E(x))."""
        z = self._latents(len(batch))
        real = self.discriminator(batch.data, self.encode(batch.data)).float()
        fake = self.discriminator(self.generator(z), z).float()
        value = -softplus(-real).mean() - softplus(fake).mean()
        error = (batch.data - self.reconstruct(batch.data)).square().mean().sqrt()
        return {"D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean(), "V(D,G)": value, "error": error}

    def score(self, batch: Sample) -> Scores:
        """D(x, E(x)) as a logit."""
        scores: Tensor = self.discriminator(batch.data, self.encode(batch.data)).float()
        return scores
