"""All shared measures of a set of samples at once, each beside the figure that real data reach under the same terms."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from rivals.core.errors import UserError
from rivals.core.types import Float, Int, Tensor
from rivals.metrics.agreement import class_coverage, label_agreement
from rivals.metrics.backbone import Backbone
from rivals.metrics.card import Interval, MetricCard, halves, proportion, recentred
from rivals.metrics.check import checked
from rivals.metrics.copying import copying
from rivals.metrics.frechet import frechet
from rivals.metrics.kernel import kernel_distance
from rivals.metrics.neighbours import density_coverage, precision_recall

LEAST = 12
KERNEL_ROWS = 5000
MEASURES = ("frechet", "kernel", "precision", "recall", "density", "coverage", "copies")
RANGES: dict[str, tuple[float, ...]] = {"kernel": ()} | dict.fromkeys(("precision", "recall", "coverage"), (0.0, 1.0))


class Labelled(NamedTuple):
    """A classifier's logits of generated samples, and the labels that the generator was asked for."""

    logits: Float[Tensor, "n c"]
    labels: Int[Tensor, " n"]


@dataclass(frozen=True)
class Plan:
    """How to measure. Two figures are comparable if their plans, backbones and numbers of rows are equal.

    Attributes:
        rows: at most this many rows of each set enter a comparison; time and memory grow with its square.
        draws: resamplings behind each interval, at least 20.
        seed: of the rows that are picked and of the resamplings.
        split: name of the held-out split, as the cards give it.
        only: the measures to take, of `MEASURES`; all by default.
    """

    rows: int = 2000
    draws: int = 100
    seed: int = 0
    split: str = "test"
    only: tuple[str, ...] = MEASURES


def quality(
    train: Float[Tensor, "n d"],
    test: Float[Tensor, "m d"],
    fake: Float[Tensor, "f d"],
    *,
    backbone: Backbone,
    labelled: Labelled | None = None,
    plan: Plan | None = None,
) -> dict[str, MetricCard]:
    """Cards by metric: frechet, frechet_bound, kernel, precision, recall, density, coverage, copies (, labels).

    Every measure but the last two compares c fakes with the held-out split, and c training rows with the same rows of
    that split: c = min(fakes, training rows, plan.rows). The second figure is the bound, kept as extra["bound"]: the
    training rows are samples from the data distribution itself, so it is what a perfect generator scores at this size.
    Since the numbers of rows are equal, so is the bias, and extra["ratio"] of frechet over its bound is fair: 1.0 is
    as good as the real training data. Memorised training rows reach it too; read "copies" beside it.

    "copies" is the share of all fakes as near to one of all training rows as the nearest 1 % of the test rows (see
    `copying`), with extra["expected"] for fresh data. "labels" is label agreement, with the number of classes seen.
    The intervals of these two hold the threshold and the classifier fixed (`proportion`); the others are by halves
    (see `bootstrap`), and those of frechet and frechet_bound share their draws.

    Args:
        train: features of the rows that the generator was trained on.
        test: features of held-out rows from the same source.
        fake: features of generated samples.
        backbone: that computed the features; only its name and digest are read.
        labelled: logits and asked labels of generated samples, where there are labels.
        plan: sizes and seed.

    Raises:
        UserError: a set, or plan.rows, below 12 rows; different widths; features that are not finite.
    """
    plan = plan or Plan()
    train, test, fake = checked({"train": train, "test": test, "fake": fake}, least=LEAST)
    if plan.rows < LEAST:
        raise UserError(f"plan.rows is {plan.rows}; give at least {LEAST}")
    count = min(len(train), len(fake), plan.rows)
    generator = torch.Generator().manual_seed(plan.seed)
    found = _compare(_pick(test, plan.rows, generator), _pick(train, count, generator), _pick(fake, count, generator), plan)
    if "copies" in plan.only:
        found["copies"] = _copies(train, test, fake)
    if labelled is not None:
        found["labels"] = _labels(labelled)
    name, digest = backbone.name, backbone.digest
    return {
        metric: MetricCard(metric, value, *interval, name, digest, plan.split, rows, plan.seed, extra)
        for metric, (value, interval, rows, extra) in found.items()
    }


class _Finding(NamedTuple):
    value: float
    interval: Interval
    rows: int
    extra: dict[str, float | str]


def _pick(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:count].to(rows.device)]


def _measures(real: Tensor, fake: Tensor, only: tuple[str, ...]) -> dict[str, float]:
    """Those of `only`. Kernel distance from one subset, as large as the smaller set: of all estimates the one that varies
    least; above 5,000 rows a subset of so many, since its memory grows with the square."""
    found = {}
    if "frechet" in only:
        found["frechet"] = frechet(real, fake)
    if "kernel" in only:
        size = min(max(len(real), len(fake)), KERNEL_ROWS)
        found["kernel"] = kernel_distance(real, fake, subsets=1, size=size).mean
    if "precision" in only or "recall" in only:
        found |= precision_recall(real, fake)._asdict()
    if "density" in only or "coverage" in only:
        found |= density_coverage(real, fake)._asdict()
    return {name: value for name, value in found.items() if name in only}


def _compare(test: Tensor, train: Tensor, fake: Tensor, plan: Plan) -> dict[str, _Finding]:
    """Value, interval and notes of each measure that sets two sets of rows side by side."""
    values, bounds = _measures(test, fake, plan.only), _measures(test, train, plan.only)
    if not values:
        return {}
    drawn = []
    for part_test, part_train, part_fake in halves((test, train, fake), plan.draws, plan.seed):
        drawn.append(_measures(part_test, part_fake, plan.only))
        if "frechet" in values:
            drawn[-1]["frechet_bound"] = frechet(part_test, part_train)
    found = {}
    for metric, value in (values | ({"frechet_bound": bounds["frechet"]} if "frechet" in values else {})).items():
        ends = recentred(value, [each[metric] for each in drawn], (test, train, fake))
        extra: dict[str, float | str] = {"reference_rows": float(len(test))}
        if metric in bounds:
            extra["bound"] = bounds[metric]
        found[metric] = _Finding(value, ends.about(value, *RANGES.get(metric, (0.0,))), len(fake), extra)
    if bounds.get("frechet", 0) > 0:
        found["frechet"].extra["ratio"] = values["frechet"] / bounds["frechet"]
    return found


def _copies(train: Tensor, test: Tensor, fake: Tensor) -> _Finding:
    found = copying(train, test, fake)
    extra: dict[str, float | str] = {name: float(each) for name, each in found._asdict().items()}
    del extra["share"]
    return _Finding(found.share, proportion(round(found.share * len(fake)), len(fake)), len(fake), extra)


def _labels(labelled: Labelled) -> _Finding:
    logits, labels = labelled
    share, count = label_agreement(logits, labels), len(labels)
    classes = logits.shape[1]
    seen = class_coverage(logits, classes)
    extra: dict[str, float | str] = {"classes": float(classes), "classes_seen": float(seen)}
    return _Finding(share, proportion(round(share * count), count), count, extra)
