"""StyleGAN: non-saturating, with r1 and the path length of the styles as moves of their own (Karras et al. 2020,
arXiv:1912.04958).

G: E softplus(-D(G(z))), and every k rounds 2/L (|J^T y| - a)^2 at the L styles of each layer, J = dG/dw.
D: E softplus(-D(x)) + softplus(D(G(z))), and every k rounds gamma/2 |grad D(x)|^2.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.game import Losses, Play
from rivals.core.objectives import non_saturating
from rivals.core.penalties import PathLength, r1
from rivals.core.schedules import Schedule
from rivals.core.types import Float, Tensor
from rivals.games.gan import GAN, Augment, Sample


class StyleGenerator(nn.Module, ABC):
    """A generator in two halves: forward(z, condition) is paint(styles(z, condition), z), with mixed styles in training.

    truncation: psi in w' = mean + psi (w - mean), the mean of w over training; it holds in evaluation alone.
    """

    truncation: float = 1.0

    @abstractmethod
    def styles(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n layers width"]:
        """w of each layer, neither mixed nor truncated."""

    @abstractmethod
    def paint(self, styles: Float[Tensor, "n layers width"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n *sample"]:
        """The samples of these styles; z steers the noise in evaluation."""


class StyleGAN(GAN):
    """gamma: strength of r1. penalty_every, path_every: rounds between two moves on r1, and on the path length; 0 for no path
    length. rate: Adam's learning rate, unless an `optimizer` is given.
    """

    coupled = True  # by the deviation within a batch, the mean of w and the mean path length

    def __init__(
        self,
        generator: StyleGenerator,
        discriminator: nn.Module,
        *,
        latent: int,
        classes: int = 0,
        attributes: Tensor | None = None,
        augment: Augment | None = None,
        gamma: float | Schedule = 1.0,
        penalty_every: int = 16,
        path_every: int = 8,
        rate: float = 2.5e-3,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            latent=latent,
            classes=classes,
            attributes=attributes,
            augment=augment,
            objective=non_saturating,
            penalties={"r1": r1(gamma)},
            penalty_every=penalty_every,
            optimizer=optimizer,
        )
        self.path_every, self.rate = path_every, rate
        self.path_length = PathLength()

    @property
    def painter(self) -> StyleGenerator:
        assert isinstance(self.generator, StyleGenerator)
        return self.generator

    @property
    def truncation(self) -> float:
        """1 for samples as varied as training found them, towards 0 for samples nearer to the mean."""
        return self.painter.truncation

    @truncation.setter
    def truncation(self, psi: float) -> None:
        self.painter.truncation = psi

    def round(self, play: Play[Sample]) -> None:
        super().round(play)
        if self.path_every and play.round % self.path_every == 0:
            play.move(self.generator, self.path_loss)

    def path_loss(self, batch: Sample) -> Losses:
        """The paper weighs it by ln 2 / (r^2 (ln r - ln 2)); r^2, the pixels, is in y, and L = 2 log2(r) - 2 layers remain."""
        z = self._latents(len(batch), batch.data.device)
        styles = self.painter.styles(z, batch.condition)
        uneven = self.path_length(self.painter.paint(styles, z), styles)
        return {"path-length": self.path_every * 2 / styles.shape[1] * uneven.mean()}

    def optimizers(self) -> dict[str, Optimizer]:
        """Adam(0, 0.99), its rate and memory scaled for k + 1 moves in k rounds: rate c, betas^c, c = k / (k + 1)."""
        if self.optimizer:
            return super().optimizers()
        every = {
            "generator": self.path_every,
            "discriminator": self.penalty_every if self.penalty_every > 1 else 0,
        }
        made: dict[str, Optimizer] = {}
        for name, player in self.players().items():
            c = every[name] / (every[name] + 1) if every[name] else 1.0
            made[name] = torch.optim.Adam(list(player.parameters()), lr=self.rate * c, betas=(0.0, 0.99**c), fused=True)
        return made
