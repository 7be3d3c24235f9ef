"""One self-contained page that says what a run can do and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from shelfmind.evaluation.intervals import LEAST_IMAGES, too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.evaluation.result import Evaluation
from shelfmind.files import write_text
from shelfmind.pages import charts
from shelfmind.pages.run_sections import SECTIONS, History, Material
from shelfmind.pages.templates import page_template
from shelfmind.records import Predictions

DOUBT = "warning: "
"""How a note begins that makes the figures doubtful."""


@dataclass(frozen=True, slots=True)
class Written:
    """A section of the page."""

    key: str
    title: str
    html: Markup


def write_evaluation_report(
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
    )
    page = page_template("pages/report.html.j2").render(
        title=title,
        evaluation=evaluation,
        warnings=(*evaluation.warnings, *doubts),
        shot_counts=_shot_counts(train_counts),
        sections=list(written(material)),
        interval=charts.interval_chart,
        least_images=LEAST_IMAGES,
        too_few=too_few_images,
    )
    write_text(path, page)


def written(material: Material) -> Iterator[Written]:
    """The sections that have anything to show."""
    for key, section in SECTIONS.items():
        content = section.content(material)
        if content is not None:
            html = page_template(f"pages/run/{key}.html.j2").render(**content)
            yield Written(key, section.title, Markup(html))


def _shot_counts(train_counts: npt.NDArray[np.int64] | None) -> dict[str, int] | None:
    if train_counts is None or not len(train_counts):
        return None
    return {"total": int(train_counts.sum()), "least": int(train_counts.min()), "most": int(train_counts.max())}
