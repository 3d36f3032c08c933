"""Autoencoders that generate: the VAE (Kingma and Welling 2014, arXiv:1312.6114) and the VAE-GAN (Larsen et al. 2016,
arXiv:1512.09300).

VAE: the encoder's q(z|x) = N(m(x), s(x)^2) and the generator together minimise E |x - G(z)|^2 / (2 d^2) + beta KL(q(z|x) ||
N(0, I)), z ~ q(z|x): an upper bound of -log p(x) up to a constant, for pixels of deviation d.
VAE-GAN: what "alike" means is told by a layer f of a discriminator instead of by pixels, and the generator must also fool it:
encoder |f(x) - f(G(z))|^2 / 2 + beta KL, generator gamma |f(x) - f(G(z))|^2 / 2 - log D(G(z)), for z ~ q(z|x) and z ~ N(0, I),
f in units of its own deviation.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from rivals.core.game import Game, Losses, Play
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import Sample, latents


class Code(NamedTuple):
    """q(z|x) of each sample: mean and log variance (n, latent)."""

    mean: Float[Tensor, "n latent"]
    log_variance: Float[Tensor, "n latent"]

    def draw(self) -> Float[Tensor, "n latent"]:
        return self.mean + (self.log_variance / 2).exp() * torch.randn_like(self.mean)

    def divergence(self) -> Float[Tensor, "n"]:
        """KL(q(z|x) || N(0, I)) in nats."""
        return (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance).sum(1) / 2


class Layered(Protocol):
    """A discriminator with a layer to compare in."""

    def layer(self, x: Tensor) -> Tensor: ...

    def judge(self, layer: Tensor) -> Scores: ...


class VAE(Game[Sample]):
    """encoder(x) -> (n, 2 latent): mean and log variance of q(z|x). generator(z) -> samples.

    deviation: of a sample's values around what the generator says, in their own units. beta: weight of the divergence.
    Losses are in nats for each value of a sample.
    """

    averaged = ("encoder", "generator")
    coupled = True  # both players have batch norm as a rule

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        *,
        latent: int,
        beta: float = 1.0,
        deviation: float = 0.2,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.generator = encoder, generator
        self.latent, self.beta, self.deviation, self.optimizer = latent, beta, deviation, optimizer

    def round(self, play: Play[Sample]) -> None:
        batch = play.draw()
        play.move(self.encoder, self.encoder_loss, batch)
        play.move(self.generator, self.generator_loss, batch)

    def encoder_loss(self, batch: Sample) -> Losses:
        code = self.code(batch.data)
        unlike = self._unlike(batch.data, self.generator(code.draw()))
        return {"reconstruction": unlike.mean(), "divergence": self._pressure(code, batch.data)}

    def generator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            z = self.code(batch.data).draw()
        return {"reconstruction": self._unlike(batch.data, self.generator(z)).mean()}

    def _unlike(self, x: Tensor, made: Tensor) -> Float[Tensor, "n"]:
        return (x - made).square().flatten(1).mean(1) / (2 * self.deviation**2)

    def _pressure(self, code: Code, x: Tensor) -> Scalar:
        return self.beta * code.divergence().mean() / x[0].numel()

    def code(self, x: Tensor) -> Code:
        """q(z|x)."""
        mean, log_variance = self.encoder(x).float().chunk(2, 1)
        return Code(mean, log_variance.clamp(-12, 12))

    def encode(self, x: Tensor) -> Float[Tensor, "n latent"]:
        """The mean of q(z|x)."""
        return self.code(x).mean

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the generator makes of the code of x."""
        made: Tensor = self.generator(self.encode(x))
        return made

    def anomaly(self, x: Tensor) -> Float[Tensor, "n"]:
        """How badly a sample is explained: -log p(x), at most, for each of its values and up to a constant."""
        code = self.code(x)
        return self._unlike(x, self.generator(code.mean).float()) + self.beta * code.divergence() / x[0].numel()

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        """`n` samples (n, ...) of z ~ N(0, I)."""
        samples: Tensor = self.generator(self._latents(n, noise))
        return samples

    def _latents(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return latents(n, self.latent, next(self.generator.parameters()).device, noise)

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda parameters: torch.optim.Adam(parameters, lr=1e-3))
        return {name: make(list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """Root of the mean squared error of reconstructions, and the divergence in nats."""
        error = (batch.data - self.reconstruct(batch.data)).square().mean().sqrt()
        return {"error": error, "nats": self.code(batch.data).divergence().mean()}


class VAEGAN(VAE):
    """A VAE with a discriminator, see Layered; `deviation` is not used. gamma: what the likeness in its layer weighs beside
    fooling it."""

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        beta: float = 1.0,
        gamma: float = 1.0,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__(encoder, generator, latent=latent, beta=beta, optimizer=optimizer)
        self.discriminator, self.gamma = discriminator, gamma

    @property
    def _judge(self) -> Layered:
        return cast(Layered, self.discriminator)

    def round(self, play: Play[Sample]) -> None:
        batch = play.draw()
        play.move(self.encoder, self.encoder_loss, batch)
        play.move(self.generator, self.generator_loss, batch)
        play.move(self.discriminator, self.discriminator_loss, batch)

    def generator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            z = self.code(batch.data).draw()
        again, fresh = self.generator(z), self.generator(self._latents(len(batch)))
        layer = self._judge.layer(again)
        scores = self._judge.judge(layer), self.discriminator(fresh)
        return {
            "reconstruction": self.gamma * self._apart(self._judge.layer(batch.data), layer).mean(),
            "adversarial": torch.stack([softplus(-score).mean() for score in scores]).mean(),
        }

    def discriminator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            made = self.generator(self.code(batch.data).draw()), self.generator(self._latents(len(batch)))
        generated = torch.stack([softplus(self.discriminator(each)).mean() for each in made]).mean()
        return {"real": softplus(-self.discriminator(batch.data)).mean(), "generated": generated}

    def _unlike(self, x: Tensor, made: Tensor) -> Float[Tensor, "n"]:
        return self._apart(self._judge.layer(x), self._judge.layer(made))

    def _apart(self, real: Tensor, made: Tensor) -> Float[Tensor, "n"]:
        real = real.detach().flatten(1)
        spread = real.var(0, correction=0).mean().clamp(min=1e-8) if len(real) > 1 else real.new_ones(())
        return (real - made.flatten(1)).square().mean(1) / (2 * spread)

    def anomaly(self, x: Tensor) -> Float[Tensor, "n"]:
        """Mean distance between x and its reconstruction, nine parts in pixels and one in the discriminator's layer (Zenati et
        al. 2018, arXiv:1802.06222)."""
        again = self.reconstruct(x)
        return _distance(x, again) * 0.9 + _distance(self._judge.layer(x), self._judge.layer(again)) * 0.1

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """As in VAE, and D(x), D(G(z)), V(D, G)."""
        real, fake = self.discriminator(batch.data).float(), self.discriminator(self.sample(len(batch))).float()
        value = -softplus(-real).mean() - softplus(fake).mean()
        return super().observe(batch) | {"D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean(), "V(D,G)": value}

    def score(self, batch: Sample) -> Scores:
        """D(x) as a logit."""
        scores: Tensor = self.discriminator(batch.data).float()
        return scores


def _distance(one: Tensor, other: Tensor) -> Float[Tensor, "n"]:
    return (one - other).float().abs().flatten(1).mean(1)
