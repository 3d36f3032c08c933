"""Recording: a watcher that writes moments of the game into the run folder, and the page and animation made of them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch

from rivals.core.game import evaluating
from rivals.core.objectives import ObjectiveName
from rivals.core.store import Store
from rivals.core.stream import mix
from rivals.core.trainer import Report, Trainer, Watcher
from rivals.media import pictures
from rivals.tasks.lab.distributions import Distribution
from rivals.tasks.lab.frames import frame
from rivals.tasks.lab.moments import LINE, moment
from rivals.tasks.lab.page import page

Moment = dict[str, object]
REAL = 400  # real points that a picture shows
LIVE = 10  # moments between two writings of the page
Measure = Callable[[Trainer[Any], int], Moment]
Draw = Callable[[list[Moment]], Any]
Page = Callable[[Mapping[str, Any], list[Moment]], str]


def recorder(moments: int, measure: Measure, draw: Draw, page: Page) -> Watcher:
    """A watcher that records the first round and about `moments` more, evenly in samples.

    measure: the game as it stands, not averaged, after so many samples -> a moment. draw: all moments so far -> the picture of
    the last. page: run.json and all moments -> lab.html, written now and then, so that a run can be looked at while it trains.
    """

    def watch(trainer: Trainer[Any], report: Report) -> None:
        every = max(trainer.samples // moments, 1)
        last = report.seen >= report.samples
        if trainer.store is None or not (last or report.round == 0 or report.seen // every > report.before // every):
            return
        store = trainer.store
        with evaluating(trainer.game):
            found = {"seen": report.seen} | measure(trainer, report.seen)
        store.write(f"moments/{report.seen:012d}.json", lambda file: file.write(json.dumps(found).encode()))
        so_far = recorded(store, report.seen)
        sheet = draw(so_far)
        store.write(f"samples/{report.seen:012d}.png", lambda file: sheet.save(file, "PNG"))
        if last or len(so_far) % LIVE == 1:
            text = page(store.record(), so_far)
            store.write("lab.html", lambda file: file.write(text.encode()))
        if last:
            frames = [store.folder / f"samples/{each['seen']:012d}.png" for each in so_far]
            pictures.animate(frames, store.folder / "lab.webp")

    return watch


def watching(data: Distribution, objective: ObjectiveName, moments: int) -> Watcher:
    """The recorder of a game of points."""
    real = shown(data)
    return recorder(
        moments,
        lambda trainer, seen: moment(trainer.game, data, objective, mix(trainer.seed, seen)),
        lambda found: frame(data, real, found[-1]),
        lambda record, found: page(record, scene(data, real), found),
    )


def shown(data: Distribution) -> list[float]:
    """What pictures show of the data: on the line its density at the places of D, in the plane some points."""
    if data.dimensions == 1:
        values = data.density(torch.linspace(-data.view, data.view, LINE)[:, None])
    else:
        values = data.draw(REAL, torch.Generator().manual_seed(0)).flatten()
    return [round(value, 3) for value in values.tolist()]


def scene(data: Distribution, real: list[float]) -> Moment:
    """What the page knows of the data beside the moments."""
    kind = "line" if data.dimensions == 1 else "plane"
    return {"kind": kind, "view": data.view, "real": real, "modes": len(data.centres) if data.modes else 0}


def recorded(store: Store, seen: int) -> list[Moment]:
    """The moments in a run folder up to `seen` samples, in order; of a run that was begun anew there may be later ones."""
    paths = sorted((store.folder / "moments").glob("*.json"))
    return [json.loads(path.read_bytes()) for path in paths if int(path.stem) <= seen]
