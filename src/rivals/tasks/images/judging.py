"""How good generated pictures are, and what the command line needs of a run: files to read, files to write, real pictures.

The usual cards compare with held-out pictures, in the features of a classifier trained on the run's own (`judge_backbone`);
the measures that `--metric` names are in `judge_named`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media import pictures as media
from rivals.media.drawing import draw
from rivals.metrics import Judging, Labelled, MetricCard, Plan, label_agreement, quality
from rivals.metrics.quality import MEASURES
from rivals.tasks.images.judge_backbone import chosen
from rivals.tasks.images.judge_named import NAMED, SPLIT
from rivals.tasks.images.judge_real import CHUNK, ROWS, Real, Record, generated, look, real

__all__ = ["draw", "evaluate", "held_out", "illustrate", "read", "write"]


def evaluate(game: Game[Sample], record: Record, judging: Judging) -> dict[str, MetricCard]:
    """Cards of `judging.samples` pictures: the usual ones, or of the one measure that `judging.metric` names.

    A run of stacked pictures is judged by its modes. Cards of a published backbone are named after it: frechet[inception].

    Raises:
        UserError: an unknown measure or backbone, or one that this run has no classes for; data that are gone or changed.
    """
    metric = judging.metric or ("stacked" if record["facts"].get("stack", 1) > 1 else "")
    if metric and metric not in (*NAMED, *MEASURES, "labels"):
        raise UserError(f"unknown metric {metric!r}: give one of {', '.join([*NAMED, *MEASURES, 'labels'])}")
    found = real(record)
    cards = NAMED[metric](game, found, record, judging) if metric in NAMED else _usual(game, found, record, judging)
    return {name if judging.backbone == "own" else f"{name}[{judging.backbone}]": card for name, card in cards.items()}


def plan(judging: Judging, only: tuple[str, ...] = MEASURES) -> Plan:
    """Up to 10,000 rows of each set where so many samples are asked for. An interval's time grows with the rows' square: it
    rests on 100 draws up to 2,000 rows, then on fewer, and on 20 from 4,472 rows on."""
    rows = min(max(judging.samples, 2000), 10_000)
    draws = max(20, round(100 * (2000 / rows) ** 2))
    return Plan(rows=rows, draws=draws, seed=judging.seed, split=SPLIT, only=only)


def _usual(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """With a published backbone, which is slow, only as many real pictures are looked at as are generated: "copies" then tells
    of those alone."""
    own, metric = judging.backbone == "own", judging.metric
    labels = own and found.form.classes > 1 and metric in ("", "labels")
    if metric == "labels" and not labels:
        raise UserError("--metric labels needs a run with classes and --backbone own: leave it out")
    backbone, only = chosen(found, record, judging), (metric,) if metric in MEASURES else () if metric else MEASURES
    how = plan(judging, only)
    wanted = found.wanted(judging.samples, judging.seed)
    fake = look(backbone, generated(game, judging.samples, wanted, judging.seed))
    near = ROWS if "copies" in only and own else max(how.rows, judging.samples) if own else judging.samples
    train = look(backbone, found.train(found.rows(near)))
    aside = torch.randperm(len(found.held_out), generator=torch.Generator().manual_seed(0))[
        : how.rows if own else judging.samples
    ]
    test = look(backbone, iter(found.held_out.map(lambda each: each[aside]).split(CHUNK)))
    labelled = Labelled(backbone.classify(fake.features), fake.labels) if labels else None
    cards = quality(train.features, test.features, fake.features, backbone=backbone, labelled=labelled, plan=how)
    if labels:
        cards["labels"].extra["bound"] = label_agreement(backbone.classify(test.features), test.labels)
        return {"labels": cards.pop("labels"), **cards}
    return cards


def illustrate(game: Game[Sample], record: Record) -> dict[str, Image]:
    """ "neighbours": twenty samples, a column for each of up to ten classes, and below each the training picture that is
    nearest in pixels."""
    found = real(record)
    columns = min(found.form.classes or 10, 10)
    wanted = torch.arange(2 * columns) % columns if found.form.classes else None
    given = None if wanted is None else Sample.wanted(wanted)
    with torch.no_grad():
        samples = game.sample(2 * columns, given=given, noise=torch.Generator().manual_seed(0)).float().cpu()
    nearest, distance = torch.zeros_like(samples), torch.full((len(samples),), torch.inf)
    for part in found.train(found.rows()):
        closest = torch.cdist(samples.flatten(1), part.data.flatten(1)).min(1)
        nearer = closest.values < distance
        nearest[nearer], distance[nearer] = part.data[closest.indices[nearer]], closest.values[nearer]
    rows = [samples[:columns], nearest[:columns], samples[columns:], nearest[columns:]]
    scale = media.scale_of(found.form.height, found.form.width)
    return {"neighbours": media.grid(torch.cat(rows), columns, scale=scale)}


def held_out(record: Record) -> Sample:
    """Real pictures that the run did not train on."""
    return real(record).held_out


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """Picture files of the run's own size as one batch without conditions; raises UserError for any other file."""
    size = {name: facts[name] for name in ("channels", "height", "width")}
    return Sample(torch.stack([media.read(file, **size) for file in files]))


def write(samples: Tensor, condition: Tensor | None, folder: Path) -> list[Path]:
    """samples.npz, one grid, and each picture as a PNG file where a PNG can hold its channels."""
    return media.write(samples, condition, folder, scale=media.scale_of(*samples.shape[2:]))
