"""Write the self-contained page of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.label_errors.network_findings import NetworkFindings
from shelfmind.data.splits import relative_name
from shelfmind.files import write_text
from shelfmind.pages.appearance_section import appearance_headline, appearance_section
from shelfmind.pages.audit_headlines import GRADES, headlines
from shelfmind.pages.audit_sections import following_sections, leading_sections
from shelfmind.pages.label_check_sections import label_check_headlines, label_check_sections
from shelfmind.pages.templates import Picture, page_template
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.words import Text, counted, listed, say, split_name


def write_audit_report(
    path: Path,
    findings: ImageFindings,
    figures: Mapping[str, Any],
    label_findings: NetworkFindings | None = None,
) -> None:
    """Write the page, with a run's label check if there is one. Raises `UserError` if it cannot be written."""
    root = findings.catalog.root

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), relative_name(image, root))

    label_headlines = [] if label_findings is None else label_check_headlines(label_findings)
    label_sections = [] if label_findings is None else label_check_sections(label_findings)
    appearances = appearance_section(findings, label_findings)
    summary = sorted(
        [*headlines(findings), appearance_headline(findings, label_findings), *label_headlines],
        key=lambda line: GRADES.index(line.grade),
    )
    page = page_template("pages/audit.html.j2").render(
        title=say("Audit of {}", root.name),
        lead=_lead(figures),
        headlines=summary,
        sections=[*leading_sections(findings), *label_sections, appearances, *following_sections(findings)],
        figures=figures,
        picture=picture,
    )
    write_text(path, page)


def _lead(figures: Mapping[str, Any]) -> Text:
    """Return the number of images and classes, and the images of each split."""
    images, classes = counted(figures["images"], "image"), counted(len(figures["class_names"]), "class")
    splits = figures["splits"]
    if len(splits) < 2:
        return say("{} of {}.", images, classes)
    of_each = listed(say("{} in {}", f"{number:,}", split_name(split)) for split, number in splits.items())
    return say("{} of {}: {}.", images, classes, of_each)
