"""Compute all metrics of an evaluation from predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.bootstrap import bootstrap_intervals
from shelfmind.evaluation.calibration import (
    ReliabilityBin,
    ece_by_chance,
    expected_calibration_error,
    reliability_bins,
)
from shelfmind.evaluation.confusion import (
    ClassResult,
    Confusion,
    ImageError,
    errors,
    per_class,
    worst_confusions,
)
from shelfmind.evaluation.coverage import Coverage, coverage_curve
from shelfmind.evaluation.ensemble import Contribution
from shelfmind.evaluation.intervals import Interval, too_few_images
from shelfmind.evaluation.metrics import ShotCutoffs, ShotGroup, macro_top1, shot_groups, top_k
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.evaluation.overlap import Overlap
from shelfmind.evaluation.slices import Slices
from shelfmind.records import Predictions

WORST_ERRORS = 36
MIN_ECE = 0.02
"""Smaller calibration errors do not matter in practice."""


@dataclass(frozen=True)
class Evaluation:
    """All metrics of an evaluation. Accuracies and errors are fractions, `seconds` is the prediction time.

    `ece_by_chance` is the 95th percentile of the error of perfectly calibrated confidences. `errors` are all wrongly
    predicted images, most confident first. `coverage` is the curve of selective prediction.

    `engine` is the engine with its precision.

    `shots` holds the groups many, medium and few in that order, and is empty if training counts are unknown. `seen` is
    the overlap with the training images, None if unknown. `notes` are remarks, and `warnings` are problems of the
    training. For an ensemble, `members` are the contributions and `weighted_on` is the split that weights were fitted
    to ("equal" if none). With a gallery, `recognition` has the metrics of `recognition.figures.RecognitionFigures`.
    `slices` is the accuracy by difficulty, None if not measured.
    """

    top1: float
    top5: float
    macro_top1: float
    top1_ci95: Interval
    top5_ci95: Interval
    macro_top1_ci95: Interval
    shots: tuple[ShotGroup, ...]
    shot_cutoffs: ShotCutoffs
    ece: float
    images: int
    classes: int
    bad_files: int
    seconds: float
    per_class: tuple[ClassResult, ...]
    confusions: tuple[Confusion, ...]
    errors: tuple[ImageError, ...]
    reliability: tuple[ReliabilityBin, ...]
    ece_by_chance: float = 0.0
    coverage: tuple[Coverage, ...] = ()
    split: str | None = None
    tta: tuple[str, ...] = ()
    engine: str = ""
    warnings: tuple[str, ...] = ()
    seen: Overlap | None = None
    notes: tuple[str, ...] = ()
    members: tuple[Contribution, ...] = ()
    weighted_on: str | None = None
    recognition: Mapping[str, Any] | None = None
    slices: Slices | None = None

    @property
    def too_few_images(self) -> bool:
        """Whether there are too few images for meaningful metrics. Counts are still valid."""
        return too_few_images(self.images)

    @property
    def top1_right(self) -> int:
        """The number of correct top-1 predictions."""
        return round(self.top1 * self.images)

    @property
    def top5_right(self) -> int:
        """The number of correct top-5 predictions."""
        return round(self.top5 * self.images)

    @property
    def worst_errors(self) -> tuple[ImageError, ...]:
        """The most confident errors."""
        return self.errors[:WORST_ERRORS]

    @property
    def mean_confidence(self) -> float:
        """The mean confidence."""
        return sum(each.images * (each.confidence or 0.0) for each in self.reliability) / self.images

    @property
    def poorly_calibrated(self) -> bool:
        """Whether confidence and accuracy differ significantly and by a relevant amount."""
        return not self.too_few_images and self.ece >= MIN_ECE and self.ece > self.ece_by_chance

    @property
    def images_per_second(self) -> float | None:
        """The prediction speed in images/s, None if no time passed."""
        return self.images / self.seconds if self.seconds > 0 else None

    @property
    def classes_with_images(self) -> int:
        """The number of classes with images, over which macro accuracy is averaged."""
        return sum(each.images > 0 for each in self.per_class)

    def shot_top1(self, name: str) -> float | None:
        """Return the macro accuracy of the group "many", "medium" or "few"; None if it has no evaluated class."""
        return next((group.top1 for group in self.shots if group.name == name), None)

    def to_json(self) -> dict[str, object]:
        """Return the metrics as JSON values. The keys are part of the public interface."""
        return {
            "top1": self.top1,
            "top1_ci95": list(self.top1_ci95),
            "top5": self.top5,
            "top5_ci95": list(self.top5_ci95),
            "macro_top1": self.macro_top1,
            "macro_top1_ci95": list(self.macro_top1_ci95),
            "many_top1": self.shot_top1("many"),
            "medium_top1": self.shot_top1("medium"),
            "few_top1": self.shot_top1("few"),
            "shot_ci95": {group.name: None if group.ci95 is None else list(group.ci95) for group in self.shots},
            "shot_images": {group.name: group.images for group in self.shots},
            "shot_cutoffs": {"many_above": self.shot_cutoffs.many_above, "few_below": self.shot_cutoffs.few_below},
            "ece": self.ece,
            "ece_by_chance": self.ece_by_chance,
            "mean_confidence": self.mean_confidence,
            "images": self.images,
            "too_few_images": self.too_few_images,
            "top1_right": self.top1_right,
            "top5_right": self.top5_right,
            "classes": self.classes,
            "classes_with_images": self.classes_with_images,
            "bad_files": self.bad_files,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "split": self.split,
            "tta": list(self.tta),
            "engine": self.engine,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "seen": None if self.seen is None else self.seen.to_json(),
            **({} if self.recognition is None else {"recognition": dict(self.recognition)}),
            **({} if self.slices is None else {"difficulties": self.slices.to_json()}),
            "confusions": [
                {
                    "given": each.given,
                    "predicted": each.predicted,
                    "count": each.count,
                    "rate": each.rate,
                    "examples": list(each.examples),
                }
                for each in self.confusions
            ],
        }


def evaluate(
    predictions: Predictions,
    train_counts: npt.NDArray[np.int64] | None,
    *,
    seed: int = 0,
    split: str | None = None,
    tta: Sequence[str] = (),
    shot_cutoffs: ShotCutoffs | None = None,
    seen: Overlap | None = None,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Evaluate labelled predictions.

    `train_counts` are training images per class, shape (classes,), or None if unknown; `seed` is that of the bootstrap.
    Raises `UserError` if there are no images, an image has no label, or values are not probabilities.
    """
    outcomes = outcomes_of(predictions)
    cutoffs = shot_cutoffs or ShotCutoffs()
    intervals = bootstrap_intervals(outcomes, seed)
    bins = reliability_bins(outcomes)
    return Evaluation(
        top1=top_k(outcomes, 1),
        top5=top_k(outcomes, 5),
        macro_top1=macro_top1(outcomes),
        top1_ci95=intervals.top1,
        top5_ci95=intervals.top5,
        macro_top1_ci95=intervals.macro_top1,
        shots=() if train_counts is None else shot_groups(outcomes, train_counts, cutoffs),
        shot_cutoffs=cutoffs,
        ece=expected_calibration_error(bins),
        images=len(outcomes),
        classes=outcomes.classes,
        bad_files=len(predictions.bad_files),
        seconds=predictions.seconds,
        per_class=per_class(predictions, outcomes, train_counts),
        confusions=worst_confusions(predictions, outcomes),
        errors=errors(predictions, outcomes),
        reliability=bins,
        ece_by_chance=ece_by_chance(outcomes, seed),
        coverage=coverage_curve(outcomes),
        split=split,
        tta=tuple(tta),
        seen=seen,
        notes=tuple(notes),
    )
