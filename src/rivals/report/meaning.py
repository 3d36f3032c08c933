"""What each measure says in plain words, and the figures that head a report."""

from typing import NamedTuple

from rivals.metrics.card import MetricCard
from rivals.report.folder import finite


class Meaning(NamedTuple):
    """A measure's name in print, which way is better, whether it is a share (shown in %), and one plain sentence."""

    title: str
    better: str
    share: bool
    plain: str


class Tile(NamedTuple):
    """A figure of the headline: its name, the figure, and what it means."""

    title: str
    figure: str
    words: str


MEANINGS = {
    "labels": Meaning(
        "Label agreement",
        "higher",
        True,
        "How many samples show, to a classifier, the class that was asked for.",
    ),
    "frechet": Meaning(
        "Fréchet distance",
        "lower",
        False,
        "How far the samples' features lie from those of held-out real data.",
    ),
    "frechet_bound": Meaning(
        "Fréchet bound",
        "",
        False,
        "The yardstick: the Fréchet distance of real training data, which a perfect generator would reach.",
    ),
    "kernel": Meaning(
        "Kernel distance",
        "lower",
        False,
        "The same comparison with a kernel; unbiased, and about 0 for a perfect generator.",
    ),
    "precision": Meaning(
        "Precision",
        "higher",
        True,
        "How many samples look real: they lie among the real data.",
    ),
    "recall": Meaning(
        "Recall",
        "higher",
        True,
        "How much of the real data's variety the samples reach: real data that lie among the samples.",
    ),
    "density": Meaning(
        "Density",
        "higher",
        False,
        "How densely real data surround the samples; about 1 for a perfect generator.",
    ),
    "coverage": Meaning(
        "Coverage",
        "higher",
        True,
        "How many of the real data have a sample near them: variety, hardly moved by outliers.",
    ),
    "copies": Meaning(
        "Copies",
        "lower",
        True,
        "How many samples lie as near to a training row as only the nearest few fresh real data do; "
        "much more than real data reach means copying.",
    ),
    "inception-score": Meaning(
        "Inception score",
        "higher",
        False,
        "How clearly samples show one class each, and how evenly all classes occur; from 1 to the number of classes.",
    ),
    "classification-accuracy": Meaning(
        "Classification accuracy score",
        "higher",
        True,
        "How many real held-out pictures a classifier names rightly that was trained on generated ones alone.",
    ),
    "path-length": Meaning(
        "Perceptual path length",
        "lower",
        False,
        "How fast samples change along a path between two latents; its ratio to straight paths is 1 at best.",
    ),
    "intra-frechet": Meaning(
        "Fréchet distance within classes",
        "lower",
        False,
        "The Fréchet distance of each class alone, on average: it shows a class that has lost its variety.",
    ),
    "modes": Meaning(
        "Modes",
        "higher",
        False,
        "How many of all combinations of classes, one a channel, occur among the samples.",
    ),
    "stacked-mnist": Meaning(
        "Divergence from the real modes",
        "lower",
        False,
        "How unevenly the samples fall on the modes, as KL divergence in nats; the bound is what real pictures reach.",
    ),
}

# How an objective's scores become the probabilities D(x) and D(G(z)).
PROBABILITY = {
    "relativistic": "This game's D compares a real sample with a generated one, so D(G(z)) mirrors D(x).",
    "relativistic-average": "This game's scores have no zero: D is measured from the middle between real and generated.",
    "hinge": "This game's scores are no logits: D is measured from the middle between real and generated.",
    "wasserstein": "This game's critic has no zero of its own: D is measured from the middle between real and generated.",
    "least-squares": "This game's D is a score fitted to 1 for real and 0 for generated, cut to that range.",
}


def meaning(metric: str) -> Meaning:
    """Of a measure that is not known here only the name can be told."""
    return MEANINGS.get(metric) or Meaning(metric.replace("_", " "), "", False, "")


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
    """The card's further figures, without its bound."""
    others = {name: value for name, value in card.extra.items() if name not in ("bound", "expected")}
    told = {name.replace("_", " "): figure(value) if finite(value) else str(value) for name, value in others.items()}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def headline(cards: dict[str, MetricCard]) -> list[Tile]:
    """The figures to show first: label agreement, Fréchet distance, coverage and copies, else the first four there are."""
    known = [name for name in ("labels", "frechet", "coverage", "copies") if name in cards]
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
    if card.metric == "copies" and limit is not None:
        told = "more than that: a sign of copying" if card.low > limit else "no sign of copying"
        words += f" Of fresh real data {figure(limit, share)} are: {told}."
    elif limit is not None:
        words += f" Real training data reach {figure(limit, share)}"
        words += f", so this is {ratio:.3g} times that." if finite(ratio) else "."
    return Tile(title, value, f"{words} {interval}".strip())
