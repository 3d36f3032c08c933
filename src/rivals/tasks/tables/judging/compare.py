"""The figures that one table of synthetic rows gets: the judged one's, the training rows' (the bound), a simple sampler's."""

from typing import NamedTuple

import pandas as pd
import torch

from rivals.metrics import Interval
from rivals.metrics.card import halves, recentred
from rivals.metrics.detection import Classifier, Detection, detection
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import choices, numeric
from rivals.tasks.tables.judging.features import features
from rivals.tasks.tables.judging.pairs import pairs
from rivals.tasks.tables.judging.shapes import boundaries, coverage, missing, shapes

DRAWS = 20


class Against(NamedTuple):
    """What synthetic rows are compared with: the rows that were trained on, held-out ones, and what to predict of them."""

    train: pd.DataFrame
    held: pd.DataFrame
    schema: Schema
    target: str | None
    seed: int


def alike(held: pd.DataFrame, fake: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """The measures that compare distributions, by metric: each a mean of similarities from 0 to 1."""
    found = pairs(held, fake, schema)
    figures = {"shapes": shapes(held, fake, schema).mean, "pair-trends": found.trends, "pairs": found.mean}
    if held.isna().to_numpy().any() or fake.isna().to_numpy().any():
        figures["missing"] = missing(held, fake, schema).mean
    figures |= {"boundaries": boundaries(held, fake, schema).mean} if numeric(schema) else {}
    return figures | ({"levels": coverage(held, fake, schema).mean} if choices(schema) else {})


def intervals(held: pd.DataFrame, fake: pd.DataFrame, schema: Schema, value: dict[str, float], seed: int) -> dict[str, Interval]:
    """95 % intervals of `alike` by halves of both tables."""
    rows = torch.arange(len(held)), torch.arange(len(fake))
    drawn = [alike(held.iloc[a.numpy()], fake.iloc[b.numpy()], schema) for a, b in halves(rows, DRAWS, seed)]
    found = {name: recentred(each, [draw.get(name, each) for draw in drawn], rows) for name, each in value.items()}
    return {name: ends.about(value[name], 0.0, 1.0) for name, ends in found.items()}


def told_apart(against: Against, fake: pd.DataFrame, classifier: Classifier) -> Detection:
    """Held-out rows from `fake` by every column that is judged."""
    made = features([against.held, fake], against.schema)
    real, synthetic = made.tables
    return detection(real, synthetic, seed=against.seed, classifier=classifier, categorical=made.categorical)
