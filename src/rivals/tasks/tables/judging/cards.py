"""Cards of a table of synthetic rows, each beside what real rows reach and what simple samplers reach under the same terms."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.metrics import Interval, Judging, MetricCard
from rivals.metrics.card import BESIDE
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.attacks import attributes, membership
from rivals.tasks.tables.judging.baselines import SAMPLERS
from rivals.tasks.tables.judging.cells import choices, judged, sample
from rivals.tasks.tables.judging.compare import Against, alike, intervals, told_apart
from rivals.tasks.tables.judging.privacy import closest, copies
from rivals.tasks.tables.judging.utility import balanced, targets, utility

ROWS = 10_000  # of each table; exact copies are counted, and closest rows looked for, among more
LOWER = ("detection",)  # measures of which less is better
ASKED = 5000  # held-out rows whose classes are predicted
TEACHERS = ("per class", "per-class copula")  # the samplers that are asked to teach classes, which takes long: the strongest
USUAL = Judging()
ALIKE = ("shapes", "pair-trends", "pairs", "missing", "boundaries", "levels")
DETECTION, USE = ("detection", "detection-logistic"), ("utility", "balanced-accuracy")
PRIVACY, BROKEN = ("exact-copies", "closest", "membership", "attributes"), ("constraints",)
Found = tuple[str, float, Interval, int, dict[str, float | str]]


def judge(
    train: pd.DataFrame,
    held: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    target: str | None = None,
    judging: Judging = USUAL,
    constraints_broken: int | None = None,
) -> dict[str, MetricCard]:
    """Cards by metric of synthetic rows; typed frames, as `parse` gives them, all with the columns of `schema`.

    Held-out rows are compared with, and up to 10,000 rows of each table. extra["bound"] is what the training rows reach against
    the held-out ones, extra["beside copula"] and so on what the samplers of `baselines` reach, and extra["verdict"] says so
    where a simple sampler is the better one. target: the column of `utility`, and of the samplers by class.
    constraints_broken: synthetic rows that break a declared constraint. judging: the seed of all that is drawn, and
    one metric alone.

    Raises UserError for a target that cannot be predicted, tables of too few rows, and a metric that is none of theirs.
    """
    if target is not None and target not in judged(schema):
        raise UserError(f"target {target!r} is no column to predict: give one of {', '.join(judged(schema))}")
    seed, metric = judging.seed, judging.metric
    against = Against(sample(train, ROWS, seed), sample(held, ROWS, seed + 1), schema, target, seed)
    rows = sample(synthetic, ROWS, seed + 2)
    simple = {name: draw(against.train, schema, len(rows), target, seed) for name, draw in SAMPLERS.items()}
    digest = hashlib.sha256(json.dumps([(column.name, column.kind) for column in schema.columns]).encode()).hexdigest()
    groups: dict[tuple[str, ...], Callable[[], Iterable[Found]]] = {
        ALIKE: lambda: _alike(against, rows, simple),
        DETECTION: lambda: _detection(against, rows, simple),
        USE: lambda: _use(against, rows, simple),
        PRIVACY: lambda: _privacy(against, train, held, synthetic, simple),
        BROKEN: lambda: [] if constraints_broken is None else [_broken(constraints_broken, len(synthetic))],
    }
    found = chain.from_iterable(make() for names, make in groups.items() if not metric or metric in names)
    cards = {
        name: MetricCard(name, value, *interval, "table", digest, "held-out", count, seed, extra)
        for name, value, interval, count, extra in found
        if metric in ("", name)
    }
    if not cards:
        raise UserError(f"metric {metric!r}: of this table there are {', '.join(chain.from_iterable(groups))}")
    return cards


def _alike(against: Against, rows: pd.DataFrame, simple: dict[str, pd.DataFrame]) -> Iterator[Found]:
    values = alike(against.held, rows, against.schema)
    bounds = alike(against.held, against.train, against.schema)
    beside = {name: alike(against.held, each, against.schema) for name, each in simple.items()}
    ends = intervals(against.held, rows, against.schema, values, against.seed)
    for metric, value in values.items():
        others = {name: each[metric] for name, each in beside.items() if metric in each}
        extra = _extra(metric, value, bounds.get(metric), others, metric in ("pairs", "pair-trends"))
        yield metric, value, ends[metric], len(rows), extra


def _detection(against: Against, rows: pd.DataFrame, simple: dict[str, pd.DataFrame]) -> Iterator[Found]:
    auc, low, high, count = told_apart(against, rows, "boosting")
    others = {name: told_apart(against, each, "boosting").auc for name, each in simple.items()}
    bound = told_apart(against, against.train, "boosting").auc
    yield "detection", auc, Interval(low, high), count, _extra("detection", auc, bound, others, True)
    auc, low, high, count = told_apart(against, rows, "logistic")
    yield "detection-logistic", auc, Interval(low, high), count, {"bound": told_apart(against, against.train, "logistic").auc}


def _use(against: Against, rows: pd.DataFrame, simple: dict[str, pd.DataFrame]) -> Iterator[Found]:
    train, held, schema, target, seed = against
    if target is not None:
        found = utility(train, held, rows, schema, target)
        others = {name: utility(train, held, each, schema, target, seeds=1).value for name, each in simple.items()}
        extra: dict[str, float | str] = {
            "target": target,
            "measure": found.measure,
            "bound low": found.bound_low,
            "bound high": found.bound_high,
        }
        extra |= _extra("utility", found.value, found.bound, others, True)
        yield "utility", found.value, Interval(found.low, found.high), len(rows), extra
    wanted = targets(train, schema)
    if wanted:
        held = sample(held, ASKED, seed)
        made = balanced(train, held, rows, schema, only=wanted, seed=seed)
        bound = balanced(train, held, train, schema, only=wanted, seed=seed).mean
        others = {name: balanced(train, held, simple[name], schema, only=wanted, seed=seed).mean for name in TEACHERS}
        taught: dict[str, float | str] = {f"of {name}": value for name, value in made.targets.items()}
        taught |= _extra("balanced-accuracy", made.mean, bound, others, True)
        yield "balanced-accuracy", made.mean, Interval(made.low, made.high), len(rows), taught


def _privacy(
    against: Against, train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, simple: dict[str, pd.DataFrame]
) -> Iterator[Found]:
    schema, seed = against.schema, against.seed
    same = copies(train, held, synthetic, schema)
    others = {name: copies(train, held, each, schema).share for name, each in simple.items()}
    extra = _extra("exact-copies", same.share, same.expected, others, False) | {"verdict": same.verdict}
    yield "exact-copies", same.share, Interval(same.low, same.high), len(synthetic), extra

    near = closest(train, held, synthetic, schema, seed=seed)
    ratio = near.median / near.held_median if near.held_median else float("inf") if near.median else 1.0
    extra = {"bound": near.held_median, "5 % quantile": near.near, "5 % quantile of held-out rows": near.held_near}
    extra |= {"ratio": ratio} if np.isfinite(ratio) else {}
    yield "closest", near.median, Interval(near.low, near.high), min(2000, len(synthetic)), extra

    found = membership(train, held, synthetic, schema, seed=seed)
    seen = {name: membership(against.train, held, each, schema, seed=seed) for name, each in simple.items()}
    worst = found.attacks[found.strongest]
    extra = {"verdict": found.verdict, "strongest": found.strongest}
    for name, each in found.attacks.items():
        extra |= {f"attack {name}": each.auc, f"found {name}": each.hits}
    extra |= _extra("membership", worst.auc, 0.5, {name: each.attacks[each.strongest].auc for name, each in seen.items()}, False)
    extra |= {f"verdict on {name}": each.verdict for name, each in seen.items()}
    yield "membership", worst.auc, Interval(worst.low, worst.high), found.people, extra

    if choices(schema):
        yield _attributes(against, train, held, synthetic, simple)


def _attributes(
    against: Against, train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, simple: dict[str, pd.DataFrame]
) -> Found:
    """The mean advantage; its interval takes the guesses of different columns as the same people's, so as dependent."""
    schema, seed = against.schema, against.seed
    secrets = attributes(train, held, synthetic, schema, seed=seed)
    mean = float(np.mean([each.advantage for each in secrets.values()]))
    reach = 1.96 * float(np.mean([each.deviation for each in secrets.values()]))
    worst = max(secrets, key=lambda name: secrets[name].advantage)
    copied = attributes(against.train, held, simple["memoriser"], schema, seed=seed)
    extra: dict[str, float | str] = {"worst": worst, "of it": secrets[worst].advantage, "bound": 0.0}
    extra[f"{BESIDE}memoriser"] = float(np.mean([each.advantage for each in copied.values()]))
    people = min(each.people for each in secrets.values())
    return "attributes", mean, Interval(mean - reach, mean + reach), people, extra


def _broken(count: int, rows: int) -> Found:
    return "constraints", float(count), Interval(float(count), float(count)), rows, {"bound": 0.0}


def _extra(metric: str, value: float, bound: float | None, others: dict[str, float], rated: bool) -> dict[str, float | str]:
    """Bound, samplers' figures and, where `rated`, whether the best of them, the memoriser apart, is better."""
    extra: dict[str, float | str] = {} if bound is None else {"bound": bound}
    extra |= {BESIDE + name: each for name, each in others.items()}
    honest = {name: each for name, each in others.items() if name != "memoriser"}
    if rated and honest:
        sign = -1 if metric in LOWER else 1
        best = max(honest, key=lambda name: sign * honest[name])
        lost = sign * honest[best] > sign * value
        extra["verdict"] = f"worse than the {best} sampler" if lost else "better than every simple sampler"
    return extra
