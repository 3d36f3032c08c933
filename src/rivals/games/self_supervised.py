"""SelfSupervisedGAN: a discriminator that must also rebuild real samples from its features (Liu et al. 2021,
arXiv:2101.04775).

L_D = hinge(D(x), D(G(z))) + E |decode(f) - T(x)|, f its features of real x, T a whole small copy or a crop. It cannot then
forget all but a few telltale details, which is how it overfits small sets.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.game import Losses
from rivals.core.objectives import hinge
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Augment, Sample


class Rebuilding(nn.Module, ABC):
    """A discriminator with decoders."""

    @abstractmethod
    def rebuild(self, samples: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What the decoders make of the samples' features, each beside what it should be."""


class SelfSupervisedGAN(GAN):
    """rebuild: weight of the reconstruction, a mean absolute difference; Adam(0.5, 0.999) at `rate` by default."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Rebuilding,
        *,
        latent: int,
        classes: int = 0,
        attributes: Tensor | None = None,
        augment: Augment | None = None,
        rebuild: float = 1.0,
        rate: float = 2e-4,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            latent=latent,
            classes=classes,
            attributes=attributes,
            augment=augment,
            objective=hinge,
            optimizer=optimizer,
        )
        self.rebuild, self.rate = rebuild, rate

    def discriminator_loss(self, batch: Sample) -> Losses:
        assert isinstance(self.discriminator, Rebuilding)
        pairs = self.discriminator.rebuild(self.shown(batch.data))
        apart = torch.stack([(made - real).abs().mean() for made, real in pairs]).sum()
        return super().discriminator_loss(batch) | {"reconstruction": self.rebuild * apart}

    def optimizers(self) -> dict[str, Optimizer]:
        if self.optimizer:
            return super().optimizers()
        players = self.players().items()
        return {
            name: torch.optim.Adam(list(player.parameters()), lr=self.rate, betas=(0.5, 0.999), fused=True)
            for name, player in players
        }
