"""Looks at a whole gallery and writes what its owner should know: a page, figures and tables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError, call
from shelfmind.files import atomic_folder, require_free_folder, write_json
from shelfmind.gallery.findings import Finding
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.inspection import Inspection, tables
from shelfmind.pages.gallery_report import write_gallery_report
from shelfmind.requests.galleries import GalleryAuditRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.tables import write_table
from shelfmind.workflows.galleries import opened
from shelfmind.workflows.guarding import class_names_of, guard_of

OUTPUTS = frozenset({"report.html", "audit.json", "findings.csv", "products.csv", "mix_ups.csv"})
_PACKAGES = ("shelfmind", "numpy", "pillow", "scipy")


@dataclass(frozen=True)
class GalleryAudit:
    """What was found, its figures as in `audit.json`, and where the page lies, if it was asked for."""

    findings: tuple[Finding, ...]
    figures: Mapping[str, Any]
    folder: Path | None


def audit_gallery(request: GalleryAuditRequest, watcher: Observer = SILENT) -> GalleryAudit:
    """Look at all photos and products of a gallery; needs no network, as the vectors are in it.

    With `out`, `report.html`, `audit.json` and tables are written to that folder, which appears only when all is
    written.

    Returns:
        The findings, kind by kind, and figures.

    Raises:
        UserError: no gallery, one without products, a photo or vectors that are damaged, a folder that is not empty.
    """
    if request.out is not None:
        require_free_folder(request.out, ours=OUTPUTS, overwrite=request.overwrite)
    began = time.monotonic()
    gallery = opened(request)
    if not gallery.state.products:
        adding = call("gallery_add", gallery=str(request.gallery), photos=["PHOTO"], sku="NAME")
        raise UserError(f"{gallery.files} has no products yet: {adding}")
    guard = guard_of(gallery, watcher.counter, class_names_of(gallery))
    inspection = Inspection(guard.whole(*gallery.vectors(), gallery.photo))
    figures = {
        "gallery": str(request.gallery),
        "version": gallery.state.version,
        **inspection.figures(),
        "seconds": round(time.monotonic() - began, 2),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
    }
    if request.out is not None:
        _write(request.out, request.overwrite, gallery, inspection, figures)
    return GalleryAudit(tuple(inspection.findings), figures, request.out)


def _write(out: Path, overwrite: bool, gallery: Gallery, inspection: Inspection, figures: Mapping[str, Any]) -> None:
    with atomic_folder(out, ours=OUTPUTS, overwrite=overwrite) as folder:
        for name, (columns, rows) in tables(inspection).items():
            write_table(folder / name, columns, rows)
        write_json(folder / "audit.json", figures)
        write_gallery_report(folder / "report.html", inspection, figures, gallery.photo)
