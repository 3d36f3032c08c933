"""AuxiliaryGAN: the discriminator also names the condition, and the generator wants it named right (AC-GAN, Odena et al.
2017, arXiv:1610.09585).

L_C = E -log P(c | x) + E -log P(c | G(z, c)): the discriminator minimises its adversarial loss + weight L_C, the generator its
own + weight E -log P(c | G(z, c)).
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, cast

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from torch.optim import Optimizer

from rivals.core.game import Losses
from rivals.core.objectives import Objective, non_saturating
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import GAN, Augment, Sample

Naming = Literal["class", "binary", "squared"]


class Classifies(Protocol):
    """What the discriminator must offer; its forward(x, condition) is head(features(x), condition)."""

    def features(self, x: Tensor) -> Tensor: ...

    def head(self, h: Tensor, condition: Tensor | None) -> Scores: ...

    def classify(self, h: Tensor) -> Tensor: ...


def naming_loss(naming: Naming, logits: Float[Tensor, "n k"], condition: Tensor) -> Float[Tensor, "n"]:
    """-log P(c | x), up to a constant, of each sample; for attributes its mean over them.

    class: cross-entropy with class numbers (n,). binary: an independent yes or no for each of k attributes 0 or 1 (values
    between are read as probabilities). squared: c ~ N(logits, 1/2), for continuous attributes of any scale.
    """
    if naming == "class":
        return cross_entropy(logits, condition, reduction="none")
    loss = binary_cross_entropy_with_logits if naming == "binary" else mse_loss
    return loss(logits, condition.to(logits.dtype), reduction="none").mean(1)


class AuxiliaryGAN(GAN):
    """A GAN whose discriminator has `features`, `head` and `classify` (see Classifies); the rest is as in GAN.

    naming: how the condition is named; None for "class" with class conditions, else "binary" if all `attributes` are 0 or 1,
    else "squared". weight: of L_C. on_fakes: the discriminator also learns from G(z, c), as in the paper; without, only
    from real samples.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        classes: int = 0,
        attributes: Tensor | None = None,
        naming: Naming | None = None,
        weight: float = 1.0,
        on_fakes: bool = True,
        augment: Augment | None = None,
        objective: Objective = non_saturating,
        penalties: Mapping[str, Penalty] | None = None,
        penalty_every: int = 1,
        discriminator_moves: int = 1,
        after: Callable[[nn.Module], None] | None = None,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            latent=latent,
            classes=classes,
            attributes=attributes,
            augment=augment,
            objective=objective,
            penalties=penalties,
            penalty_every=penalty_every,
            discriminator_moves=discriminator_moves,
            after=after,
            optimizer=optimizer,
        )
        yes_or_no = attributes is not None and bool(((attributes == 0) | (attributes == 1)).all())
        self.naming: Naming = naming or ("class" if classes else "binary" if yes_or_no else "squared")
        self.weight, self.on_fakes = weight, on_fakes

    @property
    def _judge(self) -> Classifies:
        return cast(Classifies, self.discriminator)

    def discriminator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            fake = self.generator(self._latents(len(batch), batch.data.device), batch.condition)
        real, fake = batch.data.detach().requires_grad_(), fake.requires_grad_()
        h, h_fake = (self._seen(samples) for samples in (real, fake))
        score, fake_score = (self._judge.head(each, batch.condition) for each in (h, h_fake))
        self.hear(score, fake_score)
        losses = {
            "adversarial": self.objective.discriminator(score, fake_score).mean(),
            "naming": self._naming(h, batch) + (self._naming(h_fake, batch) if self.on_fakes else 0),
        }
        if self.penalty_every > 1:
            return losses
        v = Verdict(lambda x: self.judged(x, batch.condition, penalised=True), real, fake, score, fake_score, self.progress)
        return losses | self._penalties(v)

    def generator_loss(self, batch: Sample) -> Losses:
        fake = self.generator(self._latents(len(batch), batch.data.device), batch.condition)
        h = self._seen(fake)
        real_score = fake_score = self._judge.head(h, batch.condition)
        if self.objective.paired:
            with torch.no_grad():
                real_score = self.judged(batch.data, batch.condition)
        return {
            "adversarial": self.objective.generator(real_score, fake_score).mean(),
            "naming": self._naming(h, batch),
        }

    def _seen(self, samples: Tensor) -> Tensor:
        return self._judge.features(self.shown(samples))

    def _naming(self, h: Tensor, batch: Sample) -> Scalar:
        assert batch.condition is not None, "auxiliary classification needs conditions"
        return self.weight * naming_loss(self.naming, self._judge.classify(h), batch.condition).mean()

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """As in GAN, and how well the discriminator names the conditions of real samples: share right, or squared error."""
        assert batch.condition is not None
        logits = self._judge.classify(self._judge.features(batch.data)).float()
        if self.naming == "squared":
            return super().observe(batch) | {"named error": (logits - batch.condition).square().mean()}
        right = logits.argmax(1) == batch.condition if self.naming == "class" else (logits > 0) == (batch.condition > 0.5)
        return super().observe(batch) | {"named right": right.float().mean()}
