"""The outcome of a gallery audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.requests.galleries import GalleryAuditRequest
    from shelfmind.workflows.gallery_audit import GalleryAudit


def show_gallery_audit(
    audit: GalleryAudit, request: GalleryAuditRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the number of findings of each kind, the worst ones, and the paths."""
    write_figures(dict(audit.figures), json_file)
    if json_file is None or str(json_file) != "-":
        _print(audit)
    unreadable = audit.figures["unreadable"]
    if unreadable:
        first = f"{unreadable[0]['photo']}: {unreadable[0]['reason']}"
        display.warn(f"{counted(len(unreadable), 'photo')} cannot be decoded, such as {first}")
    if audit.folder is not None:
        display.line(f"report: {audit.folder / 'report.html'}")


def _print(audit: GalleryAudit) -> None:
    from shelfmind.gallery.findings import KINDS, sentences

    figures = audit.figures
    title = f"{counted(figures['photos'], 'photo')} of {counted(figures['products'], 'product')}"
    table = Table("finding", "number", title=title)
    for kind, count in figures["found"].items():
        if count:
            table.add_row(KINDS[kind].title, f"{count:,}")
    if not audit.findings:
        table.add_row("none", "")
    nearest = figures["nearest_to_own"]
    if nearest["share"] is not None:
        table.caption = (
            f"leave-one-out: {nearest['share']:.1%} of {counted(nearest['evaluated'], 'photo')} nearest to their "
            "own product"
        )
    console = Console()
    console.print(table)
    for sentence in sentences(audit.findings):
        console.print(Text(f"- {sentence}"))
