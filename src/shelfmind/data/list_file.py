"""Lists of samples as CSV files that round-trip any file or class name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from shelfmind.data.classes import normalise_class_name
from shelfmind.files import write_bytes
from shelfmind.images.photo_files import is_plain, read_file
from shelfmind.records import Sample
from shelfmind.tables import write_table


def write_list(path: Path, samples: Sequence[Sample], class_names: Sequence[str]) -> None:
    """Write these samples with their splits as a data set in the format ``csv``; it has the same class ids if every
    class has a sample.

    A CSV list cannot store every name (bytes that are not UTF-8, leading or trailing blanks). A file with such a name
    gets a link in a folder next to the list, and a photo inside a shard a copy; if a class has such a name, or two have
    the same one after normalising, all classes are named by their ids.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [str(index).zfill(6) for index in range(len(class_names))]
    if all(map(_round_trips, class_names)) and len(set(map(normalise_class_name, class_names))) == len(class_names):
        names = list(class_names)
    rows = []
    for sample in samples:
        file = sample.path if _round_trips(str(sample.path)) else _stand_in(path.parent / "links", sample.path)
        rows.append((str(file), names[sample.label], sample.split))
    write_table(path, ("path", "label", "split"), rows)


def _round_trips(text: str) -> bool:
    """Whether a cell of a CSV list is read back unchanged."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return text == text.strip() and "\0" not in text


def _stand_in(folder: Path, photo: Path) -> Path:
    """A link to the photo, or its copy, named by the photo's path: lists may share the folder."""
    folder.mkdir(exist_ok=True)
    suffix = photo.suffix if _round_trips(photo.suffix) else ""
    path = folder / f"{hashlib.sha256(os.fsencode(photo)).hexdigest()[:32]}{suffix}"
    if not is_plain(photo):
        write_bytes(path, read_file(photo))
    elif not path.is_symlink():
        os.symlink(photo, path)
    return path
