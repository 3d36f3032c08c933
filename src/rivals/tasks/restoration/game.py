"""Restoration: two generators of one kind, one faithful to the pixels, one that goes on from it against a discriminator.

Stage one: min_F L(F(s), t). Stage two, G begun at F: min_G max_D V(D, G) + L(G(s), t) + feature matching (the order of
ESRGAN, arXiv:1809.00219). Both are kept, and any network between them, F + sharpness (G - F), restores too: ESRGAN's network
interpolation.
"""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn.functional import interpolate as resized
from torch.optim import Optimizer

from rivals.core.game import Losses, Play
from rivals.core.objectives import Objective, relativistic
from rivals.core.types import Scalar
from rivals.games.translation import Fidelity, Pair, Translation

HEAD_START = 0.15  # of stage two; what an untrained discriminator teaches is a lattice of sub-pixels


class Restoration(Translation):
    """Players: faithful(source) -> target, in stage one; generator and discriminator(target, source), in stage two.

    warm_up: share of the run that is stage one; until then the generator follows the faithful network weight by weight, so
    that its running average is right when it begins. For the first HEAD_START of stage two the discriminator moves alone.
    error: what stage one minimises, and a part of stage two. finer: terms that only stage two has, weights included. The other
    settings are Translation's.
    """

    averaged = ("faithful", "generator")

    def __init__(
        self,
        faithful: nn.Module,
        discriminator: nn.Module,
        *,
        error: Fidelity,
        finer: Mapping[str, Fidelity] | None = None,
        warm_up: float = 0.7,
        adversarial: float = 0.05,
        matching: float = 10.0,
        objective: Objective = relativistic,
        optimizer: Callable[[str, list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__(copy.deepcopy(faithful), discriminator, fidelity={"error": error, **(finer or {})}, matching=matching,
                         adversarial=adversarial, warm_up=warm_up, objective=objective, optimizer=optimizer)  # fmt: skip
        self.faithful, self.error = faithful, error

    def round(self, play: Play[Pair]) -> None:
        batch = play.draw()
        if play.progress <= self.warm_up:
            play.move(self.faithful, self.faithful_loss, batch)
            interpolate(self.generator, self.faithful, self.generator, 0.0)
            return
        play.move(self.discriminator, self.discriminator_loss, batch)
        if play.progress > self.warm_up + HEAD_START * (1 - self.warm_up):
            play.move(self.generator, self.generator_loss, batch)

    def faithful_loss(self, batch: Pair) -> Losses:
        return {"error": self.error(self.faithful(batch.source), batch)}

    def observe(self, batch: Pair) -> dict[str, Scalar]:
        """Nothing in stage one, where the discriminator has not begun."""
        return super().observe(batch) if self.progress > self.warm_up else {}


@torch.no_grad()
def interpolate(into: nn.Module, faithful: nn.Module, generator: nn.Module, sharpness: float) -> None:
    """Writes F + sharpness (G - F) into a network of the same kind."""
    for mine, f, g in zip(into.parameters(), faithful.parameters(), generator.parameters(), strict=True):
        mine.copy_(torch.lerp(f, g, sharpness))


def between(game: Restoration, sharpness: float) -> nn.Module:
    """F + sharpness (G - F), a network of its own."""
    network = copy.deepcopy(game.generator)
    interpolate(network, game.faithful, game.generator, sharpness)
    return network


def absolute(made: torch.Tensor, pair: Pair) -> Scalar:
    """Mean |made - target|."""
    return (made - pair.target).abs().mean()


def in_the_hole(made: torch.Tensor, pair: Pair) -> Scalar:
    """Mean |made - target| over each picture's own hole, the source's last channel, 1 inside and -1 outside."""
    hole = (pair.source[:, -1:] + 1) / 2
    missed = ((made - pair.target).abs() * hole).flatten(1).sum(1)
    return (missed / (hole.flatten(1).sum(1) * made.shape[1]).clamp(min=1)).mean()


def consistent(weight: float) -> Fidelity:
    """Weight times mean |small - source|, small: the result made small again as the source was, by antialiased bicubic."""

    def term(made: torch.Tensor, pair: Pair) -> Scalar:
        small = resized(made, size=pair.source.shape[2:], mode="bicubic", antialias=True)
        return weight * (small - pair.source).abs().mean()

    return term
