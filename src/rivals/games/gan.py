"""GAN: a generator and a discriminator, with any objective, penalties and condition (Goodfellow et al. 2014,
arXiv:1406.2661; conditional: Mirza and Osindero 2014, arXiv:1411.1784).

min_G max_D V(D, G) = E log D(x) + E log(1 - D(G(z))); relativistic with r1 and r2: Huang et al. 2024, arXiv:2501.05441.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.batch import Batch
from rivals.core.game import Game, Losses, Play
from rivals.core.objectives import Objective, relativistic
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Scalar, Scores, Tensor


@dataclass(frozen=True)
class Sample(Batch):
    """Real samples: data (n, ...); condition (n,) class numbers, or (n, ...) of any kind that both players take."""

    data: Tensor
    condition: Tensor | None = None

    @classmethod
    def wanted(cls, condition: Tensor) -> "Sample":
        """Conditions without data: what `sample(given=...)` takes."""
        return cls(torch.empty(len(condition), 0, device=condition.device), condition)


def latents(n: int, length: int, device: torch.device, noise: torch.Generator | None = None) -> Tensor:
    """z ~ N(0, I), (n, length), on `device`; from `noise` alone where it is given, and then the same on any device."""
    return torch.randn(n, length, generator=noise, device=noise.device if noise else device).to(device)


class Augment(nn.Module):
    """What the discriminator sees of a sample in training: here the sample itself; a subclass changes it at random.

    One that adapts is `coupled`, and `hear` then tells it D(x) and D(G(z)) of each discriminator move, as probabilities.
    """

    coupled = False
    progress: float = 0.0  # set by the game: what a scheduled strength reads

    def forward(self, samples: Tensor) -> Tensor:
        return samples

    def hear(self, real: Scores, fake: Scores) -> None:
        """Nothing to adapt."""


class GAN(Game[Sample]):
    """Players: generator(z, condition) -> samples, discriminator(samples, condition) -> scores (n, ...).

    latent: length of z ~ N(0, I). classes: number of class conditions that `sample` draws from when none are given.
    attributes: rows (m, k) of vector conditions that `sample` draws from instead. augment: applied to all that the
    discriminator sees while it trains, differentiable; the penalties flatten the score through it (arXiv:2006.06676).
    optimizer: parameters -> Optimizer, for each player. penalties: by name, in each discriminator move; with
    penalty_every = k > 1 they have a move of their own every k rounds, k times as strong (lazy, arXiv:1912.04958).
    after: called with the discriminator after each of its moves (clip_weights).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent: int,
        classes: int = 0,
        attributes: Tensor | None = None,
        augment: Augment | None = None,
        objective: Objective = relativistic,
        penalties: Mapping[str, Penalty] | None = None,
        penalty_every: int = 1,
        discriminator_moves: int = 1,
        after: Callable[[nn.Module], None] | None = None,
        optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent, self.classes, self.attributes, self.objective = latent, classes, attributes, objective
        self.augment = augment or Augment()
        self.penalties, self.penalty_every = dict(penalties or {}), penalty_every
        self.anchors = nn.ModuleList(p for p in self.penalties.values() if isinstance(p, nn.Module))  # their state is saved
        self.discriminator_moves, self.after, self.optimizer = discriminator_moves, after, optimizer

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        """Whether a loss mixes the samples of a batch."""
        mixing = [self.objective.coupled, self.augment.coupled, *(getattr(p, "coupled", False) for p in self.penalties.values())]
        return any(mixing) or any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.modules())

    def round(self, play: Play[Sample]) -> None:
        for _ in range(self.discriminator_moves):
            play.move(self.discriminator, self.discriminator_loss)
            if self.after:
                self.after(self.discriminator)
        if self.penalty_every > 1 and play.round % self.penalty_every == 0:
            play.move(self.discriminator, self.penalty_loss)
        play.move(self.generator, self.generator_loss)

    def discriminator_loss(self, batch: Sample) -> Losses:
        v = self._verdict(batch, penalised=self.penalty_every == 1 and bool(self.penalties))
        self.hear(v.real_score, v.fake_score)
        losses = {"adversarial": self.objective.discriminator(v.real_score, v.fake_score).mean()}
        return losses | (self._penalties(v) if self.penalty_every == 1 else {})

    def penalty_loss(self, batch: Sample) -> Losses:
        return {name: self.penalty_every * term for name, term in self._penalties(self._verdict(batch, penalised=True)).items()}

    def generator_loss(self, batch: Sample) -> Losses:
        fake = self.generator(self._latents(len(batch), batch.data.device), batch.condition)
        fake_score = self.judged(fake, batch.condition)
        real_score = fake_score
        if self.objective.paired:
            with torch.no_grad():
                real_score = self.judged(batch.data, batch.condition)
        return {"adversarial": self.objective.generator(real_score, fake_score).mean()}

    def judged(self, samples: Tensor, condition: Tensor | None, *, penalised: bool = False) -> Scores:
        """The discriminator's scores in training: of augmented samples. penalised: to be differentiated twice, which a
        compiled module cannot be, so that its `forward` is called as it was written."""
        judge = self.discriminator.forward if penalised else self.discriminator
        scores: Scores = judge(self.shown(samples), condition)
        return scores

    def shown(self, samples: Tensor) -> Tensor:
        """What the discriminator sees of samples in training."""
        self.augment.progress = self.progress
        seen: Tensor = self.augment(samples)
        return seen

    def hear(self, real_score: Scores, fake_score: Scores) -> None:
        """Tells an augmentation that adapts how well the discriminator does."""
        if self.augment.coupled:
            self.augment.hear(*self.objective.probability(real_score.detach(), fake_score.detach()))

    def _verdict(self, batch: Sample, *, penalised: bool) -> Verdict:
        with torch.no_grad():
            fake = self.generator(self._latents(len(batch), batch.data.device), batch.condition)
        real, fake = batch.data.detach().requires_grad_(), fake.requires_grad_()

        def discriminate(samples: Tensor) -> Scores:
            return self.judged(samples, batch.condition, penalised=penalised)

        return Verdict(discriminate, real, fake, discriminate(real), discriminate(fake), self.progress)

    def _penalties(self, verdict: Verdict) -> Losses:
        return {name: penalty(verdict).mean() for name, penalty in self.penalties.items()}

    def _latents(self, n: int, device: torch.device, noise: torch.Generator | None = None) -> Tensor:
        return latents(n, self.latent, device, noise)

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        """`n` samples (n, ...); given.condition, or classes (or rows of `attributes`) drawn evenly at random."""
        device = next(self.generator.parameters()).device
        condition = given.condition if given else None
        if condition is None and self.classes:
            condition = torch.randint(self.classes, (n,), generator=noise, device=noise.device if noise else device)
        if condition is None and self.attributes is not None:
            rows = torch.randint(len(self.attributes), (n,), generator=noise, device=noise.device if noise else device)
            condition = self.attributes[rows.to(self.attributes.device)]
        samples: Tensor = self.generator(self._latents(n, device, noise), None if condition is None else condition.to(device))
        return samples

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda parameters: torch.optim.Adam(parameters, lr=2e-4, betas=(0.0, 0.99)))
        return {name: make(list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """D(x), D(G(z)) as mean probabilities (see Objective.probability) and V(D, G) = E log D(x) + E log(1 - D(G(z)))."""
        fake = self.generator(self._latents(len(batch), batch.data.device), batch.condition)
        return self._value(self.discriminator(batch.data, batch.condition), self.discriminator(fake, batch.condition))

    def _value(self, real_score: Scores, fake_score: Scores) -> dict[str, Scalar]:
        real, fake = self.objective.probability(real_score.float(), fake_score.float())
        logs = real.clamp(min=1e-7).log().mean() + (1 - fake).clamp(min=1e-7).log().mean()
        return {"D(x)": real.mean(), "D(G(z))": fake.mean(), "V(D,G)": logs}

    def score(self, batch: Sample) -> Scores:
        """D(x) as the raw score, its mean over patches; without a condition, the best over the classes."""
        if batch.condition is None and self.classes:
            each = [
                self.score(Sample(batch.data, torch.full((len(batch),), c, device=batch.data.device)))
                for c in range(self.classes)
            ]
            return reduce(torch.maximum, each)
        scores: Tensor = self.discriminator(batch.data, batch.condition)
        return scores.float().flatten(1).mean(1) if scores.ndim > 1 else scores.float()
