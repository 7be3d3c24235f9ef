"""The sections of a run's page: what each shows; how lies in its template, ``pages/run/<key>.html.j2``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from shelfmind.evaluation.bootstrap import RESAMPLES
from shelfmind.evaluation.confusion import Confusion
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.nouns import counted
from shelfmind.pages import charts
from shelfmind.pages.templates import Chart, Picture, path_shortener
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.records import Predictions

_MOST_BAD_FILES = 200

History = Sequence[Mapping[str, object]]
Content = Mapping[str, object]


@dataclass(frozen=True)
class Material:
    """What the sections are made of; see `report.write_report`."""

    evaluation: Evaluation
    predictions: Predictions
    history: History
    recipe_text: str
    notes: Sequence[str]
    provenance: Mapping[str, object]
    references: Mapping[int, Sequence[Path]]
    overlays: Mapping[str, str]
    trade_offs: Sequence[TradeOff]
    _pictures: dict[Path, Picture] = field(default_factory=dict)

    @cached_property
    def shown(self) -> Callable[[str], str]:
        """A path as the reader sees it."""
        return path_shortener(self.predictions.paths)

    def picture(self, image: Path) -> Picture:
        """A small picture of an image."""
        if image not in self._pictures:
            self._pictures[image] = Picture(thumbnail(image), self.shown(str(image)))
        return self._pictures[image]

    def reference(self, class_id: int) -> Picture | None:
        """A training image of a class; None if there is none that can be opened."""
        pictures = (self.picture(Path(each)) for each in list(self.references.get(class_id, ()))[:3])
        return next((each for each in pictures if each.source is not None), None)

    def overlay(self, path: str) -> Picture | None:
        """The saliency map of an image."""
        address = self.overlays.get(path)
        return None if address is None else Picture(address, f"{self.shown(path)}: what it was taken for, brightest")


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section: its title in the navigation, and what its template shows; None leaves it out."""

    title: str
    content: Callable[[Material], Content | None]


def training(material: Material) -> Content | None:
    """How the run went."""
    curves = training_charts(material.history, _validated_by(material.provenance))
    return {"curves": curves} if curves else None


def confidence(material: Material) -> Content:
    """Whether its probabilities can be believed, and what the number of training images does."""
    e = material.evaluation
    return {
        "e": e,
        "calibration": charts.reliability_chart(e.reliability),
        "classes_chart": charts.class_chart(e.per_class, e.shots, e.shot_cutoffs),
        "trade_off": trade_off_chart(material.trade_offs, e.too_few_images),
    }


def confusions(material: Material) -> Content:
    """The pairs of classes that are mixed up most."""

    def example(confusion: Confusion) -> Picture:
        return material.picture(Path(confusion.examples[0]))

    found = material.evaluation.confusions
    return {
        "confusions": [(each, example(each), material.reference(each.predicted_id)) for each in found],
        "has_references": bool(material.references),
    }


def errors(material: Material) -> Content:
    """The images that it is most surely wrong about."""
    found = material.evaluation.worst_errors
    return {
        "worst_errors": [(each, material.picture(Path(each.path)), material.overlay(each.path)) for each in found],
        "has_overlays": bool(material.overlays),
    }


def classes(material: Material) -> Content:
    """Every class in a table."""
    return {"e": material.evaluation}


def files(material: Material) -> Content:
    """What could not be read."""
    listed = material.predictions.bad_files[:_MOST_BAD_FILES]
    return {
        "e": material.evaluation,
        "bad_files": [(material.shown(str(each.path)), each.reason) for each in listed],
    }


def made(material: Material) -> Content:
    """What the figures are of, and how the run was made."""
    return {
        "e": material.evaluation,
        "notes": material.notes,
        "resamples": RESAMPLES,
        "recipe_text": material.recipe_text,
        "provenance": _flat(material.provenance),
    }


SECTIONS: dict[str, ReportSection] = {
    "training": ReportSection("Training", training),
    "confidence": ReportSection("Confidence", confidence),
    "confusions": ReportSection("Confusions", confusions),
    "errors": ReportSection("Worst errors", errors),
    "classes": ReportSection("All classes", classes),
    "files": ReportSection("Bad files", files),
    "made": ReportSection("How it was made", made),
}
"""In the order of the page, by key, which is the anchor and the name of the template."""


def trade_off_chart(trade_offs: Sequence[TradeOff], too_few: bool = False) -> Chart | None:
    """What other strengths of logit adjustment would give to frequent and to rare classes; of too few images none is
    named the best."""
    if not trade_offs:
        return None
    groups = (("c1", "many"), ("c3", "medium"), ("c2", "few"))

    def points(name: str) -> tuple[charts.Point, ...]:
        found = ((row.tau, getattr(row, name)) for row in trade_offs)
        return tuple((tau, value) for tau, value in found if value is not None)

    series = tuple(charts.Series(style, f"{name}-shot", points(name)) for style, name in groups)
    drawing = charts.line_chart(series, "Accuracy over the strength of adjustment", percent=True, x_name="tau")
    best = max(trade_offs, key=lambda row: row.macro_top1)
    note = f"Macro top-1 is highest, {best.macro_top1:.1%}, at tau {best.tau:g}; top-1 is then {best.top1:.1%}."
    note = "These are too few images to judge." if too_few else note
    key = tuple((each.style, each.name) for each in series if each.points)
    return None if drawing is None else Chart("Logit adjustment: frequent against rare classes", drawing, note, key)


def training_charts(history: History, val_images: int | None = None) -> list[Chart]:
    """Loss, accuracy and learning rate over the epochs; a chart without any figure is left out.

    `val_images` says by how many images the run was validated, None if that is not known.
    """
    few = val_images is not None and too_few_images(val_images)
    marks = _image_sizes(history)
    loss = (
        charts.Series("c1", "training", _points(history, "train_loss")),
        charts.Series("c2", "validation", _points(history, "val_loss")),
    )
    top1 = (charts.Series("c2", "validation top-1", _points(history, "val_top1")),)
    rate = (charts.Series("c3", "learning rate", _points(history, "lr")),)
    drawings = (
        charts.line_chart(loss, "Loss over epochs", marks=marks),
        charts.line_chart(top1, "Validation top-1 over epochs", percent=True, marks=marks),
        charts.line_chart(rate, "Learning rate over epochs"),
    )
    titles = ("Loss", "Top-1 on validation images", "Learning rate")
    notes = (
        _lowest(loss[1].points),
        f"{counted(val_images or 0, 'image')}: too few to judge." if few else _highest(top1[0].points, "Best: {:.1%}"),
        _highest(rate[0].points, "Peak: {:.3g}"),
    )
    drawn = zip(titles, (loss, top1, rate), drawings, notes, strict=True)
    return [
        Chart(title, drawing, note, tuple((each.style, each.name) for each in series if each.points))
        for title, series, drawing, note in drawn
        if drawing is not None
    ]


def _validated_by(provenance: Mapping[str, object]) -> int | None:
    """The number of validation images that a run's provenance names."""
    data = provenance.get("data")
    images = data.get("images") if isinstance(data, Mapping) else None
    found = images.get("val") if isinstance(images, Mapping) else None
    return found if isinstance(found, int) else None


def _points(history: History, key: str) -> tuple[charts.Point, ...]:
    found = ((_number(entry.get("epoch")), _number(entry.get(key)), i) for i, entry in enumerate(history, start=1))
    return tuple((float(i) if epoch is None else epoch, value) for epoch, value, i in found if value is not None)


def _number(value: object) -> float | None:
    if isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
        return float(value)
    return None


def _highest(points: Sequence[charts.Point], text: str) -> str:
    if not points:
        return ""
    epoch, value = max(points, key=lambda point: point[1])
    return f"{text.format(value)} at epoch {epoch:g}."


def _lowest(points: Sequence[charts.Point]) -> str:
    if not points:
        return ""
    epoch, value = min(points, key=lambda point: point[1])
    return f"Lowest on validation: {value:.3g} at epoch {epoch:g}."


def _image_sizes(history: History) -> list[tuple[float, str]]:
    """Where training changed its image size, as (epoch, text); nothing if it never did."""
    sizes = _points(history, "image_size")
    changes = [now for before, now in zip((None, *sizes), sizes, strict=False) if before is None or before[1] != now[1]]
    return [(epoch, f"{size:g} px") for epoch, size in changes] if len(changes) > 1 else []


def _flat(record: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Nested provenance as (dotted name, text) rows."""
    rows: list[tuple[str, str]] = []
    for key, value in record.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{key}", ", ".join(str(each) for each in value)))
        else:
            rows.append((f"{prefix}{key}", "–" if value is None else str(value)))
    return rows
