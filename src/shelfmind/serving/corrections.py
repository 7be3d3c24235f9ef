"""What people correct: each photo once, the name that it was given, and their decisions, as `prepare` reads them.

The folder is a data set: ``list.csv`` names its photos with what the recogniser called them, ``review.jsonl`` is the
log of decisions on them.
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
from shelfmind.files import exclusively, make_folder, write_atomically
from shelfmind.images.decoding import FILE_SUFFIXES, open_stored
from shelfmind.serving.audit_log import append_line
from shelfmind.tables import read_table

LIST, PHOTOS = "list.csv", "photos"
HEADER = "path,label,split"
SPLIT = "train"
NAMELESS = "unknown"
"""The label of a photo that the recogniser gave no name."""


class Corrections:
    """The folder of corrections. Safe in threads, and beside other processes."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / FILE_NAME
        self._thread = Lock()

    def add(self, content: bytes, said: str, decision: str, label: str | None, reviewer: str) -> Decision:
        """Keep a photo that can be decoded, and what somebody decided about it; all is on the disk then.

        Raises:
            ValueError: a decision that makes no sense.
            UserError: it cannot be written.
        """
        path = f"{PHOTOS}/{hashlib.sha256(content).hexdigest()}{_suffix(content)}"
        decide(reviewer, path, said or NAMELESS, decision, label)  # makes sense, before anything is written
        make_folder(self.root / PHOTOS)
        with self._thread, exclusively(self.root / ".lock"):
            labels = self._labels()
            if path not in labels:
                write_atomically(self.root / path, lambda temporary: _fill(temporary, content))
                self._list(path, said or NAMELESS, is_first=not labels)
            made = decide(reviewer, path, labels.get(path, said or NAMELESS), decision, label)
            append_decision(self.log, made)
        return made

    def take_back(self, id: str, reviewer: str) -> Decision:
        """Undo a decision. Raises `LookupError` if there is none that stands."""
        with self._thread:
            found = next((each for each in self.standing() if each.id == id), None)
            if found is None:
                raise LookupError(id)
            make_folder(self.root)
            with exclusively(self.root / ".lock"):
                append_decision(self.log, take_back(found, reviewer))
        return found

    def standing(self) -> list[Decision]:
        """The decisions that hold, the newest first."""
        if not self.log.exists():
            return []
        found = [each for of in standing(read_decisions(self.log)).values() for each in of.values()]
        return sorted(found, key=lambda each: each.time, reverse=True)

    def _labels(self) -> Mapping[str, str]:
        if not (self.root / LIST).exists():
            return {}
        return {cells[0]: cells[1] for _, cells in read_table(self.root / LIST)[1:]}

    def _list(self, path: str, label: str, is_first: bool) -> None:
        lock = Lock()
        if is_first and not (self.root / LIST).exists():
            append_line(self.root / LIST, HEADER, lock)
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([path, label, SPLIT])
        append_line(self.root / LIST, line.getvalue(), lock)


def _suffix(content: bytes) -> str:
    """By what is in the file. Raises `UserError` for what cannot be used."""
    stored = open_stored(io.BytesIO(content), len(content), None)[1]
    if stored.format not in FILE_SUFFIXES:
        raise UserError(f"a photo of the format {stored.format} cannot be kept")
    return FILE_SUFFIXES[stored.format][0]


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)
