"""What each measure says in plain words."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """A measure's name in print, which way is better, whether it is a share (shown in %), and one plain sentence."""

    title: str
    better: str
    share: bool
    plain: str


MEANINGS = {
    "reconstructed-class": Meaning(
        "Class kept",
        "higher",
        True,
        "How many reconstructions of held-out pictures still show their class to a classifier.",
    ),
    "classification-error": Meaning(
        "Error",
        "lower",
        True,
        "How many held-out pictures are named wrong.",
    ),
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
    "domain": Meaning(
        "Domain reached",
        "higher",
        True,
        "How many results a network that has seen real pictures of both domains takes for pictures of the target domain.",
    ),
    "domain-detection": Meaning(
        "Detection by colour",
        "lower",
        False,
        "AUC of a linear model that tells results from real targets by colours alone: 0.5 is a guess, 1 is told at a glance.",
    ),
    "edges": Meaning(
        "Edges kept",
        "higher",
        False,
        "How well the edges of results lie where those of their sources are: 1 for a copy, about 0 for another picture.",
    ),
    "cycle-error": Meaning(
        "Cycle error",
        "lower",
        True,
        "How far a picture is from itself after being translated there and back, in shares of the range.",
    ),
    "sharpness": Meaning(
        "Sharpness",
        "",
        False,
        "How steep the results' edges are beside their targets': 1 is as sharp, less is blurred, more is noise.",
    ),
    "psnr-y": Meaning(
        "PSNR of the luma",
        "higher",
        False,
        "PSNR of the brightness alone (Y of BT.601), as restored pictures are usually compared.",
    ),
    "ssim-y": Meaning(
        "SSIM of the luma",
        "higher",
        False,
        "How like the good pictures' the local structure of the results' brightness is; 1 where they are the same.",
    ),
    "consistency": Meaning(
        "Consistency",
        "higher",
        False,
        "How close the results come to their sources when they are made small again, in decibels; low where things are invented.",
    ),
    "psnr-hole": Meaning(
        "PSNR of the hole",
        "higher",
        False,
        "How close what was filled in is to what was there, in decibels; what was known does not count.",
    ),
    "sharpness-hole": Meaning(
        "Sharpness of the hole",
        "",
        False,
        "How steep edges are in what was filled in, beside what was there: 1 is as sharp, less is blurred, more is noise.",
    ),
    "ab-error": Meaning(
        "Colour error",
        "lower",
        False,
        "How far a and b of CIE Lab are from the real ones; dull colours make it small, so read it beside the chroma.",
    ),
    "chroma": Meaning(
        "Chroma",
        "",
        False,
        "How strong the colours are: best near what the real pictures have.",
    ),
    "ab-divergence": Meaning(
        "Colour divergence",
        "lower",
        False,
        "How differently colours are spread over all pixels from the real ones: 0 for the same, 1 for nothing in common.",
    ),
    "lightness": Meaning(
        "Lightness error",
        "lower",
        False,
        "How far L of CIE Lab is from the one that was given, of 100; what rounding to 8 bits a channel costs.",
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
    "attributes-obeyed": Meaning(
        "Attributes obeyed",
        "higher",
        False,
        "How well a network reads off the samples the attributes that were asked for: accuracy, or R² of numbers; 1 is all.",
    ),
    "path-length": Meaning(
        "Path length in features",
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
