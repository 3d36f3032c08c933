"""Judging points, drawing them into a CSV, and reading them from one to be scored."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Sample
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Judging, MetricCard, bootstrap, proportion
from rivals.tasks.lab.distributions import Distribution
from rivals.tasks.lab.moments import LOGITS, Taken, divergence, modes, take, value
from rivals.tasks.lab.reading import table, write_points
from rivals.tasks.lab.training import again


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of generated points against fresh ones of the same distribution, and of how near the game is to its end."""
    if judging.metric or judging.backbone != "own":
        raise UserError("points are judged by their own measures alone: leave out --metric and --backbone")
    assert isinstance(game, GAN)
    data = again(record["facts"])
    with torch.no_grad():
        taken = take(game, data, record["facts"]["objective"], judging.seed, judging.samples)
    return _where(taken, data, judging) | _ending(taken, judging)


def _where(taken: Taken, data: Distribution, judging: Judging) -> dict[str, MetricCard]:
    """Where the points lie: modes, points on the data, divergence; `bound` is what fresh data reach."""
    noise = torch.Generator().manual_seed(judging.seed + 1)
    fresh = data.draw(judging.samples, noise)

    def between(one: Tensor, other: Tensor) -> float:
        return divergence(one, other, data.view)

    (covered, share), (_, expected) = modes(taken.fake, data), modes(fresh, data)
    cards = {}
    if data.modes:
        cards["modes-covered"] = _card("modes-covered", covered, (covered, covered), judging, len(data.centres))
    cards["points-on-data"] = _card(
        "points-on-data", share, proportion(round(share * judging.samples), judging.samples), judging, expected
    )
    ends = bootstrap(between, taken.real, taken.fake, draws=40, seed=judging.seed)
    cards["divergence"] = _card("divergence", between(taken.real, taken.fake), ends, judging, between(taken.real, fresh))
    return cards


def _card(name: str, figure: float, ends: tuple[float, float], judging: Judging, bound: float) -> MetricCard:
    low, high = (float(max(end, 0.0)) for end in ends)
    extra: dict[str, float | str] = {"bound": float(bound)}
    return MetricCard(name, float(figure), low, high, "none", "", "fresh", judging.samples, judging.seed, extra)


def _ending(taken: Taken, judging: Judging) -> dict[str, MetricCard]:
    """How far D is from one half on the data, and V from -log 4, its value where nobody can tell the sides apart."""
    if taken.sight.objective not in LOGITS:
        return {}

    def half(sure: Tensor) -> float:
        return float((sure - 0.5).abs().mean())

    def away(real: Tensor, fake: Tensor) -> float:
        return abs(value(real, fake) + math.log(4))

    real, fake, seed = taken.sure_real, taken.sure_fake, judging.seed
    ends = bootstrap(half, real, draws=40, seed=seed), bootstrap(away, real, fake, draws=40, seed=seed)
    return {
        "distance-from-half": _card("distance-from-half", half(real), ends[0], judging, 0.0),
        "value-from-log-4": _card("value-from-log-4", away(real, fake), ends[1], judging, 0.0),
    }


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the points, in the user's own units, as a CSV at `wanted.out`, a file or a folder, and says so."""
    wanted.refuse("points", "--label", "--attributes", "--where", "--given", "--safe-csv")
    data = again(model.record["facts"])
    return write_points(wanted.out, data.outward(model.labelled(wanted.n, seed=wanted.seed)[0]))


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """CSV files of points as one batch, in the game's units."""
    data = again(facts)
    rows = torch.cat([table(file, dimensions=data.dimensions) for file in files])
    return Sample(data.inward(rows))


def held_out(record: Mapping[str, Any]) -> Sample:
    """Fresh points of the distribution."""
    return Sample(again(record["facts"]).draw(2000, torch.Generator().manual_seed(1)))


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> dict[str, Image]:
    """Nothing beside the moments."""
    return {}
