"""Store users' corrections: each photo once, its predicted label, and the decisions, in the format of `prepare`.

The folder is a data set: ``list.csv`` has the photos with the recogniser's answers as labels, ``review.jsonl`` is the
log of decisions.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from shelfmind.analysis.decisions import (
    FILE_NAME,
    Decision,
    append_decision,
    decide,
    read_decisions,
    standing,
    take_back,
)
from shelfmind.errors import UserError
from shelfmind.files import exclusively, make_folder, reason, write_atomically
from shelfmind.images.decoding import FILE_SUFFIXES, open_stored
from shelfmind.serving.audit_log import append_line
from shelfmind.tables import read_table

LIST, PHOTOS = "list.csv", "photos"
HEADER = "path,label,split"
SPLIT = "train"
UNLABELLED = "unknown"
"""The label of a photo without an answer."""


class Corrections:
    """The folder of corrections. Safe for concurrent threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / FILE_NAME
        self._thread = Lock()

    def add(self, content: bytes, predicted: str, decision: str, label: str | None, reviewer: str) -> Decision:
        """Save a decodable photo and the decision on it. Both are on the disk afterwards.

        Raises:
            ValueError: the decision is inconsistent.
            UserError: the files cannot be written.
        """
        path = f"{PHOTOS}/{hashlib.sha256(content).hexdigest()}{_suffix(content)}"
        decide(reviewer, path, predicted or UNLABELLED, decision, label)  # validate it before anything is written
        make_folder(self.root / PHOTOS)
        with self._thread, exclusively(self.root / ".lock"):
            _remove_cut_line(self.root / LIST)
            labels = self._labels()
            if path not in labels:
                write_atomically(self.root / path, lambda temporary: _fill(temporary, content))
                self._list(path, predicted or UNLABELLED)
            made = decide(reviewer, path, labels.get(path, predicted or UNLABELLED), decision, label)
            append_decision(self.log, made)
        return made

    def take_back(self, id: str, reviewer: str) -> Decision:
        """Undo a decision. Raises `LookupError` if there is no such active decision."""
        with self._thread:
            found = next((each for each in self.standing() if each.id == id), None)
            if found is None:
                raise LookupError(id)
            make_folder(self.root)
            with exclusively(self.root / ".lock"):
                append_decision(self.log, take_back(found, reviewer))
        return found

    def standing(self) -> list[Decision]:
        """Return the active decisions, newest first."""
        if not self.log.exists():
            return []
        found = [each for of in standing(read_decisions(self.log)).values() for each in of.values()]
        return sorted(found, key=lambda each: each.time, reverse=True)

    def _labels(self) -> Mapping[str, str]:
        if not (self.root / LIST).exists():
            return {}
        rows = read_table(self.root / LIST)[1:]
        for line, cells in rows:
            if len(cells) < 2:
                raise UserError(f"{self.root / LIST}, line {line}: the label is missing; fix or remove that line")
        return {cells[0]: cells[1] for _, cells in rows}

    def _list(self, path: str, label: str) -> None:
        place, lock = self.root / LIST, Lock()
        if not place.exists() or place.stat().st_size == 0:
            append_line(place, HEADER, lock)
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([path, label, SPLIT])
        append_line(place, line.getvalue(), lock)


def _remove_cut_line(path: Path) -> None:
    """Remove an incomplete last line of the list, left by a crash; its correction was never confirmed.

    A line that lacks only its line break stays. Raises `UserError` if the list cannot be written.
    """
    try:
        with open(path, "rb+") as file:
            content = file.read()
            end = content.rfind(b"\n") + 1
            if content[end:] and not _is_whole(content[end:]):
                file.truncate(end)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}; the correction was not saved") from error


def _is_whole(line: bytes) -> bool:
    try:
        cells = next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return len(cells) == len(HEADER.split(",")) and cells[-1] == SPLIT


def _suffix(content: bytes) -> str:
    """Return the suffix of the actual format. Raises `UserError` for an unsupported one."""
    stored = open_stored(io.BytesIO(content), len(content), None)[1]
    if stored.format not in FILE_SUFFIXES:
        raise UserError(f"photos in {stored.format} format cannot be stored")
    return FILE_SUFFIXES[stored.format][0]


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)
