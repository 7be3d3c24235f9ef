"""The outcomes of the gallery verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.display import Display
from shelfmind.nouns import counted

if TYPE_CHECKING:  # not needed for help
    from shelfmind.gallery.changes import Entry, Summary
    from shelfmind.gallery.verification import Fault
    from shelfmind.requests.galleries import (
        GalleryChangeRequest,
        GalleryCompactRequest,
        GalleryExportRequest,
        GalleryHistoryRequest,
        GalleryListRequest,
        GallerySearchRequest,
        GalleryShowRequest,
        GalleryVerifyRequest,
    )
    from shelfmind.workflows.galleries import Enrolment, Found

DAMAGED = 2
"""The exit status if a gallery is damaged or no photo could be used."""


def show_change(enrolment: Enrolment, request: GalleryChangeRequest, display: Display) -> None:
    """Print the change, the state after it, and warnings."""
    outcome = enrolment.outcome
    if outcome.version is None:
        display.line("nothing to change")
    else:
        display.line(f"version {outcome.version}: {outcome.detail}")
    there = f"{counted(enrolment.products, 'product')}, {counted(enrolment.photos, 'photo')}"
    display.line(f"gallery: {request.gallery} ({there})")
    for warning in outcome.warnings:
        display.warn(warning)


def show_products(
    products: Mapping[str, int], request: GalleryListRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the products and their numbers of photos."""
    write_figures(dict(products), json_file)
    if json_file is None or str(json_file) != "-":
        table = Table(Column("product", overflow="fold"), "photos", title=counted(len(products), "product"))
        for sku, photos in products.items():
            table.add_row(Text(sku), str(photos))
        Console().print(table)


def show_photos(
    entries: Sequence[Entry], request: GalleryShowRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the photos of a product."""
    write_figures([asdict(entry) for entry in entries], json_file)
    if json_file is None or str(json_file) != "-":
        table = Table(Column("photo", overflow="fold"), "checksum", title=Text(request.sku))
        for entry in entries:
            table.add_row(Text(entry.photo), entry.sha256[:12])
        Console().print(table)


def show_history(
    summaries: Sequence[Summary], request: GalleryHistoryRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print all changes, oldest first."""
    write_figures([asdict(summary) for summary in summaries], json_file)
    if json_file is None or str(json_file) != "-":
        table = Table(
            "version", "time (UTC)", "author", Column("change", overflow="fold"), Column("reason", overflow="fold")
        )
        for each in summaries:
            when = each.time.replace("T", " ")[:19]
            table.add_row(str(each.version), when, Text(each.author), Text(each.detail), Text(each.reason))
        Console().print(table)


def show_found(
    found: Sequence[Found], request: GallerySearchRequest, display: Display, *, json_file: JsonFile = None
) -> None:
    """Print the best products for each photo."""
    write_figures([asdict(each) for each in found], json_file)
    if json_file is None or str(json_file) != "-":
        table = Table(
            Column("image", overflow="fold"), "rank", Column("product", overflow="fold"), "similarity", "photo"
        )
        for each in found:
            if each.error is not None:
                table.add_row(Text(each.path), "", Text(f"unusable: {each.error}"), "", "")
            for rank, match in enumerate(each.matches, start=1):
                path = Text(each.path if rank == 1 else "")
                table.add_row(path, str(rank), Text(match.sku), f"{match.similarity:.3f}", Text(match.entry.photo))
        Console().print(table)
    if all(each.error is not None for each in found):
        raise typer.Exit(DAMAGED)


def show_faults(faults: Sequence[Fault], request: GalleryVerifyRequest, display: Display) -> None:
    """Print the damaged files, or that there are none."""
    for fault in faults:
        typer.echo(f"damaged: {request.gallery}/{fault.file}: {fault.what}")
    if faults:
        raise typer.Exit(DAMAGED)
    typer.echo("all files are intact")


def show_exported(written: Path, request: GalleryExportRequest, display: Display) -> None:
    """Print the path."""
    display.line(f"data: {written}")


def show_compacted(deleted: int, request: GalleryCompactRequest, display: Display) -> None:
    """Print how many files were deleted."""
    display.line(f"{counted(deleted, 'file')} deleted; earlier versions can no longer be restored")
