"""Lists folders of images: stable natural order, hidden files passed over, what is not an image counted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.images import IMAGE_SUFFIXES
from shelfmind.errors import UserError

_BY_THE_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})
_DIGITS = re.compile(r"(\d+)")


@dataclass
class Listing:
    """What lies below a folder: image files by suffix, and how many files of other kinds by suffix."""

    images: list[Path] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)

    def add_others(self, others: dict[str, int]) -> None:
        """Add such counts of files by suffix."""
        for suffix, count in others.items():
            self.others[suffix] = self.others.get(suffix, 0) + count


def natural_key(text: str) -> tuple[list[str | int], str]:
    """Sorts 2.jpg before 10.jpg, and 01.jpg and 1.jpg always the same way."""
    parts = _DIGITS.split(text)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], text


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image; its content is checked later."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in `folder`, natural order, hidden ones and the system's left out."""
    with _scan(folder) as entries:
        names = [entry.name for entry in entries if not _is_hidden(entry.name) and entry.is_dir()]
    return [folder / name for name in sorted(names, key=natural_key)]


def list_images(folder: Path, recursive: bool = True) -> Listing:
    """All images in `folder` and, if `recursive`, below it; links are followed, but not in circles."""
    found = Listing()
    _collect(folder, recursive, found, ())
    return found


def note_others(others: dict[str, int]) -> list[str]:
    """A note on the files that were left out because their names are not those of images; none if there are none."""
    if not others:
        return []
    kinds = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in sorted(others.items()))
    return [f"{sum(others.values())} files are not images by name and were left out: {kinds}"]


def count_by_suffix(names: Iterable[str]) -> dict[str, int]:
    """How many names end in each suffix, lower case."""
    counts: dict[str, int] = {}
    for name in names:
        suffix = os.path.splitext(name)[1].lower()
        counts[suffix] = counts.get(suffix, 0) + 1
    return counts


def _collect(folder: Path, recursive: bool, found: Listing, above: tuple[tuple[int, int], ...]) -> None:
    images: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    with _scan(folder) as entries:
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            else:  # a broken link too: the check says that it is missing
                (images if is_image_name(entry.name) else others).append(entry.name)
    found.images.extend(folder / name for name in sorted(images, key=natural_key))
    found.add_others(count_by_suffix(others))
    if not recursive or not folders:
        return
    status = os.stat(folder)
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for name in sorted(folders, key=natural_key):
        _collect(folder / name, recursive, found, (*above, here))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _BY_THE_SYSTEM


def _scan(folder: Path) -> os._ScandirIterator[str]:  # the type that os.scandir returns has no public name
    try:
        return os.scandir(os.fspath(folder))
    except PermissionError as error:
        raise UserError(f"no permission to read the folder {folder}; run: chmod -R u+rX '{folder}'") from error
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror or error}") from error
