"""TimeGAN: an autoencoder, a generator with a supervisor, and a discriminator of the autoencoder's features (Yoon et al. 2019,
"Time-series generative adversarial networks", NeurIPS; no preprint).

h = e(x), x' = r(h); h_t ~ s(h_1 ... h_t-1) of real series teaches s one step ahead; fakes are r(s(g(z))), z uniform on [0, 1].
Stage 1 min_{e,r} L_R = |x - x'|; stage 2 min_s L_S = |h_{t+1} - s(h)_t|; stage 3 all: min_{g,s} 100 L_S + max_d L_U + moments,
min_{e,r} L_R + 0.1 L_S.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import mse_loss, softplus
from torch.optim import Optimizer

from rivals.core.game import Game, Losses, Play
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import Sample

STRONG = 0.15  # a discriminator whose loss was below this waits for a round


class Recurrent(nn.Module):
    """(n, t, inputs) -> (n, t, outputs): a GRU of some layers and a linear map of each step; squashed: into [0, 1]."""

    def __init__(self, inputs: int, hidden: int, outputs: int, layers: int, *, squashed: bool = True, both: bool = False) -> None:
        super().__init__()
        self.cells = nn.GRU(inputs, hidden, layers, batch_first=True, bidirectional=both)
        self.out = nn.Linear(hidden * (1 + both), outputs)
        self.squashed = squashed

    def forward(self, x: Float[Tensor, "n t i"]) -> Float[Tensor, "n t o"]:
        made: Tensor = self.out(self.cells(x)[0])
        return made.sigmoid() if self.squashed else made


class Autoencoder(nn.Module):
    """embed: series -> features (n, t, hidden) in [0, 1]; recover: the way back."""

    def __init__(self, channels: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embed = Recurrent(channels, hidden, hidden, layers)
        self.recover = Recurrent(hidden, hidden, channels, layers)


class Generator(nn.Module):
    """draft: noise (n, t, channels) -> features; supervise: features -> those of the next step. They move together."""

    def __init__(self, channels: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.draft = Recurrent(channels, hidden, hidden, layers)
        self.supervise = Recurrent(hidden, hidden, hidden, max(layers - 1, 1))


class TimeGAN(Game[Sample]):
    """Players: autoencoder, generator, discriminator. rounds: of stage 1 and of stage 2, the rest is stage 3.

    Samples (n, t, channels) are in [0, 1]. In a round of stage 3 the generator and the autoencoder move twice, the discriminator
    once, unless its loss was below 0.15 in its last move: then it waits for a round (the paper's authors ask at each move; all
    processes of a group must agree, so here the last move's loss, which they share, decides).
    """

    averaged: ClassVar[tuple[str, ...]] = ("generator", "autoencoder")
    coupled = True  # by the moments of a batch
    strong: Tensor

    def __init__(self, *, channels: int, steps: int, hidden: int = 24, layers: int = 3, rounds: tuple[int, int],
                 optimizer: Callable[[list[nn.Parameter]], Optimizer] | None = None) -> None:  # fmt: skip
        super().__init__()
        self.autoencoder, self.generator = Autoencoder(channels, hidden, layers), Generator(channels, hidden, layers)
        self.discriminator = Recurrent(hidden, hidden, 1, layers, squashed=False, both=True)
        self.channels, self.steps, self.rounds, self.optimizer = channels, steps, rounds, optimizer
        self.register_buffer("strong", torch.zeros(()))

    def round(self, play: Play[Sample]) -> None:
        if play.round < self.rounds[0]:
            play.move(self.autoencoder, self.reconstruction_loss)
        elif play.round < sum(self.rounds):
            play.move(self.generator, self.supervised_loss)
        else:
            for _ in range(2):
                batch = play.draw()
                play.move(self.generator, self.generator_loss, batch)
                play.move(self.autoencoder, self.embedding_loss, batch)
            if self.strong:
                self.strong.zero_()
            else:
                losses = play.move(self.discriminator, self.discriminator_loss)
                self.strong.fill_(float(sum(term.item() for term in losses.values()) < STRONG))

    def reconstruction_loss(self, batch: Sample) -> Losses:
        made = self.autoencoder.recover(self.autoencoder.embed(batch.data))
        return {"reconstruction": 10 * _root(mse_loss(made, batch.data))}

    def supervised_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            h = self.autoencoder.embed(batch.data)
        return {"supervised": self._ahead(h)}

    def generator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            h = self.autoencoder.embed(batch.data)
        draft = self.generator.draft(self._noise(len(batch), batch.data.device))
        supervised = self.generator.supervise(draft)
        made, real = self.autoencoder.recover(supervised), batch.data
        deviations = [(x.float().var(0, correction=0) + 1e-6).sqrt() for x in (made, real)]
        moments = (deviations[0] - deviations[1]).abs().mean() + (made.mean(0) - real.mean(0)).abs().mean()
        return {
            "adversarial": softplus(-self.discriminator(supervised)).mean(),
            "adversarial draft": softplus(-self.discriminator(draft)).mean(),
            "supervised": 100 * _root(self._ahead(h)),
            "moments": 100 * moments,
        }

    def embedding_loss(self, batch: Sample) -> Losses:
        h = self.autoencoder.embed(batch.data)
        apart = mse_loss(self.autoencoder.recover(h), batch.data)
        return {"reconstruction": 10 * _root(apart), "supervised": 0.1 * self._ahead(h)}

    def discriminator_loss(self, batch: Sample) -> Losses:
        with torch.no_grad():
            h = self.autoencoder.embed(batch.data)
            draft = self.generator.draft(self._noise(len(batch), batch.data.device))
            supervised = self.generator.supervise(draft)
        return {
            "real": softplus(-self.discriminator(h)).mean(),
            "fake": softplus(self.discriminator(supervised)).mean(),
            "fake draft": softplus(self.discriminator(draft)).mean(),
        }

    def _ahead(self, h: Float[Tensor, "n t d"]) -> Scalar:
        """L_S: how far the supervisor's next step is from the real one."""
        return mse_loss(self.generator.supervise(h)[:, :-1], h[:, 1:])

    def _noise(self, n: int, device: torch.device, noise: torch.Generator | None = None) -> Tensor:
        where = noise.device if noise else device
        return torch.rand(n, self.steps, self.channels, generator=noise, device=where).to(device)

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Tensor:
        device = next(self.generator.parameters()).device
        made: Tensor = self.autoencoder.recover(self.generator.supervise(self.generator.draft(self._noise(n, device, noise))))
        return made

    def score(self, batch: Sample) -> Scores:
        """The discriminator's score of a series' features, its mean over the steps."""
        scores: Tensor = self.discriminator(self.autoencoder.embed(batch.data))
        return scores.float().mean((1, 2))

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        """D(x), D(G(z)) and V(D, G), where a discriminator has begun to learn."""
        real = self.discriminator(self.autoencoder.embed(batch.data)).float()
        fake = self.score(Sample(self.sample(len(batch))))
        value = -softplus(-real).mean() - softplus(fake).mean()
        return {"D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean(), "V(D,G)": value}

    def optimizers(self) -> Mapping[str, Optimizer]:
        make = self.optimizer or (lambda parameters: torch.optim.Adam(parameters, lr=1e-3))
        return {name: make(list(player.parameters())) for name, player in self.players().items()}


def _root(square: Scalar) -> Scalar:
    return (square + 1e-12).sqrt()  # the root's own slope at 0 is infinite
