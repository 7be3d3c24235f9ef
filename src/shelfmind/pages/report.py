"""One self-contained page that says what a run can do and where it fails."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.bootstrap import RESAMPLES
from shelfmind.evaluation.confusion import ClassResult, Confusion
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.files import write_text
from shelfmind.pages import charts
from shelfmind.pages.coverage_chart import coverage_chart, thresholds
from shelfmind.pages.report_words import calibration_verdict, key_facts, lead, report_title, shot_words
from shelfmind.pages.templates import Picture, page_template, path_shortener
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.training_charts import History, trade_off_chart, training_charts
from shelfmind.records import Predictions

_MOST_BAD_FILES = 200
_MOST_ERRORS = 2000


def write_report(
    path: Path,
    *,
    name: str,
    data: str,
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
    errors_file: str = "errors.csv",
    calibrating: Sequence[str] = (),
) -> None:
    """Write the page, without any resource outside it, the same for the same input, in English and Chinese.

    `name` and `data` are the title's: the run, and the data that it is judged by. `history` has one entry per epoch as
    in the run's log, any key of which may be missing or None; `train_counts` has shape (classes,); `references` gives
    images of each class id to show beside a confusion, `overlays` the ``data:`` address of a saliency map by the path
    of a wrong image, `trade_offs` what logit adjustment would give, `errors_file` where all errors are listed,
    `calibrating` the words of a command that would mend a poor calibration. Raises `UserError` if the page cannot be
    written; an image that cannot be opened becomes a placeholder.
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
        return None if address is None else Picture(address, shown(path))

    def example(confusion: Confusion) -> Picture:
        return picture(Path(confusion.examples[0]))

    page = page_template("pages/report.html.j2").render(
        title=report_title(name, data, evaluation.split),
        lead=lead(evaluation),
        evaluation=evaluation,
        key_facts=key_facts(evaluation, train_counts),
        shot_words=shot_words(evaluation.shot_cutoffs),
        curves=training_charts(history),
        calibration=charts.reliability_chart(evaluation.reliability),
        calibration_verdict=calibration_verdict(evaluation),
        calibrating=shlex.join(calibrating) if evaluation.poorly_calibrated else "",
        coverage=coverage_chart(evaluation.coverage),
        thresholds=thresholds(evaluation),
        classes_chart=charts.class_chart(evaluation.per_class, evaluation.shots, evaluation.shot_cutoffs),
        classes=worst_first(evaluation.per_class),
        confusions=[(each, example(each), reference(each.predicted_id)) for each in evaluation.confusions],
        worst_errors=[(each, picture(Path(each.path)), laid(each.path)) for each in evaluation.worst_errors],
        all_errors=[(shown(each.path), each) for each in evaluation.errors[:_MOST_ERRORS]],
        errors_file=errors_file,
        has_overlays=bool(overlays),
        trade_off=trade_off_chart(trade_offs),
        bad_files=[(shown(str(each.path)), each.reason) for each in predictions.bad_files[:_MOST_BAD_FILES]],
        resamples=RESAMPLES,
        has_references=bool(examples),
        notes=(*evaluation.notes, *catalog_notes),
        recipe_text=recipe_text,
        provenance=_flat(provenance or {}),
        interval=charts.interval_chart,
        too_few=too_few_images,
    )
    write_text(path, page)


def worst_first(classes: Sequence[ClassResult]) -> list[ClassResult]:
    """The classes by recall, of equal ones that with more errors first; at the end those without an image."""

    def rank(each: ClassResult) -> tuple[bool, float, int]:
        return each.recall is None, each.recall or 0.0, each.correct - each.images

    return sorted(classes, key=rank)


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
