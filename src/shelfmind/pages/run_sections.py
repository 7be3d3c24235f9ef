"""The content of the sections of an evaluation report; their templates are ``pages/run/<key>.html.j2``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from shelfmind.evaluation.bootstrap import RESAMPLES
from shelfmind.evaluation.confusion import ClassResult, Confusion
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.pages import charts
from shelfmind.pages.coverage_chart import coverage_chart, thresholds
from shelfmind.pages.difficulty_section import difficulty_content
from shelfmind.pages.recognition_section import recognition_content
from shelfmind.pages.report_words import calibration_verdict
from shelfmind.pages.templates import Picture, path_shortener
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.training_charts import History, trade_off_chart, training_charts
from shelfmind.pages.words import Text, say
from shelfmind.recognition.figures import RecognitionFigures
from shelfmind.records import Predictions

_MAX_BAD_FILES = 200
_MAX_ERRORS = 2000

Content = Mapping[str, object]


@dataclass(frozen=True)
class Material:
    """The input of the sections; see `evaluation_report.write_evaluation_report`."""

    evaluation: Evaluation
    predictions: Predictions
    history: History
    recipe_text: str
    notes: Sequence[str]
    provenance: Mapping[str, object]
    references: Mapping[int, Sequence[Path]]
    overlays: Mapping[str, str]
    trade_offs: Sequence[TradeOff]
    errors_file: str
    calibrating: Sequence[str]
    recognition: RecognitionFigures | None = None
    _pictures: dict[Path, Picture] = field(default_factory=dict)

    @cached_property
    def shown(self) -> Callable[[str], str]:
        """Return the function that shortens paths for display."""
        return path_shortener(self.predictions.paths)

    def picture(self, image: Path) -> Picture:
        """Return a thumbnail of an image."""
        if image not in self._pictures:
            self._pictures[image] = Picture(thumbnail(image), self.shown(str(image)))
        return self._pictures[image]

    def reference(self, class_id: int) -> Picture | None:
        """Return a training image of a class; None if none can be opened."""
        pictures = (self.picture(Path(each)) for each in list(self.references.get(class_id, ()))[:3])
        return next((each for each in pictures if each.source is not None), None)

    def overlay(self, path: str) -> Picture | None:
        """Return the saliency map of an image, if there is one."""
        address = self.overlays.get(path)
        return None if address is None else Picture(address, self.shown(path))


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section: its title in the navigation, and its content; None omits the section."""

    title: Text
    content: Callable[[Material], Content | None]


def training(material: Material) -> Content | None:
    """Return the training curves."""
    curves = training_charts(material.history, _validated_by(material.provenance))
    return {"curves": curves} if curves else None


def confidence(material: Material) -> Content | None:
    """Return calibration, coverage, and recall by number of training images; None for too few images."""
    e = material.evaluation
    if e.too_few_images:
        return None
    return {
        "e": e,
        "calibration": charts.reliability_chart(e.reliability),
        "calibration_verdict": calibration_verdict(e),
        "calibrating": shlex.join(material.calibrating) if e.poorly_calibrated else "",
        "coverage": coverage_chart(e.coverage),
        "thresholds": thresholds(e),
        "classes_chart": charts.class_chart(e.per_class, e.shots, e.shot_cutoffs),
        "trade_off": trade_off_chart(material.trade_offs, e.too_few_images),
    }


def recognition(material: Material) -> Content | None:
    """Return the metrics of recognition with a gallery."""
    return None if material.recognition is None else recognition_content(material.recognition)


def difficulties(material: Material) -> Content | None:
    """Return the accuracy by difficulty."""
    found = material.evaluation.slices
    if found is None or not found.slices:
        return None
    return difficulty_content(found, material.picture, with_gallery=material.recognition is not None)


def confusions(material: Material) -> Content:
    """Return the most frequent confusions."""

    def example(confusion: Confusion) -> Picture:
        return material.picture(Path(confusion.examples[0]))

    found = material.evaluation.confusions
    return {
        "confusions": [(each, example(each), material.reference(each.predicted_id)) for each in found],
        "has_references": bool(material.references),
    }


def errors(material: Material) -> Content:
    """Return the most confident errors, and a table of all errors."""
    e, worst = material.evaluation, material.evaluation.worst_errors
    return {
        "e": e,
        "worst_errors": [(each, material.picture(Path(each.path)), material.overlay(each.path)) for each in worst],
        "all_errors": [(material.shown(each.path), each) for each in e.errors[:_MAX_ERRORS]],
        "errors_file": material.errors_file,
        "has_overlays": bool(material.overlays),
    }


def classes(material: Material) -> Content:
    """Return a table of all classes, lowest recall first."""
    return {"classes": worst_first(material.evaluation.per_class)}


def files(material: Material) -> Content:
    """Return the unreadable files."""
    listed = material.predictions.bad_files[:_MAX_BAD_FILES]
    return {
        "e": material.evaluation,
        "bad_files": [(material.shown(each.name), each.reason) for each in listed],
    }


def made(material: Material) -> Content:
    """Return notes, methods, recipe and provenance."""
    return {
        "e": material.evaluation,
        "notes": material.notes,
        "resamples": RESAMPLES,
        "recipe_text": material.recipe_text,
        "provenance": _flatten(material.provenance),
    }


SECTIONS: dict[str, ReportSection] = {
    "training": ReportSection(say("Training"), training),
    "recognition": ReportSection(say("Gallery"), recognition),
    "confidence": ReportSection(say("Confidence"), confidence),
    "difficulties": ReportSection(say("Difficulties"), difficulties),
    "classes": ReportSection(say("All classes"), classes),
    "confusions": ReportSection(say("Confusions"), confusions),
    "errors": ReportSection(say("Errors"), errors),
    "files": ReportSection(say("Unreadable files"), files),
    "made": ReportSection(say("Methods and settings"), made),
}
"""Sections in page order, by key. The key is the anchor and the name of the template."""


def worst_first(classes: Sequence[ClassResult]) -> list[ClassResult]:
    """Return the classes by recall, ties by number of errors, classes without images last."""

    def rank(each: ClassResult) -> tuple[bool, float, int]:
        return each.recall is None, each.recall or 0.0, each.correct - each.images

    return sorted(classes, key=rank)


def _validated_by(provenance: Mapping[str, object]) -> int | None:
    """Return the number of validation images in a run's provenance, if recorded."""
    data = provenance.get("data")
    images = data.get("images") if isinstance(data, Mapping) else None
    found = images.get("val") if isinstance(images, Mapping) else None
    return found if isinstance(found, int) else None


def _flatten(record: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested provenance as rows of (dotted name, text)."""
    rows: list[tuple[str, str]] = []
    for key, value in record.items():
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{key}", ", ".join(str(each) for each in value)))
        else:
            rows.append((f"{prefix}{key}", "–" if value is None else str(value)))
    return rows
