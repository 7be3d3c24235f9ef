"""Audits a gallery and writes a report, metrics and tables."""

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
    """The findings, the contents of `audit.json`, and the folder of the report, if requested."""

    findings: tuple[Finding, ...]
    figures: Mapping[str, Any]
    folder: Path | None


def audit_gallery(request: GalleryAuditRequest, watcher: Observer = SILENT) -> GalleryAudit:
    """Audit all photos and products of a gallery, using the stored embeddings; needs no network.

    With `out`, writes `report.html`, `audit.json` and tables to that folder atomically.

    Returns:
        The findings by kind, and metrics.

    Raises:
        UserError: no gallery, a gallery without products, damaged photos or embeddings, or a folder that is not empty.
    """
    if request.out is not None:
        require_free_folder(request.out, ours=OUTPUTS, overwrite=request.overwrite)
    began = time.monotonic()
    gallery = opened(request)
    if not gallery.state.products:
        adding = call("gallery_add", gallery=str(request.gallery), photos=["PHOTO"], sku="NAME")
        raise UserError(f"{gallery.files} has no products yet; enrol photos with: {adding}")
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
