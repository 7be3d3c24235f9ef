"""The record of a cleaned data set: settings, digests and counts, the outcome of every image, the mapping of names."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from shelfmind.cleaning.rows import Row
from shelfmind.data.splits import SPLITS
from shelfmind.files import write_json
from shelfmind.machine.checksums import file_sha256
from shelfmind.tables import write_table

IMAGES_FILE, NAMES_FILE, FACTS_FILE = "prepare.csv", "class_names.csv", "prepare.json"
COLUMNS = ("source", "source_split", "source_class", "outcome", "reason", "decided", "split", "class", "target")
_PACKAGES = ("shelfmind", "numpy", "pillow")


@dataclass(frozen=True)
class Figures:
    """The statistics of a preparation; `dropped` counts by reason, without names."""

    images: int
    kept: int
    relabelled: int
    renamed_classes: int
    dropped: Mapping[str, int]
    splits: Mapping[str, int]
    classes: int
    lost_classes: Sequence[str]
    unsettled: int
    skipped_decisions: int


def outcome(row: Row, names: Mapping[str, str]) -> str:
    """The outcome of a row: "dropped", "relabelled" (to a class other than its own class's clean name) or "kept"."""
    if not row.kept:
        return "dropped"
    return "kept" if row.class_name == names.get(row.given, row.given) else "relabelled"


def summarise(rows: Sequence[Row], names: Mapping[str, str], unsettled: int, skipped_decisions: int) -> Figures:
    """The statistics of these rows."""
    kept = [row for row in rows if row.kept]
    outcomes = Counter(outcome(row, names) for row in rows)
    splits = Counter(row.new_split for row in kept)
    classes = {row.class_name for row in kept}
    return Figures(
        images=len(rows),
        kept=len(kept),
        relabelled=outcomes["relabelled"],
        renamed_classes=sum(name != clean for name, clean in names.items()),
        dropped=dict(sorted(Counter(kind_of(row.dropped) for row in rows if not row.kept).items())),
        splits={split: splits[split] for split in SPLITS},
        classes=len(classes),
        lost_classes=sorted({names.get(row.given, row.given) for row in rows} - classes),
        unsettled=unsettled,
        skipped_decisions=skipped_decisions,
    )


def kind_of(reason: str) -> str:
    """The reason without image-specific details, for counting."""
    return reason.partition(":")[0]


def write_record(
    folder: Path, rows: Sequence[Row], targets: Sequence[str], names: Mapping[str, str], facts: Mapping[str, Any]
) -> None:
    """Write ``prepare.csv`` (one row per image), ``class_names.csv`` (the reverse mapping) and ``prepare.json``."""
    lines = (
        (row.source, row.split, row.given, outcome(row, names), row.dropped, row.decided)
        + ((row.new_split, row.class_name, target) if row.kept else ("", "", ""))
        for row, target in zip(rows, targets, strict=True)
    )
    write_table(folder / IMAGES_FILE, COLUMNS, lines)
    write_table(folder / NAMES_FILE, ("source_class", "class"), sorted(names.items()))
    write_json(folder / FACTS_FILE, facts)


def versions(*more: str) -> dict[str, str]:
    """The versions that determine the output bytes: Python, shelfmind's dependencies and `more`."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in (*_PACKAGES, *more)}}


def digests(paths: Iterable[Path]) -> list[str]:
    """The SHA-256 of each file's content."""
    return [file_sha256(path) for path in paths]
