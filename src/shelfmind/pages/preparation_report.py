"""The report of `prepare`: totals, reasons, classes before and after, and example pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.cleaning.preparation_record import Figures, kind_of, outcome
from shelfmind.cleaning.rows import Row
from shelfmind.data.splits import SPLITS
from shelfmind.files import write_text
from shelfmind.pages.templates import Picture, page_template
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.pages.words import Text, say

MAX_PICTURES = 12


@dataclass(frozen=True)
class Example:
    """An image that changed: its picture, its original class, and the outcome."""

    picture: Picture
    given: str
    became: str


@dataclass(frozen=True)
class ClassLine:
    """A class under its new name: images before, after, and after by split."""

    name: str
    before: int
    after: int
    splits: tuple[int, ...]


def write_preparation_report(
    folder: Path,
    root: Path,
    rows: Sequence[Row],
    names: Mapping[str, str],
    figures: Figures,
    facts: Mapping[str, Any],
) -> None:
    """Write ``report.html`` to `folder`. The same input gives the same bytes."""
    relabelled = [row for row in rows if outcome(row, names) == "relabelled"]
    dropped: dict[str, list[Row]] = {}
    for row in rows:
        if not row.kept:
            dropped.setdefault(kind_of(row.dropped), []).append(row)
    galleries = {"relabelled": relabelled, **dict(sorted(dropped.items()))}
    page = page_template("pages/preparation.html.j2").render(
        title=say("Prepared: {}", root.name),
        figures=figures,
        key_facts=key_facts(figures),
        before={split: sum(row.split == split for row in rows) for split in SPLITS},
        splits=SPLITS,
        galleries={name: [_example(root, row) for row in _spread(of)] for name, of in galleries.items() if of},
        totals={name: len(of) for name, of in galleries.items()},
        classes=class_lines(rows, names),
        renamed=sorted((name, clean) for name, clean in names.items() if name != clean),
        notes=facts["notes"],
        facts_text=json.dumps(facts, ensure_ascii=False, indent=2),
    )
    write_text(folder / "report.html", page)


def key_facts(figures: Figures) -> list[tuple[Text, str]]:
    """Return the totals of images and classes."""
    return [
        (say("Images before"), f"{figures.images:,}"),
        (say("Images after"), f"{figures.kept:,}"),
        (say("Relabelled"), f"{figures.relabelled:,}"),
        (say("Dropped"), f"{figures.images - figures.kept:,}"),
        (say("Classes after"), f"{figures.classes:,}"),
        (say("Classes renamed"), f"{figures.renamed_classes:,}"),
    ]


def class_lines(rows: Sequence[Row], names: Mapping[str, str]) -> list[ClassLine]:
    """Return the classes by images before, largest first."""
    before = Counter(names.get(row.given, row.given) for row in rows)
    after = Counter((row.class_name, row.new_split) for row in rows if row.kept)
    lines = []
    for name in {*before, *(name for name, _ in after)}:
        splits = tuple(after[name, split] for split in SPLITS)
        lines.append(ClassLine(name, before[name], sum(splits), splits))
    return sorted(lines, key=lambda line: (-line.before, line.name))


def _spread(rows: Sequence[Row]) -> list[Row]:
    """Return a few rows spread evenly over the list."""
    if len(rows) <= MAX_PICTURES:
        return list(rows)
    return [rows[index * len(rows) // MAX_PICTURES] for index in range(MAX_PICTURES)]


def _example(root: Path, row: Row) -> Example:
    became = row.class_name if row.kept else row.dropped
    return Example(Picture(thumbnail(root / row.source), row.source), row.given, became)
