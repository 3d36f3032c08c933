"""Judging behaviour: returns of the imitator beside the expert, a cloned policy and chance; trajectories; a clip."""

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.stream import mix
from rivals.core.types import Float, Tensor
from rivals.games.gan import Sample
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Interval, Judging, MetricCard, bootstrap
from rivals.metrics.card import BESIDE
from rivals.tasks.control.cloning import clone
from rivals.tasks.control.demonstrations import again, load, write
from rivals.tasks.control.demonstrations import read as read_file
from rivals.tasks.control.environments import Environment, find
from rivals.tasks.control.experts import EXPERTS
from rivals.tasks.control.learning import Control, acting
from rivals.tasks.control.networks import Policy
from rivals.tasks.control.rendering import DRAWN, clip
from rivals.tasks.control.rollout import Act, chance, play

EPISODES = 100  # that are judged at most
CPU = torch.device("cpu")


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of the return of the imitator, the expert, the cloned policy and chance, over the same 100 beginnings (or fewer,
    where fewer samples are asked for); and the imitator's share of the way from chance to the expert."""
    if judging.metric or judging.backbone != "own":
        raise UserError("behaviour is judged by its return alone: leave out --metric and --backbone")
    assert isinstance(game, Control)
    found = {name: returns(game.world, act, judging) for name, act in actors(game, record, judging.seed).items()}
    shown = again(record["facts"]) if "expert" in record["facts"] else None
    if "expert" not in found and shown is not None and len(shown.returns):
        found["expert"] = shown.returns
    means = {name: float(each.mean()) for name, each in found.items()}
    bound = {"bound": means["expert"]} if "expert" in means else {}
    beside = {BESIDE + name: mean for name, mean in means.items() if name != "imitator"}
    cards = {"return": _card("return", found["imitator"], judging, bound | beside)}
    for name in [each for each in ("expert", "cloning", "random") if each in found]:
        cards[f"return-{name}"] = _card(f"return-{name}", found[name], judging, {})
    if bound and means["expert"] > means["random"]:
        share = (found["imitator"] - means["random"]) / (means["expert"] - means["random"])
        cards["expert-share"] = _card("expert-share", share, judging, {"bound": 1.0})
    return cards


def actors(game: Control, record: Mapping[str, Any], seed: int) -> dict[str, Act]:
    """Who acts, by name; the expert only where it can be asked what it would do."""
    facts, name = record["facts"], game.world.name
    noise = torch.Generator().manual_seed(mix(seed, 3))
    found: dict[str, Act] = {"imitator": partial(acting, game.generator.cpu(), CPU, game.temperature, noise)}
    if facts.get("expert") is None and name in EXPERTS:
        found["expert"] = EXPERTS[name]
    if "expert" in facts:
        found["cloning"] = partial(acting, cloned(json.dumps(dict(facts))), CPU, game.temperature, noise)
    found["random"] = partial(chance, game.world, torch.Generator().manual_seed(mix(seed, 4)))
    return found


@lru_cache(maxsize=2)  # the table and the clip both need it
def cloned(facts: str) -> Policy:
    """The policy that behaviour cloning makes of a run's demonstrations."""
    told = json.loads(facts)
    return clone(find(told["environment"]).space, again(told).pairs, told["seed"], width=told["width"])


def returns(environment: Environment, act: Act, judging: Judging) -> Float[Tensor, "n"]:
    """Of as many episodes as are judged, from the same beginnings for everybody."""
    count = min(judging.samples, EPISODES)
    with torch.no_grad():
        return play(environment, act, count, environment.steps, mix(judging.seed, 2), episodes=True).returns()


def _card(name: str, found: Tensor, judging: Judging, extra: Mapping[str, float]) -> MetricCard:
    def mean(rows: Tensor) -> float:
        return float(rows.mean())

    value = mean(found)
    ends = bootstrap(mean, found, draws=200, seed=judging.seed) if len(found) > 1 else Interval(value, value)
    told: dict[str, float | str] = {**extra, "deviation": float(found.std()) if len(found) > 1 else 0.0}
    return MetricCard(name, value, ends.low, ends.high, "none", "", "fresh", len(found), judging.seed, told)


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves episodes as an .npz at `wanted.out`, a file or a folder, that --expert takes, and says so."""
    wanted.refuse("episodes", "--label", "--attributes", "--where", "--given", "--safe-csv")
    game: Control = model.game
    noise = torch.Generator().manual_seed(wanted.seed)
    path = wanted.out if wanted.out.suffix == ".npz" else wanted.out / "episodes.npz"
    act = partial(acting, game.generator, CPU, game.temperature, noise)
    with torch.no_grad():
        rollout = play(game.world, act, wanted.n, game.world.steps, mix(wanted.seed, 5), episodes=True)
    count, mean = write(path, rollout, game.world.space)
    return f"{count:,} episodes in {path}, mean return {mean:,.1f}"


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """Files of episodes as one batch of pairs: observation and coded action."""
    space = find(facts["environment"]).space
    return Sample(torch.cat([read_file(file, space)[0].data for file in files]))


def held_out(record: Mapping[str, Any]) -> Sample:
    """Pairs of five other episodes of the recipe's own expert; of a file its own, as there is no more."""
    facts = record["facts"]
    if facts["expert"] is None:
        return Sample(load(find(facts["environment"]), None, 5, 0, mix(facts["seed"], 6)).pairs.data)
    return Sample(again(facts).pairs.data)


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "clip": expert, imitator and cloned policy from the same beginning; of the own environments, which can be drawn."""
    assert isinstance(game, Control)
    environment = game.world
    if environment.name not in DRAWN:
        return {}
    order = [name for name in ("expert", "imitator", "cloning") if name in (found := actors(game, record, 0))]
    with torch.no_grad():
        played = {name: play(environment, found[name], 1, environment.steps, mix(0, 7)) for name in order}
    return {"clip": clip(environment.name, {name: each.observation[:, 0] for name, each in played.items()})}
