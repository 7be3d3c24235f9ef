"""Counts evaluated images that a run has seen before, and rejects them for tests."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.near_duplicates.groups import Limits
from shelfmind.analysis.near_duplicates.near_copies import near_copies
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.overlap import Overlap
from shelfmind.files import keep_most_recent, scratch_in_cache, write_atomically
from shelfmind.images.checking import check_files, verdicts_path
from shelfmind.images.content import hash_files
from shelfmind.images.fingerprinting import write_fingerprints
from shelfmind.nouns import counted, shortened
from shelfmind.progress import Counter
from shelfmind.records import Sample
from shelfmind.runs.history import History
from shelfmind.tables import write_table
from shelfmind.urls import shown_url

VERBS = {"train": "trained on", "val": "validated on"}
KEPT = 12
"""Number of near-duplicate searches that a run caches (least recently used are deleted)."""


def refuse_seen(samples: Sequence[Sample], histories: Sequence[History], purpose: str, listing: Path) -> None:
    """Raise `UserError` for usable images that a run was trained or validated on.

    `purpose` ends the message; `listing` is the CSV to write all of them to (path, use, known as).
    """
    found = seen_before(samples, histories)
    bad = {each.path for each in check_files([sample.path for sample, *_ in found], cache=verdicts_path())}
    found = [each for each in found if each[0].path not in bad]
    if not found:
        return
    write_table(listing, ("path", "use", "known as"), [(shown_url(each.path), use, name) for each, use, name in found])
    counts = [(sum(use == own for _, own, _ in found), verb) for use, verb in VERBS.items()]
    uses = " and ".join(f"{count} {'was' if count == 1 else 'were'} {verb}" for count, verb in counts if count)
    names = " or ".join(map(str, histories))
    examples = shortened([shown_url(each.path) for each, *_ in found], 3)
    raise UserError(
        f"of {counted(len(samples), 'image')} {uses} by {names}, {purpose}: {examples}. They are listed in {listing}: "
        f"remove them from the data, or continue with them with {argument('allow_seen')}"
    )


def seen_before(samples: Sequence[Sample], histories: Sequence[History]) -> list[tuple[Sample, str, str]]:
    """The samples that a run was trained or validated on: each with train or val, and its path in the run."""
    found = []
    digests = hash_files([sample.path for sample in samples])
    for sample, digest in zip(samples, digests, strict=True):
        for use in VERBS:
            known = next((history for history in histories if history.use(digest) == use), None)
            if known is not None and digest is not None:
                found.append((sample, use, known.path_of(digest)))
                break
    return found


def overlap_of(samples: Sequence[Sample], histories: Sequence[History], counter: Counter) -> Overlap:
    """How many of these usable images the runs have seen, including near-duplicates of training photos."""
    seen = seen_before(samples, histories)
    uses = [use for _, use, _ in seen]
    trained = {sample.path for sample, use, _ in seen if use == "train"}
    asked = [sample.path for sample in samples if sample.path not in trained]
    copies = near_copies_of(asked, histories, counter)
    example = next(((str(path), name) for path, name in (copies or {}).items()), None)
    return Overlap(uses.count("train"), uses.count("val"), None if copies is None else len(copies), example)


def near_copies_of(paths: Sequence[Path], histories: Sequence[History], counter: Counter) -> dict[Path, str] | None:
    """The images that are near-duplicates of training photos, each with the path in the run; None if that is unknown
    for a run."""
    copies: dict[Path, str] | None = {}
    for history in (each for known in histories for each in known.chain):
        found = _near_copies(paths, history, counter)
        copies = None if copies is None or found is None else {**found, **copies}
    return copies


def _near_copies(asked: Sequence[Path], history: History, counter: Counter) -> dict[Path, str] | None:
    """The images that are near-duplicates of a training photo, with its path in the run; None without fingerprints.

    The result is cached in the run, so that another evaluation does not compare again; without write access it is
    computed each time.
    """
    known = history.fingerprints
    if known is None:
        return None
    if not asked or not len(known):
        return {}
    folder = history.run.root / "evaluation" / "near_copies"
    path = folder / f"{_key(asked, history)}.npz"
    found = _kept(path, len(asked))
    if found is None:
        found = _compared(asked, known, counter)
        with contextlib.suppress(OSError, UserError):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda temporary: np.savez(temporary, rows=found))
            keep_most_recent(folder, "*.np[yz]", KEPT)
    names = history.training_rows
    return {path: names[index].name for path, index in zip(asked, found.tolist(), strict=True) if index >= 0}


def _compared(asked: Sequence[Path], known: npt.NDArray[np.void], counter: Counter) -> npt.NDArray[np.int64]:
    try:
        with scratch_in_cache() as scratch:
            file = scratch / "asked.npy"
            write_fingerprints(asked, file, counter("taking fingerprints", len(asked)))
            return near_copies(np.load(file, mmap_mode="r"), known, Limits(), counter)
    except OSError as error:
        raise UserError(f"fingerprints cannot be written: {error.strerror or error}; set SHELFMIND_CACHE") from error


def _key(asked: Sequence[Path], history: History) -> str:
    status = history.run.seen.stat()
    digest = hashlib.sha256(f"{Limits()}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    for content in hash_files(asked):
        digest.update(content or b"-")
    return digest.hexdigest()[:32]


def _kept(path: Path, count: int) -> npt.NDArray[np.int64] | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:  # its archive has checksums
            found = arrays["rows"]
        os.utime(path)
    except Exception:  # missing or damaged: NumPy may raise anything
        return None
    return found if found.shape == (count,) and found.dtype == np.int64 else None
