"""A measure's words and figures as a report shows them, and the figures that head it."""

from typing import NamedTuple

from rivals.metrics.card import BESIDE, MetricCard
from rivals.report.beside import ATTACK, FOUND, ON
from rivals.report.folder import finite
from rivals.report.words import MEANINGS, Meaning
from rivals.report.words_control import CONTROL
from rivals.report.words_points import POINTS


class Tile(NamedTuple):
    """A figure of the headline: its name, the figure, and what it means."""

    title: str
    figure: str
    words: str


# How an objective's scores become the probabilities D(x) and D(G(z)).
PROBABILITY = {
    "relativistic": "This game's D compares a real sample with a generated one, so D(G(z)) mirrors D(x).",
    "relativistic-average": "This game's scores have no zero: D is measured from the middle between real and generated.",
    "hinge": "This game's scores are no logits: D is measured from the middle between real and generated.",
    "wasserstein": "This game's critic has no zero of its own: D is measured from the middle between real and generated.",
    "least-squares": "This game's D is a score fitted to 1 for real and 0 for generated, cut to that range.",
}


FIRST = ("labels", "frechet", "coverage", "copies", "pair-trends", "detection", "utility", "membership")
TABLED = (BESIDE, ATTACK, FOUND, ON)


def meaning(metric: str) -> Meaning:
    """Of a measure that is not known here only the name can be told."""
    return (MEANINGS | POINTS | CONTROL).get(metric) or Meaning(metric.replace("_", " "), "", False, "")


def figure(value: float, share: bool = False) -> str:
    """A number as people read it: shares in %, the rest with four digits."""
    if share:
        return f"{100 * value:.1f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")
    return (f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}").replace("-", "\N{MINUS SIGN}")


def bound(card: MetricCard) -> float | None:
    """The figure that real data reach under the same terms."""
    found = card.extra.get("expected" if card.metric == "copies" else "bound")
    return float(found) if finite(found) else None


def notes(card: MetricCard) -> str:
    """The card's further figures, without its bound and what has a table of its own."""
    own = ("bound", "expected")
    others = {name: value for name, value in card.extra.items() if name not in own and not name.startswith(TABLED)}
    told = {name.replace("_", " "): figure(value) if finite(value) else str(value) for name, value in others.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def headline(cards: dict[str, MetricCard]) -> list[Tile]:
    """The figures to show first: those of `FIRST`, else the first four there are."""
    known = [name for name in FIRST if name in cards]
    return [_tile(cards[name]) for name in known or list(cards)[:4]]


def _tile(card: MetricCard) -> Tile:
    title, better, share, _ = meaning(card.metric)
    value, low, high = (figure(each, share) for each in (card.value, card.low, card.high))
    limit, ratio = bound(card), card.extra.get("ratio")
    interval = f"95\N{NO-BREAK SPACE}% interval: {low} to {high}."
    words = {
        "labels": "of the samples show the class that was asked for.",
        "frechet": "from held-out real data; 0 is none.",
        "coverage": "of the real data have a sample near them.",
        "copies": "of the samples are as near to a training row as a copy.",
    }.get(card.metric, f"{better} is better." if better else "")
    if isinstance(card.extra.get("verdict"), str):
        words += f" {str(card.extra['verdict']).capitalize()}."
    if card.metric == "copies" and limit is not None:
        told = "more than that: a sign of copying" if card.low > limit else "no sign of copying"
        words += f" Of fresh real data {figure(limit, share)} are: {told}."
    elif limit is not None:
        words += f" {'A guess has' if card.metric == 'membership' else 'Real training data reach'} {figure(limit, share)}"
        words += f", so this is {ratio:.3g} times that." if finite(ratio) else "."
    return Tile(title, value, f"{words} {interval}".strip())
