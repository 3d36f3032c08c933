"""Measures of generated samples that two or more tasks share, and the cards that keep their figures."""

from rivals.metrics.agreement import ModeCoverage, class_coverage, label_agreement, mode_coverage
from rivals.metrics.backbone import Backbone, identity, module_digest
from rivals.metrics.calibration import Calibration, calibrate
from rivals.metrics.card import Interval, MetricCard, bootstrap, proportion
from rivals.metrics.copying import Copying, copying
from rivals.metrics.frechet import frechet
from rivals.metrics.health import Health
from rivals.metrics.kernel import Spread, kernel_distance
from rivals.metrics.neighbours import (
    DensityCoverage,
    Nearest,
    PrecisionRecall,
    density_coverage,
    nearest,
    precision_recall,
)
from rivals.metrics.quality import Labelled, Plan, quality

__all__ = [
    "Backbone",
    "Calibration",
    "Copying",
    "DensityCoverage",
    "Health",
    "Interval",
    "Labelled",
    "MetricCard",
    "ModeCoverage",
    "Nearest",
    "Plan",
    "PrecisionRecall",
    "Spread",
    "bootstrap",
    "calibrate",
    "class_coverage",
    "copying",
    "density_coverage",
    "frechet",
    "identity",
    "kernel_distance",
    "label_agreement",
    "mode_coverage",
    "module_digest",
    "nearest",
    "precision_recall",
    "proportion",
    "quality",
]
