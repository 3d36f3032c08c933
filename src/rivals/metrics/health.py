"""Health: says when a game has stopped being one, while it can still be mended."""

import warnings
from typing import Any

import torch

from rivals.core.trainer import Report, Trainer


class Health:
    """A watcher that warns once of each fault, with the figure and the moment.

    A fault must show at `patience` looks in a row; a look is taken wherever the game observes its values. It tells:
    a discriminator that has won (V(D,G) above -0.02, where 0 is its full victory: the generator's gradient vanishes),
    a dead one (the same score for every sample), and a generator whose samples are all alike.
    """

    def __init__(self, *, patience: int = 5, samples: int = 16) -> None:
        self.patience, self.samples = patience, samples
        self.count: dict[str, int] = {}

    def __call__(self, trainer: Trainer[Any], report: Report) -> None:
        if not report.observed:
            return
        for fault, shown in self._faults(trainer, report).items():
            self.count[fault] = self.count.get(fault, 0) + 1 if shown else 0
            if self.count[fault] == self.patience:
                warnings.warn(f"{report.seen:,} samples: {fault} ({shown})", stacklevel=2)

    def _faults(self, trainer: Trainer[Any], report: Report) -> dict[str, str]:
        """Each fault with the figure that shows it; "" where it does not."""
        value = report.observed.get("V(D,G)")
        won = f"V(D,G) = {value.item():.4f}" if value is not None and value > -0.02 else ""
        real, fake = (report.observed.get(name) for name in ("D(x)", "D(G(z))"))
        same = real is not None and fake is not None and torch.equal(real, fake)
        dead = f"D(x) = D(G(z)) = {real.item():.4f} to the last digit" if same and real is not None else ""
        with trainer.averaged() as game:
            samples = game.sample(self.samples, noise=torch.Generator().manual_seed(0)).float()
        spread = samples.std(0).max().item()
        constant = f"largest deviation between {self.samples} samples: {spread:.1e}" if spread < 1e-4 else ""
        return {
            "the discriminator has won and the generator learns nothing: raise gamma or lower the discriminator's rate": won,
            "the discriminator is dead, it says the same of every sample: lower its learning rate and start again": dead,
            "the generator's samples are all alike: raise gamma, or give its output layer smaller weights": constant,
        }
