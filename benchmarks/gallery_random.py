"""Stress-test a gallery with random operations and killed writers, and compare it with a dictionary.

    taskset -c 0 python benchmarks/gallery_random.py --operations 24000 --json gallery_random.json

In rounds, two concurrent processes enrol, remove, rename, merge, roll back and compact at random. In every other
round, one or both are ended by SIGKILL at a random moment. Each logs what it is about to do and the outcome. After a
round, the gallery's log is replayed on the dictionary, change by change, and must match the writers' logs: each
confirmed change once, no rejected change, and of an unconfirmed change either everything or nothing. Then the gallery
must have the same content as the dictionary, at the newest version and at some earlier ones, with the right vector for
every photo, and `verify` must find no fault. A difference ends the run with an error.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from command import exit_status, parser_of
from gallery_model import Operation, Products, applied, performed, products, random_operation

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.verification import verify

WRITERS = 2
AT_MOST = 120
"""Operations per writer and round."""


class ByContent:
    """Derives a photo's vector from its content."""

    identity: Mapping[str, Any] = {"weights": "drawn", "width": 8}

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return one vector per photo."""
        return np.stack([self.vector(photo) for photo in photos])

    def vector(self, photo: bytes) -> Floats:
        """Return a unit vector."""
        seed = int.from_bytes(hashlib.sha256(photo).digest()[:8], "big")
        row = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
        unit: Floats = row / np.linalg.norm(row)
        return unit


EMBEDDER = ByContent()


def write(folder: Path, name: str, seed: int, count: int) -> None:
    """Run a writer: this many operations, each logged before and after."""
    rng, gallery = random.Random(seed), Gallery(LocalFiles(folder))
    with open(journal_of(folder, name), "ab", buffering=0) as journal:
        for number in range(count):
            operation = random_operation(rng, gallery.state.version)
            note = {"number": number, "from": gallery.state.version, "operation": operation}
            journal.write(json.dumps(note).encode() + b"\n")
            try:
                made = performed(operation, gallery, EMBEDDER, Attribution(name, str(number)))
                note = {"number": number, "made": made, "to": gallery.state.version}
            except UserError as error:
                note = {"number": number, "refused": str(error), "to": gallery.state.version}
            journal.write(json.dumps(note).encode() + b"\n")


def journal_of(folder: Path, name: str) -> Path:
    """Return the log file of a writer."""
    return folder.with_name(f"{name}.jsonl")


def noted(folder: Path, name: str) -> list[Operation]:
    """Return a writer's log, one record per operation; the outcome of the last may be missing."""
    found: list[Operation] = []
    for line in journal_of(folder, name).read_text().splitlines():
        note = json.loads(line)
        if "operation" in note:
            found.append(note)
        else:
            found[-1] |= note
    return found


class DifferenceError(Exception):
    """The gallery differs from the model."""


def require(holds: bool, *what: Any) -> None:
    """Raise `DifferenceError` unless the condition holds."""
    if not holds:
        raise DifferenceError(" ".join(map(str, what)))


class Life:
    """A gallery and its model."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.gallery = Gallery.create(LocalFiles(folder), EMBEDDER, Attribution("benchmark"))
        self.versions: list[Products] = [{}]
        self.counts: Counter[str] = Counter()
        self.rounds = 0

    def round(self) -> None:
        """Run writers, kill some, and compare."""
        names = [f"{self.rounds}-{number}" for number in range(WRITERS)]
        context = multiprocessing.get_context("fork")
        writers = [
            context.Process(
                target=write, args=(self.folder, name, self.rng.getrandbits(64), self.rng.randint(20, AT_MOST))
            )
            for name in names
        ]
        for writer in writers:
            writer.start()
        if self.rounds % 2:
            while all(writer.is_alive() and not journal_of(self.folder, names[0]).exists() for writer in writers):
                time.sleep(0.01)
            time.sleep(self.rng.random() * 3)
            for writer in self.rng.sample(writers, self.rng.randint(1, WRITERS)):
                if writer.is_alive() and writer.pid is not None:
                    os.kill(writer.pid, signal.SIGKILL)
                    self.counts["killed"] += 1
        for writer in writers:
            writer.join()
        self.rounds += 1
        for writer in writers:
            require(writer.exitcode in (0, -signal.SIGKILL), "a writer failed:", writer.exitcode)
        self.compare({name: noted(self.folder, name) for name in names if journal_of(self.folder, name).exists()})
        for name in names:
            journal_of(self.folder, name).unlink(missing_ok=True)

    def compare(self, journals: dict[str, list[Operation]]) -> None:
        """Replay the log on the model and compare both."""
        self.gallery = Gallery(LocalFiles(self.folder))
        logged = {}
        for summary in self.gallery.state.history[len(self.versions) :]:
            note = journals[summary.author][int(summary.reason)]
            after = applied(note["operation"], self.versions)
            changed = after != self.versions[-1] or note["operation"]["kind"] == "compact"
            require(after is not None and changed, "must not be in the log:", summary, note)
            self.versions.append(after or {})
            logged[summary.author, int(summary.reason)] = summary.version
        for name, notes in journals.items():
            for number, note in enumerate(notes):
                self._compare_outcome(note, logged.get((name, number)))
        self._compare_states()

    def _compare_outcome(self, note: Operation, logged: int | None) -> None:
        operation = note["operation"]
        self.counts[operation["kind"]] += 1
        self.counts["operations"] += 1
        if "to" not in note:
            self.counts["unconfirmed, in the log" if logged else "unconfirmed, not in the log"] += 1
            return
        require(note.get("made") == logged, "confirmed otherwise than logged:", note, logged)
        if logged is not None or operation["kind"] == "compact":
            return
        self.counts["refused" if "refused" in note else "nothing to change"] += 1
        seen = range(note["from"], note["to"] + 1)
        outcomes = [applied(operation, self.versions[:version]) for version in seen]
        forgotten = operation["kind"] == "rollback" and operation["version"] < self.gallery.state.first_version
        if "refused" in note:
            require(forgotten or None in outcomes, "rejected, but should be accepted:", note)
        else:
            same = any(after == self.versions[version - 1] for after, version in zip(outcomes, seen, strict=True))
            require(same, "changed nothing, but should have:", note)

    def _compare_states(self) -> None:
        state = self.gallery.state
        require(state.version == len(self.versions), "versions:", state.version, len(self.versions))
        require(products(state) == self.versions[-1], "products:", products(state), self.versions[-1])
        for _ in range(5):
            version = self.rng.randint(max(state.first_version, 1), state.version)
            require(products(self.gallery.at(version)) == self.versions[version - 1], "at version", version)
        entries, vectors = self.gallery.vectors()
        for entry, row in zip(entries, vectors, strict=True):
            right = np.allclose(row, EMBEDDER.vector(entry.photo[:-4].encode()), atol=1e-6)
            require(right, "the vector of", entry)
        faults = verify(self.gallery.files)
        require(not faults, "verify:", faults)


def lived(folder: Path, operations: int, seed: int) -> dict[str, int]:
    """Run at least this many operations. Return the counts by kind. Raises `DifferenceError`."""
    life = Life(folder, seed)
    while life.counts["operations"] < operations:
        life.round()
        if life.rounds % 10 == 0:
            print(f"{life.counts['operations']:,} operations, version {len(life.versions):,}", flush=True)
    return {"rounds": life.rounds, "versions": len(life.versions), **dict(sorted(life.counts.items()))}


def main() -> None:
    """Run everything and print the results."""
    parser = parser_of(__doc__)
    parser.add_argument("--operations", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given: argparse.Namespace = parser.parse_args()
    start = time.perf_counter()
    with TemporaryDirectory() as scratch:
        counts = lived(Path(scratch) / "gallery", given.operations, given.seed)
    figures = {**counts, "differences": 0, "minutes": round((time.perf_counter() - start) / 60, 1)}
    print(figures)
    if given.json is not None:
        write_json(given.json, figures)


if __name__ == "__main__":
    sys.exit(exit_status(main))
