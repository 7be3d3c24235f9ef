"""Writes the audit's page, which needs nothing outside itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.label_errors.judgement import Judgement
from shelfmind.data.splits import relative_name
from shelfmind.files import write_text
from shelfmind.pages.audit_sections import following_sections, headlines, leading_sections
from shelfmind.pages.judgement_sections import judgement_headlines, judgement_sections
from shelfmind.pages.templates import Picture, page_template
from shelfmind.pages.thumbnails import thumbnail


def write_audit_report(
    path: Path,
    findings: ImageFindings,
    figures: Mapping[str, Any],
    judgement: Judgement | None = None,
) -> None:
    """Write the page, with what a run's networks say if one was asked. Raises `UserError` if it cannot be written."""
    root = findings.catalog.root

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), relative_name(image, root))

    grades = ("bad", "look", "good")
    judged_lines = [] if judgement is None else judgement_headlines(judgement)
    judged_sections = [] if judgement is None else judgement_sections(judgement)
    summary = sorted([*headlines(findings), *judged_lines], key=lambda line: grades.index(line.grade))
    page = page_template("pages/audit.html.j2").render(
        title=f"Audit of {root.name}",
        headlines=summary,
        sections=[*leading_sections(findings), *judged_sections, *following_sections(findings)],
        figures=figures,
        picture=picture,
    )
    write_text(path, page)
