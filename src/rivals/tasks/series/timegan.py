"""series.timegan: TimeGAN as a recipe (Yoon et al. 2019, NeurIPS), for windows of equal length without attributes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.core.types import Float, Tensor
from rivals.games.gan import Sample
from rivals.tasks.series.data import Columns, Windows
from rivals.tasks.series.drawing import draw, series_of
from rivals.tasks.series.judging import evaluate, illustrate
from rivals.tasks.series.layout import Layout, Series
from rivals.tasks.series.recurrent import TimeGAN
from rivals.tasks.series.training import NEXT as EVERY
from rivals.tasks.series.training import OPTIONS, Settings, again, facts_of, layout_of, opened, train

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = tuple(each for each in EVERY if "--given" not in each[0])  # it cannot go on from a beginning


class Scaled(TimeGAN):
    """TimeGAN on series scaled to [0, 1] by each channel's range."""

    def __init__(self, layout: Layout, **shape: Any) -> None:
        super().__init__(channels=len(layout.channels), steps=layout.steps, **shape)
        self.layout = layout

    def decode(self, samples: Tensor) -> Series:
        """Samples as series in the file's own units."""
        low, reach = limits(self.layout)
        count = len(samples)
        values = samples.double().cpu().numpy() * reach + low
        return Series(values, np.full(count, self.steps), np.zeros((count, 0)), np.zeros(count), np.zeros(count, dtype=np.int64))


def limits(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """The least value of each channel, and its range."""
    low = np.array([each.low for each in layout.channels])
    reach = np.array([each.high for each in layout.channels]) - low
    return low, np.where(reach > 0, reach, 1.0)


def unit(layout: Layout, series: Series) -> Float[Tensor, "n t c"]:
    """Series scaled to [0, 1]."""
    low, reach = limits(layout)
    return torch.from_numpy((series.values - low) / reach).float()


def game(facts: Mapping[str, Any]) -> Scaled:
    """The game of a run, untrained: what sampling and scoring need."""
    shape = facts["shape"]
    return Scaled(layout_of(facts), hidden=shape["hidden"], layers=shape["layers"], rounds=(shape["rounds"], shape["rounds"]))


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """The series in files, to be scored."""
    return Sample(unit(layout_of(facts), series_of(files, facts)))


def held_out(record: Mapping[str, Any]) -> Sample:
    """Real series that the run did not train on."""
    found = again(record["facts"])
    return Sample(unit(found.layout, found.held_out))


@trainable
def recipe(
    *,
    data: Path,
    time: str | None = None,
    entity: str | None = None,
    channels: str | None = None,
    wide: bool = False,
    length: int | None = None,
    step: int = 1,
    max_gap: int = 3,
    hidden: int = 24,
    layers: int = 3,
    rate: float = 1e-3,
    samples: int = 1_280_000,
    batch: int = 128,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "series-timegan",
) -> Trainer[Sample]:
    """Series by TimeGAN: an autoencoder, a supervisor of single steps, then the joint game in the autoencoder's features.

    Parameters
    ----------
    hidden
        Units of each recurrent layer.
    layers
        Recurrent layers of each network.
    rate
        Adam's learning rate, constant.
    """
    positive(hidden=hidden, layers=layers, rate=rate)
    settings = Settings(samples, batch, micro, seed, device, precision, workers, out, name)
    columns, windows = Columns.named(time, entity, channels, None, wide), Windows(length, step, max_gap)
    found = opened(data, columns, windows, settings)
    if found.layout.quantiles:
        raise UserError("series.timegan takes series of equal length: give --length, or train series instead")
    # Equal rounds a stage: one batch a round in each of the first two, three in the third.
    shape = {"hidden": hidden, "layers": layers, "rounds": max(samples // (5 * batch), 1)}
    facts = facts_of(found, data, columns, windows) | {"shape": shape}
    gan = game(facts)
    gan.optimizer = lambda parameters: torch.optim.Adam(parameters, lr=rate, fused=True)
    return train(gan, found, lambda series: unit(found.layout, series), facts, settings, watched=False)
