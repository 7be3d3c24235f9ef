"""The self-contained report of an evaluation: accuracy, confidence, errors and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.files import write_text
from shelfmind.pages import charts
from shelfmind.pages.report_words import key_facts, lead, report_title, shot_words
from shelfmind.pages.run_sections import SECTIONS, Material
from shelfmind.pages.templates import page_template
from shelfmind.pages.training_charts import History
from shelfmind.pages.words import Text
from shelfmind.recognition.figures import RecognitionFigures
from shelfmind.records import Predictions

DOUBT = "warning: "
"""Prefix of notes that question the metrics."""


@dataclass(frozen=True, slots=True)
class Written:
    """A section of the page."""

    key: str
    title: Text
    html: Markup


def write_evaluation_report(
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
    recognition: RecognitionFigures | None = None,
) -> None:
    """Write the self-contained page in English and Chinese. The same input gives the same bytes.

    `name` and `data` appear in the title: the run and the evaluation data. `history` has one entry per epoch, as in the
    run's log; any key may be missing or None. `train_counts` has shape (classes,). `references` gives images per class
    id to show next to confusions, `overlays` the ``data:`` URI of a saliency map by the path of a misclassified image,
    `trade_offs` the results of logit adjustment, `errors_file` the file that lists all errors, `calibrating` the
    arguments of a command that fixes a poor calibration, `recognition` the metrics of answers with a gallery. Raises
    `UserError` if the page cannot be written. An image that cannot be opened becomes a placeholder.
    """
    doubts = [note.removeprefix(DOUBT) for note in evaluation.notes if note.startswith(DOUBT)]
    material = Material(
        evaluation=evaluation,
        predictions=predictions,
        history=history,
        recipe_text=recipe_text,
        notes=(*(note for note in evaluation.notes if not note.startswith(DOUBT)), *catalog_notes),
        provenance=provenance or {},
        references=references or {},
        overlays=overlays or {},
        trade_offs=trade_offs,
        errors_file=errors_file,
        calibrating=calibrating,
        recognition=recognition,
    )
    page = page_template("pages/report.html.j2").render(
        title=report_title(name, data, evaluation.split),
        lead=lead(evaluation),
        evaluation=evaluation,
        key_facts=key_facts(evaluation, train_counts),
        shot_words=shot_words(evaluation.shot_cutoffs),
        warnings=(*evaluation.warnings, *doubts),
        sections=list(written(material)),
        interval=charts.interval_chart,
        too_few=too_few_images,
    )
    write_text(path, page)


def written(material: Material) -> Iterator[Written]:
    """Yield the sections that have content."""
    for key, section in SECTIONS.items():
        content = section.content(material)
        if content is not None:
            html = page_template(f"pages/run/{key}.html.j2").render(**content)
            yield Written(key, section.title, Markup(html))
