"""Game: a module whose children are the players, and whose `round` says who moves.

A move is one optimiser step of one player on the sum of its named losses. In the minimax game (Goodfellow et al.
2014, arXiv:1406.2661) the discriminator moves up V(D, G) = E log D(x) + E log(1 - D(G(z))), the generator down.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.batch import Batch
from rivals.core.types import Scalar, Scores, Tensor

B = TypeVar("B", bound=Batch)
Losses = dict[str, Scalar]
"""Named scalars; their sum is minimised; {} = pass (the player does not move)."""


class Play(Protocol[B]):
    """All that a game may ask for during a round."""

    @property
    def round(self) -> int: ...

    @property
    def progress(self) -> float: ...

    def draw(self) -> B:
        """The next batch of real samples."""
        ...

    def move(self, player: nn.Module, loss: Callable[[B], Losses], batch: B | None = None) -> Losses:
        """One step of `player` down the sum of `loss(batch)`, on a fresh batch where none is given.

        `player` is a direct child of the game. Returns the losses, detached; nobody else's gradient is touched.
        """
        ...


class Game(nn.Module, Generic[B], ABC):
    """The players are the children that have parameters; a concrete game may be extended once.

    A `*_loss` is pure: it reads tensors and players and returns named scalars. `coupled` tells that a loss mixes
    the samples of a batch (batch statistics), so that micro-batches are not the full batch.
    """

    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    coupled: bool = False
    deterministic: ClassVar[bool] = False  # samples follow from `given` alone, as a translator's do
    progress: float = 0.0  # set by the trainer before each round: what schedules read

    @abstractmethod
    def round(self, play: Play[B]) -> None:
        """One round of moves."""

    @abstractmethod
    def sample(self, n: int, *, given: B | None = None, noise: torch.Generator | None = None) -> Tensor:
        """`n` samples, first axis n; conditions come from `given`, randomness from `noise` alone where it is given."""

    @abstractmethod
    def optimizers(self) -> Mapping[str, Optimizer]:
        """A fresh optimiser for each player, by its name."""

    def observe(self, batch: B) -> dict[str, Scalar]:
        """Values to watch and never to minimise: D(x), D(G(z)), V(D, G)..."""
        return {}

    def score(self, batch: B) -> Scores:
        """D(x) for each sample; raises NotImplementedError where a game has no discriminator for it."""
        raise NotImplementedError(f"{type(self).__name__} has no score for single samples")

    def players(self) -> dict[str, nn.Module]:
        """The players by name, in the order in which they were set; a frozen network is none."""
        learns = {name: any(p.requires_grad for p in child.parameters()) for name, child in self.named_children()}
        return {name: child for name, child in self.named_children() if learns[name]}


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each submodule is in the mode it had."""
    modes = {each: each.training for each in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for each, training in modes.items():
            each.training = training
