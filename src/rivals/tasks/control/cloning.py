"""Behaviour cloning: the same policy, fitted to the expert's actions by maximum likelihood; no environment, no adversary."""

from collections.abc import Mapping

import torch
from torch.optim import Optimizer

from rivals.core.game import Game, Losses, Play
from rivals.core.schedules import cosine
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.tasks.control.environments import Space
from rivals.tasks.control.networks import Policy
from rivals.tasks.control.rollout import Pairs

RATE, MOVES, BATCH = 1e-3, 3000, 256


class Cloning(Game[Pairs]):
    """One player: -log pi(a | s) of the expert's pairs falls."""

    def __init__(self, space: Space, width: int = 64) -> None:
        super().__init__()
        self.space, self.generator = space, Policy(space, width)

    def round(self, play: Play[Pairs]) -> None:
        play.move(self.generator, self.loss)

    def loss(self, batch: Pairs) -> Losses:
        observation, action = batch.data.split([self.space.observations, self.space.actions], 1)
        return {"unlikely": -self.generator.log_probability(observation, action).mean()}

    def sample(self, n: int, *, given: Pairs | None = None, noise: torch.Generator | None = None) -> Tensor:
        raise NotImplementedError("a cloned policy is played, not sampled from")

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"generator": torch.optim.Adam(list(self.generator.parameters()), lr=RATE, fused=True)}


def clone(space: Space, pairs: Pairs, seed: int, *, width: int = 64, moves: int = MOVES) -> Policy:
    """The policy that was fitted to the pairs; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        game = Cloning(space, width)
        game.generator.scale.fit(pairs.data[:, : space.observations])
        falling = {"lr": cosine(RATE, RATE / 10)}
        data, samples = pairs.stream(seed), moves * BATCH
        Trainer(game, data, samples=samples, batch=BATCH, seed=seed, device="cpu", schedules=falling).fit(progress=False)
    return game.generator.eval().requires_grad_(False)
