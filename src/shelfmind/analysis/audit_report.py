"""Writes the audit's page, which needs nothing outside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from shelfmind.analysis.audit_sections import following_sections, headlines, leading_sections
from shelfmind.analysis.findings import Findings
from shelfmind.analysis.sections import Headline, Section
from shelfmind.data.splits import relative_name
from shelfmind.evaluation.files import write_atomically
from shelfmind.evaluation.pages import Picture, page_template
from shelfmind.evaluation.thumbnails import thumbnail


def write_audit_report(
    path: Path,
    findings: Findings,
    figures: Mapping[str, Any],
    sections: Sequence[Section] = (),
    more_headlines: Sequence[Headline] = (),
) -> None:
    """Write the page, with what a run adds to it. Raises `UserError` if it cannot be written."""
    root = findings.catalog.root

    @cache
    def picture(image: Path) -> Picture:
        return Picture(thumbnail(image), relative_name(image, root))

    grades = ("bad", "look", "good")
    summary = sorted([*headlines(findings), *more_headlines], key=lambda line: grades.index(line.grade))
    page = page_template("analysis/audit.html.j2").render(
        title=f"Audit of {root.name}",
        headlines=summary,
        sections=[*leading_sections(findings), *sections, *following_sections(findings)],
        figures=figures,
        picture=picture,
    )
    write_atomically(path, page)
