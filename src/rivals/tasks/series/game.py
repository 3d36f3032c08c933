"""SeriesGAN: one game that draws whole series and goes on from the first steps of one.

Each real series of a move is shown with nothing known, or with its first steps and its attributes known, at random; generator and
discriminator are told which, so min max E f(D(x, k) - D(G(z, k), k)) over both is one conditional game (Mirza and Osindero 2014,
arXiv:1411.1784) whose condition is a part of the sample itself. Attributes and lengths, few numbers among many, are also held by
their moments: the generator's loss has |E phi(G(z)) - E phi(x)|^2, phi the numbers, their products, and those with squares.
"""

import torch

from rivals.core.game import Losses
from rivals.core.objectives import Objective, relativistic
from rivals.core.types import Scores, Tensor
from rivals.games.gan import GAN, Sample
from rivals.tasks.series.layout import Series
from rivals.tasks.series.networks import Discriminator, Generator
from rivals.tasks.series.view import moments

MOMENTS = 10.0  # weight of the moments in the generator's loss


class SeriesGAN(GAN):
    """continued: the share of series whose first steps are known; of these half have known attributes, of the rest a quarter.

    A sample's condition is what `Known` describes; None where nothing is known.
    """

    generator: Generator
    discriminator: Discriminator

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        continued: float = 0.3,
        objective: Objective = relativistic,
    ) -> None:
        super().__init__(generator, discriminator, latent=generator.latent, objective=objective)
        self.continued = continued

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        """Whether a loss mixes the samples of a batch: the moments of attributes and lengths do."""
        return super().coupled or bool(self.generator.view.layout.extra)

    def discriminator_loss(self, batch: Sample) -> Losses:
        return super().discriminator_loss(self.partly_known(batch))

    def generator_loss(self, batch: Sample) -> Losses:
        losses = super().generator_loss(self.partly_known(batch))
        if self.generator.view.layout.extra:
            extra = self.generator.drawn(self._latents(2 * len(batch), batch.data.device))
            one, other = (moments(part) - self.generator.view.moments for part in extra.chunk(2))
            losses["moments"] = MOMENTS * (one * other).sum()  # of two sets: a square would also shrink the variance
        return losses

    def partly_known(self, batch: Sample) -> Sample:
        """The batch with a condition drawn for each series: 1 to all but one of its steps, or none."""
        view, known = self.generator.view, self.generator.known
        flat, rows = known.steps * known.channels, len(batch)
        draw = torch.rand(rows, 3, device=batch.data.device)
        x, extra = view.colour(batch.data[:, :flat]), batch.data[:, flat:]
        lengths = view.lengths(extra[:, -1]) if view.layout.quantiles else torch.full_like(draw[:, 0], known.steps).long()
        goes_on = draw[:, 0] < self.continued
        count = torch.where(goes_on, 1 + (draw[:, 1] * (lengths - 1)).long().clamp(min=0), 0)
        count = torch.minimum(count, (lengths - 1).clamp(min=0))
        told = draw[:, 2] < torch.where(goes_on, 0.5, 0.25) if known.codes else torch.zeros_like(goes_on)
        return Sample(batch.data, known.of(x, extra[:, : known.codes], count, told.float()))

    def score(self, batch: Sample) -> Scores:
        """D(x) with nothing known; of series as the game is played on them, or, (n, 1, d), as files have them (`view.codes`)."""
        return super().score(Sample(self.generator.view.seen(batch.data[:, 0])) if batch.data.ndim == 3 else batch)

    def decode(self, samples: Tensor) -> Series:
        """Samples as series in the file's own units."""
        return self.generator.view.decode(samples)
