"""Lists of samples as CSV files that round-trip any file or class name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from shelfmind.records import Sample
from shelfmind.tables import write_table


def write_list(path: Path, samples: Sequence[Sample], class_names: Sequence[str]) -> None:
    """Write these samples with their splits as a data set in the format ``csv``; it has the same class ids if every
    class has a sample.

    A CSV list cannot store every name (bytes that are not UTF-8, leading or trailing blanks). A file with such a name
    gets a link in a folder next to the list; if a class has such a name, all classes are named by their ids.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [str(index).zfill(6) for index in range(len(class_names))]
    if all(map(_round_trips, class_names)):
        names = list(class_names)
    rows = []
    for index, sample in enumerate(samples):
        file = sample.path if _round_trips(str(sample.path)) else _link(path.parent / "links", index, sample.path)
        rows.append((str(file), names[sample.label], sample.split))
    write_table(path, ("path", "label", "split"), rows)


def _round_trips(text: str) -> bool:
    """Whether a cell of a CSV list is read back unchanged."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return text == text.strip() and text.isprintable()


def _link(folder: Path, index: int, target: Path) -> Path:
    folder.mkdir(exist_ok=True)
    link = folder / f"{index}{target.suffix if _round_trips(target.suffix) else ''}"
    if not link.is_symlink():
        os.symlink(target, link)
    return link
