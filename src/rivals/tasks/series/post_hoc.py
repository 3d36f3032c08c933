"""The discriminative and the predictive score of TimeGAN's experiments (Yoon et al. 2019): by small recurrent networks.

Discriminative: |accuracy - 1/2| of a GRU that tells real from synthetic series, on a held-out fifth. Predictive: mean absolute
error of a GRU that learns from synthetic series to predict the next step of the last channel from the others, on real series.
Both have dim / 2 units, dim the number of channels, so they are weak judges: stand them beside the boosted trees' figure. Series
are scaled to [0, 1] by the real least and greatest values.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from rivals.core.types import Float, Tensor

TOLD, PREDICTED, BATCH = 2000, 5000, 128  # steps of training and rows in each, as published


class Judge(nn.Module):
    """A GRU and a linear map; (n, t, channels) -> (n, t, 1)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.cells, self.out = nn.GRU(channels, hidden, batch_first=True), nn.Linear(hidden, 1)

    def forward(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t 1"]:
        made: Tensor = self.out(self.cells(x)[0])
        return made


def scaled(values: np.ndarray, real: np.ndarray) -> Float[Tensor, "n t c"]:
    """Into [0, 1] by the real range."""
    low, high = real.min((0, 1)), real.max((0, 1))
    return torch.from_numpy((values - low) / np.where(high > low, high - low, 1)).float()


def discriminative_score(real: np.ndarray, fake: np.ndarray, *, steps: int = TOLD, seed: int = 0) -> float:
    """|accuracy - 1/2| for two arrays (n, t, channels) of equal n."""
    parts = [scaled(each, real) for each in (real, fake)]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        folds = []
        for part in parts:
            part = part[torch.randperm(len(part))]
            folds.append(part.split([int(0.8 * len(part)), len(part) - int(0.8 * len(part))]))
        judge = Judge(parts[0].shape[2], max(parts[0].shape[2] // 2, 1))
        optimizer = torch.optim.Adam(judge.parameters())
        for _ in range(steps):
            rows = [fold[0][torch.randint(len(fold[0]), (BATCH,))] for fold in folds]
            told = judge(torch.cat(rows))[:, -1, 0]
            loss = binary_cross_entropy_with_logits(told, torch.arange(2).flip(0).repeat_interleave(BATCH).float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = [(judge(fold[1])[:, -1, 0] > 0) == bool(1 - which) for which, fold in enumerate(folds)]
    return abs(float(torch.cat(right).float().mean()) - 0.5)


def predictive_score(real: np.ndarray, fake: np.ndarray, *, steps: int = PREDICTED, seed: int = 0) -> float:
    """Mean absolute error in the real range, on all real series; for one channel, of its own next step."""
    test, train = scaled(real, real), scaled(fake, real)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        judge = Judge(max(test.shape[2] - 1, 1), max(test.shape[2] // 2, 1))
        optimizer = torch.optim.Adam(judge.parameters())
        for _ in range(steps):
            past, future = _task(train[torch.randint(len(train), (BATCH,))])
            loss = l1_loss(judge(past).sigmoid(), future)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            past, future = _task(test)
            return float(l1_loss(judge(past).sigmoid(), future))


def _task(x: Float[Tensor, "n t c"]) -> tuple[Tensor, Tensor]:
    return x[:, :-1, : max(x.shape[2] - 1, 1)], x[:, 1:, -1:]
