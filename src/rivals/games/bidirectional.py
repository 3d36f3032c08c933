"""BiGAN: a generator and an encoder against a discriminator of pairs (Donahue et al. 2017, arXiv:1605.09782; as ALI, Dumoulin et
al. 2017, arXiv:1606.00704).

V(D, E, G) = E log D(x, E(x)) + E log(1 - D(G(z), z)): where nobody can tell the pairs apart, E inverts G. The encoder minimises
the objective's loss of a generator with the sides changed: for it (x, E(x)) is the false pair.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.errors import UserError
from rivals.core.game import Losses, Play
from rivals.core.objectives import Objective, least_squares, relativistic
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import GAN, Sample


class Paired(Protocol):
    """A discriminator of pairs, with the features of a pair that it scores."""

    def features(self, x: Tensor, z: Tensor) -> Tensor: ...


class BiGAN(GAN):
    """encoder(x) -> codes (n, latent); generator(z) -> samples; discriminator(x, z) -> scores (n,); no conditions.

    objective, penalties, penalty_every, optimizer: as in GAN. All moves of a round share one batch; the penalties flatten the
    score over a pair, sample and code together. Raises UserError for least_squares, whose sides do not change
    with the scores' sign.
    """

    averaged = ("encoder", "generator")

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        objective: Objective = relativistic,
        penalties: Mapping[str, Penalty] | None = None,
        penalty_every: int = 1,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        if objective is least_squares:
            raise UserError("a BiGAN has no least-squares objective: take one whose sides change with the scores' sign")
        super().__init__(
            generator,
            discriminator,
            latent=latent,
            objective=objective,
            penalties=penalties,
            penalty_every=penalty_every,
            optimizer=optimizer,
        )
        self.encoder = encoder

    def round(self, play: Play[Sample]) -> None:
        batch = play.draw()
        play.move(self.discriminator, self.discriminator_loss, batch)
        if self.penalty_every > 1 and play.round % self.penalty_every == 0:
            play.move(self.discriminator, self.penalty_loss, batch)
        play.move(self.generator, self.generator_loss, batch)
        play.move(self.encoder, self.encoder_loss, batch)

    def generator_loss(self, batch: Sample) -> Losses:
        real, fake = self._scores(batch, self.generator)
        return {"adversarial": self.objective.generator(real, fake).mean()}

    def encoder_loss(self, batch: Sample) -> Losses:
        real, fake = self._scores(batch, self.encoder)
        return {"adversarial": self.objective.generator(-fake, -real).mean()}

    def _scores(self, batch: Sample, learns: nn.Module | None = None) -> tuple[Scores, Scores]:
        """D(x, E(x)) and D(G(z), z), with a gradient to the one player that learns."""
        z = self._latents(len(batch), batch.data.device)
        with torch.set_grad_enabled(learns is self.encoder):
            real = self.discriminator(batch.data, self.encoder(batch.data))
        with torch.set_grad_enabled(learns is self.generator):
            fake = self.discriminator(self.generator(z), z)
        return real, fake

    def _verdict(self, batch: Sample, *, penalised: bool) -> Verdict:
        """Of pairs as rows, the flat sample and then its code, so that a penalty sees both as one."""
        z = self._latents(len(batch), batch.data.device)
        with torch.no_grad():
            pairs = (batch.data, self.encoder(batch.data)), (self.generator(z), z)
        real, fake = (torch.cat([x.flatten(1), code], 1).requires_grad_() for x, code in pairs)
        judge = self.discriminator.forward if penalised else self.discriminator

        def discriminate(rows: Tensor) -> Scores:
            scores: Scores = judge(rows[:, : -self.latent].reshape(batch.data.shape), rows[:, -self.latent :])
            return scores

        return Verdict(discriminate, real, fake, discriminate(real), discriminate(fake), self.progress)

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
        samples: Tensor = self.generator(self._latents(n, next(self.generator.parameters()).device, noise))
        return samples

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """D(x) of (x, E(x)), D(G(z)) of (G(z), z), V(D, E, G), and the root of the mean squared error of G(E(x))."""
        error = (batch.data - self.reconstruct(batch.data)).square().mean().sqrt()
        return self._value(*self._scores(batch)) | {"error": error}

    def score(self, batch: Sample) -> Scores:
        """D(x, E(x)) as the raw score."""
        scores: Tensor = self.discriminator(batch.data, self.encode(batch.data)).float()
        return scores
