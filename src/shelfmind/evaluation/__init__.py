"""Evaluation: accuracies with confidence intervals, calibration, confusions, and their tables."""

from shelfmind.evaluation.files import (
    write_confusions_csv,
    write_errors_csv,
    write_metrics,
    write_per_class_csv,
    write_slices_csv,
)
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.evaluation.result import Evaluation, evaluate

__all__ = [
    "Evaluation",
    "ShotCutoffs",
    "evaluate",
    "write_confusions_csv",
    "write_errors_csv",
    "write_metrics",
    "write_per_class_csv",
    "write_slices_csv",
]
