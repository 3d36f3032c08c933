"""Weight averages: what is sampled from is the mean of the players' recent weights, not the last step.

average <- average + (1 - 0.5^(samples / half-life)) (weights - average) (Karras et al. 2018, arXiv:1710.10196).
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from rivals.core.game import B, Game, evaluating
from rivals.core.types import Tensor


class Averages(nn.Module):
    """Running averages of a game's `averaged` players; buffers are copied.

    half_life: in samples; it grows with the run up to that (at most `ramp` of the samples seen so far), so that
    the first weights are soon forgotten.
    """

    def __init__(self, game: Game[B], half_life: float, *, ramp: float = 0.05) -> None:
        super().__init__()
        self.half_life, self.ramp = half_life, ramp
        for name in game.averaged:
            self.add_module(name, copy.deepcopy(getattr(game, name)).eval())
        players = [getattr(game, name) for name in game.averaged]
        self._mine: list[Tensor] = list(self.parameters())
        self._theirs: list[Tensor] = [p for player in players for p in player.parameters()]
        self._kept, self._copied = list(self.buffers()), [b for player in players for b in player.buffers()]

    @torch.no_grad()
    def update(self, samples: int, seen: int) -> None:
        """One step towards the game's weights after a round of `samples`, `seen` in all."""
        half_life = min(self.half_life, self.ramp * seen)
        weight = 1 - 0.5 ** (samples / half_life) if half_life > 0 else 1.0
        if self._mine:
            torch._foreach_lerp_(self._mine, self._theirs, weight)
        for mine, theirs in zip(self._kept, self._copied, strict=True):
            mine.copy_(theirs)

    @contextmanager
    def within(self, game: Game[B]) -> Iterator[Game[B]]:
        """The game with the averages in their players' places, in eval mode, without gradients; as before on leaving."""
        own = {name: getattr(game, name) for name, _ in self.named_children()}
        try:
            for name, average in self.named_children():
                setattr(game, name, average)
            with evaluating(game):
                yield game
        finally:
            for name, player in own.items():
                setattr(game, name, player)
