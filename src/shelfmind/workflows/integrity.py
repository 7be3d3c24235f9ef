"""Verifies the files of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shelfmind.errors import UserError, argument
from shelfmind.inference.exported import read_exported
from shelfmind.machine.checksums import file_sha256
from shelfmind.prediction_files import is_intact
from shelfmind.requests.tool import VerifyRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder


def verify_runs(request: VerifyRequest, watcher: Observer = SILENT) -> list[tuple[Path, str]]:
    """Verify all files of runs by their checksums; with `accept`, record the present ones first.

    Returns:
        The damaged, missing or edited files, each with what is wrong.

    Raises:
        UserError: no run, or one whose training has not finished.
    """
    faults: list[tuple[Path, str]] = []
    for run in map(RunFolder, request.runs):
        if not run.checksums.exists() and not run.is_trained():
            raise UserError(f"{run.root} is not trained to the end; its checksums are recorded then")
        if request.accept:
            run.seal(accept=True)
        elif not run.checksums.exists():
            watcher.warn(
                f"{run.root} has no checksums, because an earlier version trained it. Record them with "
                f"{argument('accept')}"
            )
        faults += _faults(run, watcher)
    return faults


def _faults(run: RunFolder, watcher: Observer) -> Iterator[tuple[Path, str]]:
    try:
        digests = run.sealed()
    except UserError as error:
        yield run.checksums, error.message.removeprefix(f"{run.checksums} ")
        return
    exports, caches = run.exports(), run.caches()
    progress = watcher.counter("verifying files", len(digests) + len(exports) + len(caches), "files")
    for name, digest in digests.items():
        path = run.root / name
        if not path.is_file():
            if not run.is_result(name):
                yield path, "is missing"
        elif file_sha256(path) != digest:
            yield path, "is damaged or edited: its checksum does not match"
        progress(1)
    for path in caches:
        if not is_intact(path):
            yield path, "is a damaged cache, which is computed again when it is needed; it can be deleted"
        progress(1)
    for path in exports:
        try:
            read_exported(path)
        except UserError as error:
            yield path, error.message.removeprefix(f"{path} ")
        progress(1)
