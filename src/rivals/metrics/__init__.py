"""Measures of generated samples that two or more tasks share, and the cards that keep their figures."""

from rivals.metrics.agreement import ModeCoverage, class_coverage, label_agreement, mode_coverage
from rivals.metrics.backbone import Backbone, identity, module_digest
from rivals.metrics.calibration import Calibration, calibrate
from rivals.metrics.card import Interval, MetricCard, bootstrap, proportion
from rivals.metrics.classifier import Source, train_classifier, train_rotation
from rivals.metrics.copying import Copying, copying
from rivals.metrics.doctor import Doctor, Findings, diagnose
from rivals.metrics.frechet import frechet
from rivals.metrics.inception_score import inception_score
from rivals.metrics.intra import ClassDistance, Rows, intra_frechet
from rivals.metrics.judging import Judging
from rivals.metrics.kernel import Spread, kernel_distance
from rivals.metrics.neighbours import (
    DensityCoverage,
    Nearest,
    PrecisionRecall,
    density_coverage,
    nearest,
    precision_recall,
)
from rivals.metrics.path_length import Paths, path_lengths
from rivals.metrics.quality import Labelled, Plan, quality
from rivals.metrics.stacked import Stacked, stacked_modes

__all__ = [
    "Backbone",
    "Calibration",
    "ClassDistance",
    "Copying",
    "DensityCoverage",
    "Doctor",
    "Findings",
    "Interval",
    "Judging",
    "Labelled",
    "MetricCard",
    "ModeCoverage",
    "Nearest",
    "Paths",
    "Plan",
    "PrecisionRecall",
    "Rows",
    "Source",
    "Spread",
    "Stacked",
    "bootstrap",
    "calibrate",
    "class_coverage",
    "copying",
    "density_coverage",
    "diagnose",
    "frechet",
    "identity",
    "inception_score",
    "intra_frechet",
    "kernel_distance",
    "label_agreement",
    "mode_coverage",
    "module_digest",
    "nearest",
    "path_lengths",
    "precision_recall",
    "proportion",
    "quality",
    "stacked_modes",
    "train_classifier",
    "train_rotation",
]
