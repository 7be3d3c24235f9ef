"""One self-contained page that says what a run can do and where it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.bootstrap import RESAMPLES
from shelfmind.evaluation.confusion import Confusion
from shelfmind.evaluation.intervals import LEAST_IMAGES, too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.files import write_text
from shelfmind.nouns import counted
from shelfmind.pages import charts
from shelfmind.pages.templates import Chart, Picture, page_template, path_shortener
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.records import Predictions

_MOST_BAD_FILES = 200
_DOUBT = "warning: "
"""How a note begins that makes the figures doubtful."""

History = Sequence[Mapping[str, object]]


def write_report(
    path: Path,
    *,
    title: str,
    recipe_text: str,
    history: History,
    evaluation: Evaluation,
    predictions: Predictions,
    catalog_notes: Sequence[str] = (),
    train_counts: npt.NDArray[np.int64] | None = None,
    provenance: Mapping[str, object] | None = None,
    references: Mapping[int, Sequence[Path]] | None = None,
    overlays: Mapping[str, str] | None = None,
    trade_offs: Sequence[TradeOff] = (),
) -> None:
    """Write the page, without any resource outside it, the same for the same input.

    `history` has one entry per epoch as in the run's log, any key of which may be missing or None; `train_counts` has
    shape (classes,); `references` gives images of each class id to show beside a confusion, `overlays` the ``data:``
    address of a saliency map by the path of a wrong image, `trade_offs` what logit adjustment would give. Raises
    `UserError` if the page cannot be written; an image that cannot be opened becomes a placeholder.
    """
    shown = path_shortener(predictions.paths)
    examples = references or {}

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), shown(str(image)))

    def reference(class_id: int) -> Picture | None:
        pictures = (picture(Path(each)) for each in list(examples.get(class_id, ()))[:3])
        return next((each for each in pictures if each.source is not None), None)

    def laid(path: str) -> Picture | None:
        address = (overlays or {}).get(path)
        return None if address is None else Picture(address, f"{shown(path)}: what it was taken for, brightest")

    def example(confusion: Confusion) -> Picture:
        return picture(Path(confusion.examples[0]))

    doubts = [note.removeprefix(_DOUBT) for note in evaluation.notes if note.startswith(_DOUBT)]
    page = page_template("pages/report.html.j2").render(
        title=title,
        evaluation=evaluation,
        warnings=(*evaluation.warnings, *doubts),
        shot_counts=_shot_counts(train_counts),
        curves=training_charts(history, _validated_by(provenance or {})),
        calibration=charts.reliability_chart(evaluation.reliability),
        classes_chart=charts.class_chart(evaluation.per_class, evaluation.shots, evaluation.shot_cutoffs),
        confusions=[(each, example(each), reference(each.predicted_id)) for each in evaluation.confusions],
        worst_errors=[(each, picture(Path(each.path)), laid(each.path)) for each in evaluation.worst_errors],
        has_overlays=bool(overlays),
        trade_off=trade_off_chart(trade_offs, evaluation.too_few_images),
        bad_files=[(shown(str(each.path)), each.reason) for each in predictions.bad_files[:_MOST_BAD_FILES]],
        resamples=RESAMPLES,
        has_references=bool(examples),
        notes=(*(note for note in evaluation.notes if not note.startswith(_DOUBT)), *catalog_notes),
        recipe_text=recipe_text,
        provenance=_flat(provenance or {}),
        interval=charts.interval_chart,
        least_images=LEAST_IMAGES,
        too_few=too_few_images,
    )
    write_text(path, page)


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


def _shot_counts(train_counts: npt.NDArray[np.int64] | None) -> dict[str, int] | None:
    if train_counts is None or not len(train_counts):
        return None
    return {"total": int(train_counts.sum()), "least": int(train_counts.min()), "most": int(train_counts.max())}


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
