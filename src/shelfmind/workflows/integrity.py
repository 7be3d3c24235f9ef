"""Verifies the files of runs and data sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shelfmind.data import absolute
from shelfmind.data.verification import DIFFERS, record, verify
from shelfmind.errors import UserError, argument
from shelfmind.inference.exported import read_exported
from shelfmind.machine.checksums import file_sha256
from shelfmind.prediction_files import is_intact
from shelfmind.requests.tool import VerifyRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder
from shelfmind.urls import is_url, shown_url


def verify_files(request: VerifyRequest, watcher: Observer = SILENT) -> list[tuple[Path, str]]:
    """Verify all files of runs and data sets by their checksums; with `accept`, record the present ones first.

    Returns:
        The damaged, missing or edited files, and those of data sets without a checksum, each with what is wrong.

    Raises:
        UserError: a run whose training has not finished, or a data set without checksums or in an object store.
    """
    faults: list[tuple[Path, str]] = []
    for path in request.paths:
        run = RunFolder(path)
        if run.recipe.exists() or run.checksums.exists():
            faults += _verify_run(run, request.accept, watcher)
        elif is_url(path):
            raise UserError(
                f"{shown_url(path)} is in an object store, whose objects are verified when they are fetched; copy it "
                "to a folder to verify it there"
            )
        elif request.accept:
            record(absolute(path), watcher.counter)
        else:
            faults += verify(absolute(path), watcher.counter)
    return faults


def _verify_run(run: RunFolder, accept: bool, watcher: Observer) -> Iterator[tuple[Path, str]]:
    if not run.checksums.exists() and not run.is_trained():
        raise UserError(f"{run.root} is not trained to the end; its checksums are recorded then")
    if accept:
        run.seal(accept=True)
    elif not run.checksums.exists():
        watcher.warn(
            f"{run.root} has no checksums, because an earlier version trained it. Record them with {argument('accept')}"
        )
    yield from _faults(run, watcher)


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
            yield path, DIFFERS
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
