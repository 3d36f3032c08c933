"""The tables of a report that set a run beside simple samplers, and the attacks on it beside each other."""

from typing import NamedTuple

from rivals.metrics.card import MetricCard
from rivals.report.folder import finite

ATTACK, FOUND, ON = "attack ", "found ", "verdict on "  # begin the names of an attack's figures in a card's extra


class Samplers(NamedTuple):
    """Names of the simple samplers, and of each card that has them the figure of each, None where it was not taken."""

    names: list[str]
    rows: list[tuple[MetricCard, list[float | None]]]


class Attack(NamedTuple):
    """A membership attack: its AUC, and the share of members that it finds at 1 % false alarms."""

    name: str
    auc: float
    found: float


def samplers(cards: dict[str, MetricCard]) -> Samplers:
    """The cards that hold figures of simple samplers."""
    told = [card for card in cards.values() if card.beside]
    names = list(dict.fromkeys(name for card in told for name in card.beside))
    return Samplers(names, [(card, [card.beside.get(name) for name in names]) for card in told])


def attacks(cards: dict[str, MetricCard]) -> list[Attack]:
    """The membership attacks that were tried."""
    extra = cards["membership"].extra if "membership" in cards else {}
    found = {name.removeprefix(ATTACK): value for name, value in extra.items() if name.startswith(ATTACK)}
    rows = [(name, auc, extra.get(FOUND + name)) for name, auc in found.items()]
    return [Attack(name, float(auc), float(hits)) for name, auc, hits in rows if finite(auc) and finite(hits)]


def caught(cards: dict[str, MetricCard]) -> dict[str, str]:
    """What the same attacks say of the run and of each simple sampler."""
    extra = cards["membership"].extra if "membership" in cards else {}
    own = {"this run": str(extra["verdict"])} if "verdict" in extra else {}
    return own | {name.removeprefix(ON): str(value) for name, value in extra.items() if name.startswith(ON)}
