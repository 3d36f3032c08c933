"""How good restored held-out pictures are, beside the first stage and simple ways; and what the command line asks of a run."""

import contextlib
import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.types import Tensor
from rivals.games.translation import Pair
from rivals.media import pictures as media
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Judging, MetricCard, bootstrap
from rivals.metrics.card import BESIDE
from rivals.tasks.restoration.baselines import baselines
from rivals.tasks.restoration.damage import Damage
from rivals.tasks.restoration.data import Good, load
from rivals.tasks.restoration.game import Restoration, between
from rivals.tasks.restoration.measures import BOUNDS, MEASURES, measured, summed
from rivals.tasks.restoration.previews import restored, sheet
from rivals.tasks.restoration.training import damage_of

Record = Mapping[str, Any]
FIRST, HALF = "fidelity stage", "half way"
SHOWN, SIDE = 10, 192  # pictures on a sheet, and their largest side

Method = Callable[[Pair], Tensor]


def good_of(record: Record) -> Good:
    """The pictures that a run was trained on and judged with; raises UserError where they are gone or have changed."""
    told = record["arguments"]
    held_out = told.get("held_out")
    good = _load(str(told["data"]), str(held_out) if held_out else None, told.get("size"), record["facts"]["channels"],
                 bool(told.get("allow_bad")))  # fmt: skip
    if good.digest != record["facts"]["data"]:
        raise UserError(f"{told['data']} has changed since this run was trained: put the same pictures back to judge it")
    return good


@lru_cache(maxsize=1)
def _load(data: str, held_out: str | None, size: str | None, channels: int, allow_bad: bool) -> Good:
    with contextlib.redirect_stderr(io.StringIO()):  # what the data are was said when the run was trained
        return load(Path(data), Path(held_out) if held_out else None, size=size, channels=channels, allow_bad=allow_bad)


def methods(game: Restoration, record: Record, good: Good, damage: Damage) -> dict[str, Method]:
    """The run's result by the name ""; where it has two stages, the first one's and that of the network half way between them;
    and the simple ways."""

    def by(network: Any) -> Method:
        return lambda pair: restored(network, pair.source, damage)

    both = {"": by(game.generator)}
    if record["arguments"].get("adversarial_share"):
        both |= {FIRST: by(game.faithful), HALF: by(between(game, 0.5))}
    return both | baselines(good, damage)


def evaluate(game: Restoration, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """Cards of up to `judging.samples` held-out pictures in full: means over pictures, beside each other way's.

    Raises UserError for a measure that the job has not, and for data that are gone or changed.
    """
    damage, good = damage_of(record["facts"]), good_of(record)
    known = MEASURES[damage.job]
    if judging.metric and judging.metric not in known:
        raise UserError(f"unknown metric {judging.metric!r}: for {damage.job} give one of {', '.join(known)}")
    rows: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    groups, ways = good.groups(judging.samples), methods(game, record, good, damage)
    for group in groups:
        pair = good.whole(damage, group)
        for way, method in ways.items():
            with torch.no_grad():
                found = measured(method(pair), pair, damage)
            for name, each in found.items():
                rows[name][way].append(each)
    count = sum(len(group) for group in groups)
    wanted = [judging.metric] if judging.metric else known
    return {
        name: _card(name, {way: torch.cat(each) for way, each in rows[name].items()}, good, count, judging) for name in wanted
    }


def _card(name: str, rows: dict[str, Tensor], good: Good, count: int, judging: Judging) -> MetricCard:
    """value: this run's; rows: (pictures, ...) by way."""
    statistic = partial(summed, name)
    value = statistic(rows[""])
    low, high = bootstrap(statistic, rows[""], draws=100, seed=judging.seed) if count > 1 else (value, value)
    extra: dict[str, float | str] = {BESIDE + way: statistic(each) for way, each in rows.items() if way}
    if name in BOUNDS:
        extra["bound"] = BOUNDS[name](rows[""])
    return MetricCard(name, value, low, high, "none", good.digest, "held out", count, judging.seed, extra)


def illustrate(game: Restoration, record: Record) -> dict[str, Image]:
    """ "worst" and "best": the ten held-out pictures that the run restores worst and best, source | result | target, the middle
    of each; "sheet": the first ten."""
    damage, good = damage_of(record["facts"]), good_of(record)
    scores: list[float] = []
    for group in good.groups(1000):
        pair = good.whole(damage, group)
        with torch.no_grad():
            found = measured(restored(game.generator, pair.source, damage), pair, damage)
        name = MEASURES[damage.job][0]
        scores += (found[name] * (-1 if damage.job == "colour" else 1)).tolist()
    order = sorted(range(len(scores)), key=scores.__getitem__)
    chosen = {"worst": order[:SHOWN], "best": order[::-1][:SHOWN], "sheet": list(range(min(SHOWN, len(scores))))}
    return {name: _sheet(game, good.crops(damage, rows, SIDE), damage) for name, rows in chosen.items()}


def _sheet(game: Restoration, pair: Pair, damage: Damage) -> Image:
    with torch.no_grad():
        made = damage.shown(restored(game.generator, pair.source, damage))
    return sheet(pair, made, damage, across=1 if made.shape[3] > 100 else 2)


def held_out(record: Record) -> Pair:
    """Windows of held-out pictures, damaged, and the good ones."""
    good = good_of(record)
    return good.crops(damage_of(record["facts"]), range(min(64, len(good.held_out))), SIDE)


def read(files: list[Path], facts: Mapping[str, Any]) -> Pair:
    """Raises UserError: single files have no score here."""
    raise UserError(f"{files[0]}: this discriminator compares a restored picture with the good one: try rivals restore")


def draw(model: Trained, wanted: Wanted) -> str:
    """Restores the first held-out pictures into `wanted.out`, under their names, with a sheet of them."""
    wanted.refuse("restored pictures", "--label", "--attributes", "--where", "--given", "--safe-csv")
    damage, good = damage_of(model.record["facts"]), good_of(model.record)
    count = min(wanted.n, len(good.held_out))
    wanted.out.mkdir(parents=True, exist_ok=True)
    for row in range(count):
        with torch.no_grad():
            made = damage.shown(restored(model.game.generator, good.whole(damage, [row]).source, damage))
        media.picture(made[0]).save(wanted.out / f"{row:04d}-{Path(good.held_out.names[row]).stem}.png")
    _sheet(model.game, good.crops(damage, range(min(count, SHOWN)), SIDE), damage).save(wanted.out / "sheet.png")
    return f"{count} held-out pictures restored in {wanted.out}, the first of them side by side in sheet.png"
