"""Audits a data set and writes a report, metrics, issues and suspects."""

from __future__ import annotations

import shutil
import time
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.analysis.image_audit.figures import audit_figures
from shelfmind.analysis.image_audit.findings import gather_findings
from shelfmind.analysis.image_audit.issues import suspects, write_issues
from shelfmind.analysis.label_errors.network_findings import NetworkAudit
from shelfmind.analysis.measuring.measurement import facts_path, measure_files, measure_on_cluster
from shelfmind.analysis.near_duplicates.groups import Limits
from shelfmind.analysis.suspects import FILE_NAME, write_suspects
from shelfmind.data import absolute, open_catalog
from shelfmind.errors import UserError
from shelfmind.files import atomic_folder, require_free_folder, write_json
from shelfmind.machine.cluster import joined
from shelfmind.nouns import counted
from shelfmind.pages.audit_report import write_audit_report
from shelfmind.progress import Counter
from shelfmind.records import Catalog
from shelfmind.requests.auditing import AuditRequest
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer

OUTPUTS = frozenset({"report.html", "audit.json", "issues.csv", FILE_NAME})


@dataclass(frozen=True)
class AuditOutcome:
    """The audit folder, and the contents of `audit.json`."""

    folder: Path
    figures: Mapping[str, Any]


@takes(AuditRequest)
def audit(request: AuditRequest, watcher: Observer = SILENT) -> AuditOutcome:
    """Audit a data set and write `report.html`, `audit.json`, `issues.csv` and `suspects.jsonl` to a folder.

    The folder must be missing or empty; with `overwrite` it may contain an earlier audit. It is written atomically.

    Returns:
        The folder, and the contents of `audit.json`.

    Raises:
        UserError: unusable data, an unwritable folder, or a run with other classes.
    """
    out, overwrite = request.out, request.overwrite
    check_labels = None if request.run is None else _label_check_by(request.run, watcher.counter)
    require_free_folder(out, ours=OUTPUTS, overwrite=overwrite)
    began = time.monotonic()
    with joined(request.ray, request.workers, watcher.note) as cluster:
        catalog = open_catalog(request.data, request.format, request.seed, counter=watcher.counter)
        if cluster is not None:
            measure_on_cluster(cluster, [sample.path for sample in catalog.samples], watcher.counter)
    with atomic_folder(out, ours=OUTPUTS, overwrite=overwrite) as folder:
        figures = _write_audit(folder, catalog, request, check_labels, watcher.counter, began)
    return AuditOutcome(out, figures)


def _label_check_by(run: Path, counter: Counter) -> NetworkAudit:
    """The label check by a run. An audit loads MindSpore only for this."""
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from shelfmind.workflows.audited_labels import label_check_by

    return label_check_by(run, counter)


def _write_audit(
    folder: Path,
    catalog: Catalog,
    request: AuditRequest,
    check_labels: NetworkAudit | None,
    counter: Counter,
    began: float,
) -> Mapping[str, Any]:
    paths = [sample.path for sample in catalog.samples]
    scratch = folder / "scratch"
    scratch.mkdir()
    progress = counter("measuring images", len(paths))
    measured = measure_files(paths, cache=facts_path(), folder=scratch, progress=progress)
    if not len(measured):
        first = measured.bad_files[0]
        raise UserError(
            f"none of the {counted(len(paths), 'image')} in {catalog.root} is usable: {first.path}: {first.reason}"
        )
    findings = gather_findings(catalog, measured, Limits(), counter)
    label_findings = None if check_labels is None else check_labels(catalog.without(measured.bad_files))
    label_figures, suspected = ({}, ()) if label_findings is None else (label_findings.figures, label_findings.suspects)
    seconds = time.monotonic() - began
    figures = {**audit_figures(findings, absolute(request.data), request.seed, seconds), **label_figures}
    figures["issues"] = figures["issues"] | Tally(suspect.kind for suspect in suspected)
    write_issues(folder / "issues.csv", findings.issues, suspected, catalog)
    write_suspects(folder / FILE_NAME, [*suspects(findings.issues, catalog), *suspected])
    write_audit_report(folder / "report.html", findings, figures, label_findings)
    write_json(folder / "audit.json", figures)
    shutil.rmtree(scratch)
    return figures
