"""The page of a label check: its findings, and the classes with most suspicious labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.analysis.label_errors.check import LabelCheck
from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.analysis.label_errors.neighbours import NEAREST
from shelfmind.analysis.label_errors.network_findings import NetworkFindings
from shelfmind.data.splits import relative_name
from shelfmind.files import write_text
from shelfmind.pages.label_check_sections import as_sentence, label_check_headlines, label_check_sections
from shelfmind.pages.sections import Headline, PageSection, Table
from shelfmind.pages.templates import Picture, page_template
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.words import Text, say

MAX_CLASSES = 200


def write_label_report(
    path: Path,
    label_findings: NetworkFindings,
    check: LabelCheck,
    held_out: HeldOut,
    root: Path,
    audit: Mapping[str, Any],
) -> None:
    """Write the self-contained page.

    `label_findings` is the result of `network_findings.describe`, `root` the data set's folder and `audit` the content
    of `audit.json`. Raises `UserError` if it cannot be written.
    """

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), relative_name(image, root))

    page = page_template("pages/label_errors.html.j2").render(
        title=say("Label check: {}", Path(audit["data"]).name),
        audit=audit,
        headlines=[*_budget_headlines(audit["figures"]), *label_check_headlines(label_findings)],
        details=_details(audit["figures"]),
        sections=[*label_check_sections(label_findings), class_section(check, held_out)],
        picture=picture,
        nearest=NEAREST,
    )
    write_text(path, page)


def _budget_headlines(figures: Mapping[str, Any]) -> list[Headline]:
    short = figures.get("short_budget")
    return [] if short is None else [Headline("bad", as_sentence(short), "", "labels")]


def _details(figures: Mapping[str, Any]) -> list[tuple[Text, object]]:
    """Return names and values of the results; `doubt` and `short_budget` are headlines instead."""
    names = {
        "images": say("images"),
        "checked": say("labels checked"),
        "not_checked": say("labels not checked"),
        "alone": say("not checked: the only image of its class"),
        "flagged": say("suspicious labels"),
        "outliers": say("images that fit no class"),
        "suspects": say("images to review"),
        "estimated_wrong": say(
            "label errors estimated by confident learning (includes classes that the networks confuse)"
        ),
        "accuracy": say("top-1 accuracy on held-out images, all networks"),
        "bad_files": say("unusable files"),
        "folds": say("networks"),
        "trusted_folds": say("networks that clearly beat guessing"),
    }
    hidden_if_zero = {"not_checked", "alone", "bad_files"}
    return [
        (name, figures[key])
        for key, name in names.items()
        if figures.get(key) is not None and (figures[key] or key not in hidden_if_zero)
    ]


def class_section(check: LabelCheck, held_out: HeldOut) -> PageSection:
    """Return the classes by number of flagged labels, with the class that these resemble most."""
    labels = check.scanned.labels
    images = np.bincount(labels[check.checked], minlength=len(held_out.class_names))
    flagged = np.bincount(labels[check.flagged], minlength=len(held_out.class_names))
    order = np.argsort(-flagged, kind="stable")
    order = order[flagged[order] > 0]
    rows = [
        (
            held_out.class_names[label],
            f"{images[label]:,}",
            f"{flagged[label]:,}",
            f"{flagged[label] / images[label]:.1%}",
            _most_suggested(check, held_out, label),
        )
        for label in order[:MAX_CLASSES].tolist()
    ]
    columns = (
        *((say("Class"), True), (say("Images"), False), (say("Flagged"), False)),
        *((say("Share"), False), (say("Mostly similar to"), True)),
    )
    return PageSection(
        key="classes",
        title=say("Classes with suspicious labels"),
        intro=say("Many in one class can mean that two products share a name, or that one product has two names."),
        tables=(Table("", columns, rows, len(order), filtered=True),) if rows else (),
        empty=say("None found.") if check.checked.any() else say("No label was evaluated."),
    )


def _most_suggested(check: LabelCheck, held_out: HeldOut, label: int) -> str:
    """Return the class most often suggested for the flagged labels of a class."""
    suggested = check.suggested[check.flagged & (check.scanned.labels == label)]
    suggested = suggested[suggested >= 0]
    if not len(suggested):
        return say("no class")
    best = int(np.bincount(suggested).argmax())
    return f"{held_out.class_names[best]} ({int((suggested == best).sum()):,})"
