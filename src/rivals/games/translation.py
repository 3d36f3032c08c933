"""Translation: a generator from source to target, a discriminator of pairs, and terms that hold it to the target.

min_G max_D V(D, G) + sum_k L_k(G(s), t), with D told the source s: pix2pix (Isola et al. 2017, arXiv:1611.07004). Several
discriminators at several scales and feature matching: pix2pixHD (Wang et al. 2018, arXiv:1711.11585).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.batch import Batch
from rivals.core.errors import UserError
from rivals.core.game import Game, Losses, Play
from rivals.core.objectives import Objective, hinge
from rivals.core.penalties import Penalty, Verdict, feature_matching
from rivals.core.types import Scalar, Scores, Tensor


@dataclass(frozen=True)
class Pair(Batch):
    """What goes together: target (n, c, h, w), source (n, k, hh, ww), of the same or of another size."""

    target: Tensor
    source: Tensor

    @classmethod
    def wanted(cls, source: Tensor) -> "Pair":
        """Sources without targets: what `sample(given=...)` takes."""
        return cls(torch.empty(len(source), 0, device=source.device), source)


class Opinion(NamedTuple):
    """What one discriminator says of pairs: a score for each patch, and the features of its layers, for feature matching."""

    score: Scores
    features: list[Tensor]


Fidelity = Callable[[Tensor, Pair], Scalar]
"""How far G(source) is from the pair's target: (made, pair) -> a mean over samples."""


def scores(opinions: Sequence[Opinion]) -> Scores:
    """The scores of all discriminators (n, patches)."""
    return torch.cat([each.score.flatten(1) for each in opinions], 1)


class Translation(Game[Pair]):
    """Players: generator(source) -> target; discriminator(target, source) -> Opinions, one a scale.

    fidelity: terms by name, weights included. matching: weight of feature matching. adversarial: weight of the objective in
    the generator's loss. warm_up: share of the run in which the generator moves alone, on the fidelity terms. penalties: by
    name, in each discriminator move. optimizer: (player's name, parameters) -> Optimizer.
    """

    deterministic = True

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        fidelity: Mapping[str, Fidelity] | None = None,
        matching: float = 0.0,
        adversarial: float = 1.0,
        warm_up: float = 0.0,
        objective: Objective = hinge,
        penalties: Mapping[str, Penalty] | None = None,
        optimizer: Callable[[str, list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.fidelity, self.matching, self.adversarial = dict(fidelity or {}), matching, adversarial
        self.warm_up, self.objective, self.penalties, self.optimizer = warm_up, objective, dict(penalties or {}), optimizer

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        """Whether a loss mixes samples, or a pass moves what is no weight: running statistics, singular vectors."""
        return self.objective.coupled or any(True for player in self.children() for _ in player.buffers())

    def round(self, play: Play[Pair]) -> None:
        alone = play.progress < self.warm_up
        batch = play.draw()
        if alone:
            play.move(self.generator, self.fidelity_loss, batch)
            return
        play.move(self.discriminator, self.discriminator_loss, batch)
        play.move(self.generator, self.generator_loss, batch)

    def make(self, batch: Pair) -> Tensor:
        """The results of a training batch (n, c, h, w)."""
        made: Tensor = self.generator(batch.source)
        return made

    def fidelity_loss(self, batch: Pair) -> Losses:
        made = self.make(batch)
        return {name: term(made, batch) for name, term in self.fidelity.items()}

    def discriminator_loss(self, batch: Pair) -> Losses:
        with torch.no_grad():
            made = self.make(batch)
        real, fake = batch.target.detach(), made.detach()
        if self.penalties:
            real, fake = real.requires_grad_(), fake.requires_grad_()

        def discriminate(samples: Tensor) -> Scores:
            return scores(self.discriminator(samples, batch.source))

        real_score, fake_score = discriminate(real), discriminate(fake)
        losses = {"adversarial": self.objective.discriminator(real_score, fake_score).mean()}
        verdict = Verdict(discriminate, real, fake, real_score, fake_score, self.progress)
        return losses | {name: penalty(verdict).mean() for name, penalty in self.penalties.items()}

    def generator_loss(self, batch: Pair) -> Losses:
        made = self.make(batch)
        fake = self.discriminator(made, batch.source)
        losses = {name: term(made, batch) for name, term in self.fidelity.items()}
        with torch.no_grad():
            real = self.discriminator(batch.target, batch.source) if self.matching or self.objective.paired else fake
        losses["adversarial"] = self.adversarial * self.objective.generator(scores(real), scores(fake)).mean()
        if self.matching:
            apart = [feature_matching(r.features, f.features) for r, f in zip(real, fake, strict=True)]
            losses["matching"] = self.matching * torch.stack(apart).mean()
        return losses

    def sample(self, n: int, *, given: Pair | None = None, noise: torch.Generator | None = None) -> Tensor:
        """The first `n` sources of `given`, translated (n, c, h, w); raises UserError where none are given."""
        if given is None:
            raise UserError("a translation needs something to translate: give sources")
        made: Tensor = self.generator(given.source[:n].to(next(self.generator.parameters()).device))
        return made

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda _, parameters: torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999)))
        return {name: make(name, list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Pair) -> dict[str, Scalar]:
        """D(x), D(G(s)) as mean probabilities over patches, and V(D, G)."""
        opinions = (self.discriminator(target, batch.source) for target in (batch.target, self.make(batch)))
        real, fake = self.objective.probability(*(scores(each).float() for each in opinions))
        logs = real.clamp(min=1e-7).log().mean() + (1 - fake).clamp(min=1e-7).log().mean()
        return {"D(x)": real.mean(), "D(G(s))": fake.mean(), "V(D,G)": logs}
