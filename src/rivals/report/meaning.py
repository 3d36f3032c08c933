"""What each measure says in plain words, and the figures that head a report."""

from typing import NamedTuple

from rivals.metrics.card import BESIDE, MetricCard
from rivals.report.beside import ATTACK, FOUND, ON
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
    "segmentation": Meaning(
        "Segmentation agreement",
        "higher",
        True,
        "How many pixels of the results a network, taught by real photos and their maps, reads as the class that the map says.",
    ),
    "segmentation-iou": Meaning(
        "Segmentation IoU",
        "higher",
        True,
        "The same class by class: the overlap of what was asked for and what is read, averaged over the classes.",
    ),
    "psnr": Meaning(
        "PSNR",
        "higher",
        False,
        "How close the results are to their targets, pixel by pixel, in decibels; blur costs it little.",
    ),
    "ssim": Meaning(
        "SSIM",
        "higher",
        False,
        "How like the targets' the local structure of the results is; 1 where they are the same.",
    ),
    "sharpness": Meaning(
        "Sharpness",
        "",
        False,
        "How steep the results' edges are beside their targets': 1 is as sharp, less is blurred, more is noise.",
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
    "series-detection": Meaning(
        "Detection",
        "lower",
        False,
        "How far above chance (0) and below certainty (0.5) boosted trees tell fresh samples from held-out series.",
    ),
    "series-prediction": Meaning(
        "Prediction error",
        "lower",
        False,
        "Error of a linear model that learns the next step from samples alone, on held-out series, in shares of the range.",
    ),
    "autocorrelation": Meaning(
        "Autocorrelation",
        "lower",
        False,
        "How far the samples' correlation with themselves, 1 to 12 steps later, is from that of held-out series.",
    ),
    "cross-correlation": Meaning(
        "Cross-correlation",
        "lower",
        False,
        "How far the correlations of two channels within a series are from those of held-out series.",
    ),
    "lengths": Meaning(
        "Lengths",
        "lower",
        True,
        "Share of the samples that would need another length for their histogram to be that of held-out series.",
    ),
    "attribute-means": Meaning(
        "Means by attribute",
        "lower",
        False,
        "How far the channels' means among series with an attribute are from those of held-out series, in deviations.",
    ),
    "series-copies": Meaning(
        "Copies",
        "lower",
        True,
        "How many samples lie as near to a training series as only the nearest few held-out ones do.",
    ),
    "discriminative": Meaning(
        "Discriminative score",
        "lower",
        False,
        "TimeGAN's: how far above chance a small recurrent network tells samples from real series, 0 to 0.5.",
    ),
    "predictive": Meaning(
        "Predictive score",
        "lower",
        False,
        "TimeGAN's: error of a small recurrent network that learned from samples to predict real series' last channel.",
    ),
    "stacked-mnist": Meaning(
        "Divergence from the real modes",
        "lower",
        False,
        "How unevenly the samples fall on the modes, as KL divergence in nats; the bound is what real pictures reach.",
    ),
    "shapes": Meaning(
        "Column shapes",
        "higher",
        True,
        "How alike the values of each column are distributed in synthetic and held-out rows, on average over columns.",
    ),
    "pair-trends": Meaning(
        "Pair trends",
        "higher",
        True,
        "How alike two columns hang together, for the pairs that clearly do in the real rows.",
    ),
    "pairs": Meaning(
        "All pairs",
        "higher",
        True,
        "The same over all pairs of columns; most are all but independent, so this is high for any sampler.",
    ),
    "missing": Meaning(
        "Missing cells",
        "higher",
        True,
        "How alike the shares of missing cells are, in the columns that have any.",
    ),
    "boundaries": Meaning(
        "Boundaries",
        "higher",
        True,
        "How many synthetic numbers and dates lie within the real ones' range.",
    ),
    "levels": Meaning(
        "Categories covered",
        "higher",
        True,
        "How many of the real categories occur among the synthetic rows.",
    ),
    "detection": Meaning(
        "Detection",
        "lower",
        False,
        "AUC of boosted trees that tell synthetic rows from held-out ones: 0.5 is a guess, 1 is told at a glance.",
    ),
    "detection-logistic": Meaning(
        "Detection, logistic",
        "lower",
        False,
        "The same by a linear model, which sees single columns but hardly how they hang together.",
    ),
    "utility": Meaning(
        "Use for prediction",
        "higher",
        False,
        "How well the target of real held-out rows is predicted by a model that learned from synthetic rows alone.",
    ),
    "balanced-accuracy": Meaning(
        "Use for many targets",
        "higher",
        True,
        "The same for every category in turn: the mean share of each real class that is recognised.",
    ),
    "exact-copies": Meaning(
        "Exact copies",
        "lower",
        True,
        "How many synthetic rows equal a training row in every cell; held-out real rows may do so by chance too.",
    ),
    "closest": Meaning(
        "Distance to the closest record",
        "",
        False,
        "Median distance of a synthetic row to the nearest training row; far below that of held-out rows means copying.",
    ),
    "membership": Meaning(
        "Membership inference",
        "lower",
        False,
        "AUC of the strongest attack that guesses whether a row was trained on: 0.5 is a guess.",
    ),
    "attributes": Meaning(
        "Attribute inference",
        "lower",
        True,
        "How much more often a category is guessed rightly of people in the training rows than of others.",
    ),
    "constraints": Meaning(
        "Constraints broken",
        "lower",
        False,
        "How many synthetic rows break a constraint that was declared.",
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


FIRST = ("labels", "frechet", "coverage", "copies", "pair-trends", "detection", "utility", "membership")
TABLED = (BESIDE, ATTACK, FOUND, ON)


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
