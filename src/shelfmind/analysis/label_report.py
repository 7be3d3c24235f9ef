"""The page of a label check: what is probably wrong, beside what it looks like, and the classes it gathers in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.analysis.held_out import HeldOut
from shelfmind.analysis.label_errors import LabelCheck
from shelfmind.analysis.neighbours import NEAREST
from shelfmind.analysis.sections import Card, Gallery, Line, Section, Table
from shelfmind.analysis.suspects import Suspect
from shelfmind.data.splits import relative_name
from shelfmind.evaluation.files import write_atomically
from shelfmind.evaluation.pages import Picture, page_template
from shelfmind.evaluation.thumbnails import thumbnail

MOST_CARDS = 120
MOST_CLASSES = 200


def write_label_report(
    path: Path,
    *,
    title: str,
    root: Path,
    check: LabelCheck,
    held_out: HeldOut,
    suspects: Sequence[Suspect],
    audit: Mapping[str, Any],
) -> None:
    """Write the page, which needs nothing outside itself. `audit` is the content of `audit.json`.

    Raises `UserError` if it cannot be written.
    """

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), relative_name(image, root))

    page = page_template("analysis/label_errors.html.j2").render(
        title=title,
        audit=audit,
        figures=audit["figures"],
        sections=(
            label_section(suspects, root, audit["figures"]),
            outlier_section(suspects, root),
            class_section(check, held_out),
        ),
        picture=picture,
        nearest=NEAREST,
    )
    write_atomically(path, page)


def label_section(suspects: Sequence[Suspect], root: Path, figures: Mapping[str, Any]) -> Section:
    """The labels for which another class is more likely."""
    found = [suspect for suspect in suspects if suspect.kind == "label"]
    return Section(
        key="labels",
        title="Labels that are probably wrong",
        intro="Each image beside the nearest one of the class that it looks like and a typical one of its own.",
        figures=(
            ("Labels judged", f"{figures['judged']:,}"),
            ("Probably wrong", f"{figures['flagged']:,}"),
            ("Recognised at first guess", f"{figures['accuracy']:.1%}"),
        ),
        galleries=suspect_gallery("", "", found, root, MOST_CARDS),
        empty="None found.",
    )


def outlier_section(suspects: Sequence[Suspect], root: Path) -> Section:
    """The images far from every class."""
    found = [suspect for suspect in suspects if suspect.kind == "outlier"]
    return Section(
        key="outliers",
        title="Images that fit no class",
        intro="Far from every class, by the networks' embeddings: foreign objects, shelf labels, products hardly seen.",
        galleries=suspect_gallery("", "", found, root, MOST_CARDS),
        empty="None found.",
    )


def suspect_gallery(title: str, note: str, suspects: Sequence[Suspect], root: Path, most: int) -> tuple[Gallery, ...]:
    """Suspects as cards: the image, the nearest of the suggested class, a typical one of the given class."""
    if not suspects:
        return ()
    cards = tuple(_card(suspect, root) for suspect in suspects[:most])
    return (Gallery(title, note, cards, len(suspects)),)


def class_section(check: LabelCheck, held_out: HeldOut) -> Section:
    """The classes by how many of their labels are flagged, and what those look like."""
    labels = check.scanned.labels
    images = np.bincount(labels, minlength=len(held_out.class_names))
    flagged = np.bincount(labels[check.flagged], minlength=len(held_out.class_names))
    order = np.argsort(-flagged, kind="stable")
    order = order[flagged[order] > 0]
    rows = [
        (
            held_out.class_names[label],
            f"{images[label]:,}",
            f"{flagged[label]:,}",
            f"{flagged[label] / images[label]:.1%}",
            _mostly(check, held_out, label),
        )
        for label in order[:MOST_CLASSES].tolist()
    ]
    columns = (("Class", True), ("Images", False), ("Flagged", False), ("Share", False), ("Most look like", True))
    return Section(
        key="classes",
        title="Classes with doubtful labels",
        intro="Many in one class may mean two products under one name, or one product under two.",
        tables=(Table("", columns, rows, len(order), filtered=True),) if rows else (),
        empty="None found.",
    )


def _mostly(check: LabelCheck, held_out: HeldOut, label: int) -> str:
    """The class that most of the flagged labels of a class are taken for."""
    suggested = check.suggested[check.flagged & (check.scanned.labels == label)]
    suggested = suggested[suggested >= 0]
    if not len(suggested):
        return "no class"
    best = int(np.bincount(suggested).argmax())
    return f"{held_out.class_names[best]} ({int((suggested == best).sum()):,})"


def _card(suspect: Suspect, root: Path) -> Card:
    pictures = (suspect.path, *suspect.neighbours[:1], *suspect.given_neighbours[:1])
    lines = [Line("given", suspect.given, True)]
    lines += [Line("looks like", suspect.suggested)] if suspect.suggested is not None else []
    return Card(tuple(root / picture for picture in pictures), tuple(lines), (suspect.split, f"{suspect.score:.0%}"))
