"""Lists folders of images in natural order, skipping hidden files and counting files that are not images."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.images.decoding import IMAGE_SUFFIXES
from shelfmind.machine.checksum_lists import CHECKSUMS
from shelfmind.nouns import counted, shortened

_SYSTEM_FOLDERS = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})
_DIGITS = re.compile(r"(\d+)")


@dataclass
class Listing:
    """The contents of a folder and its subfolders: image files, the folders they are in, and counts of other files by
    suffix.

    `circular_links` lead to a parent folder and are not followed. Links to folders or images outside the data set are
    followed.
    """

    images: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    circular_links: list[Path] = field(default_factory=list)
    outside_folders: list[Path] = field(default_factory=list)
    outside_images: list[Path] = field(default_factory=list)

    def add_others(self, others: dict[str, int]) -> None:
        """Add counts of other files by suffix."""
        for suffix, count in others.items():
            self.others[suffix] = self.others.get(suffix, 0) + count

    def add(self, other: Listing) -> None:
        """Merge the skipped files and the outside links of another listing, but not its images."""
        self.add_others(other.others)
        self.circular_links += other.circular_links
        self.outside_folders += other.outside_folders
        self.outside_images += other.outside_images


def natural_key(text: str) -> tuple[list[str | int], str]:
    """Sort key that puts 2.jpg before 10.jpg and orders 01.jpg and 1.jpg deterministically."""
    parts = _DIGITS.split(text)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], text


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image; its content is checked later."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def subfolders(folder: Path) -> list[Path]:
    """The direct subfolders of `folder` in natural order, without hidden and system folders and circular links."""
    return [folder / name for name in _read_level(folder, os.path.realpath(folder)).folders]


def folders_below(folder: Path) -> Iterator[tuple[list[Path], list[Path]]]:
    """The images and the other files of `folder` and of each folder below it, without hidden and system files.

    Links are followed, except circular ones.
    """
    yield from _folders_below(folder, [_identity(folder)])


def list_images(folder: Path, recursive: bool = True, root: Path | None = None) -> Listing:
    """All images in `folder` and, if `recursive`, below it; links are followed, except circular ones.

    `root` is the data set that contains the folder, if the folder is not itself the data set.
    """
    root = folder if root is None else root
    found = Listing()
    ancestors = [_identity(each) for each in (root, *(root / part for part in _between(root, folder)))]
    _collect(folder, recursive, found, os.path.realpath(root), ancestors)
    return found


def note_others(others: dict[str, int]) -> list[str]:
    """A note on files that were skipped because their suffix is not that of an image; empty if there are none."""
    if not others:
        return []
    ranked = sorted(others.items(), key=lambda each: (-each[1], each[0]))
    kinds = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in ranked)
    return [f"{counted(sum(others.values()), 'file was', 'files were')} skipped, not an image by suffix: {kinds}"]


def note_circular_links(links: Iterable[str]) -> list[str]:
    """A note on links that were not followed because they lead to a parent folder; empty if there are none."""
    names = shortened(links)
    return [f"circular links were not followed: {names}"] if names else []


def note_links(listing: Listing, root: Path) -> list[str]:
    """Notes on circular links that were not followed, and on links that leave the data set."""
    notes = note_circular_links(os.path.relpath(link, root) for link in listing.circular_links)
    folders, images = listing.outside_folders, listing.outside_images
    if folders:
        names = shortened(f"{os.path.relpath(link, root)} (to {os.path.realpath(link)})" for link in folders)
        notes.append(f"links to folders outside the data set were followed: {names}")
    if images:
        what = counted(len(images), "image is a link to a file", "images are links to files")
        names = shortened((os.path.relpath(link, root) for link in images), 3)
        notes.append(f"{what} outside the data set: {names}")
    return notes


def count_by_suffix(names: Iterable[str]) -> dict[str, int]:
    """Counts of names by lower-case suffix."""
    counts: dict[str, int] = {}
    for name in names:
        suffix = os.path.splitext(name)[1].lower()
        counts[suffix] = counts.get(suffix, 0) + 1
    return counts


_Identity = tuple[int, int]


@dataclass
class _Level:
    """The direct contents of a folder, by name."""

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    circular_links: list[str] = field(default_factory=list)
    outside_folders: list[str] = field(default_factory=list)
    outside_images: list[str] = field(default_factory=list)


def _collect(folder: Path, recursive: bool, found: Listing, real_root: str, ancestors: list[_Identity]) -> None:
    """Add the contents of `folder` to `found`; `ancestors` are its parent folders and the folder itself."""
    level = _read_level(folder, real_root)
    found.images.extend(folder / name for name in level.images)
    if level.images:
        found.folders.append(folder)
    found.add_others(count_by_suffix(name for name in level.others if name != CHECKSUMS))
    found.circular_links.extend(folder / name for name in level.circular_links)
    found.outside_folders.extend(folder / name for name in level.outside_folders)
    found.outside_images.extend(folder / name for name in level.outside_images)
    for name in level.folders if recursive else ():
        below = folder / name
        identity = _identity(below)
        if identity in ancestors:
            found.circular_links.append(below)
        else:
            _collect(below, recursive, found, real_root, [*ancestors, identity])


def _folders_below(folder: Path, ancestors: list[_Identity]) -> Iterator[tuple[list[Path], list[Path]]]:
    level = _read_level(folder, os.path.realpath(folder))
    yield [folder / name for name in level.images], [folder / name for name in level.others]
    for name in level.folders:
        identity = _identity(folder / name)
        if identity not in ancestors:
            yield from _folders_below(folder / name, [*ancestors, identity])


def _read_level(folder: Path, real_root: str) -> _Level:
    level = _Level()
    real_folder = os.path.realpath(folder)
    with _scan(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            is_folder = _is_folder(entry)
            if is_folder is None:
                level.circular_links.append(entry.name)
            elif is_folder:
                target = os.path.realpath(entry.path) if entry.is_symlink() else None
                if target is not None and _is_below(real_folder, target):
                    level.circular_links.append(entry.name)
                    continue
                level.folders.append(entry.name)
                if target is not None and not _is_below(target, real_root):
                    level.outside_folders.append(entry.name)
            elif is_image_name(entry.name):  # broken links too: the check reports them as missing
                level.images.append(entry.name)
                if entry.is_symlink() and not _is_below(_linked(entry.path, real_folder), real_root):
                    level.outside_images.append(entry.name)
            else:
                level.others.append(entry.name)
    for names in (level.images, level.folders, level.circular_links, level.outside_folders, level.outside_images):
        names.sort(key=natural_key)
    return level


def _is_folder(entry: os.DirEntry[str]) -> bool | None:
    """None for a link to itself, unless it is named like an image: then the check reports it as bad."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False if is_image_name(entry.name) else None


def _linked(link: str, real_folder: str) -> str:
    """The target of a link to a file. Folders are resolved once, because a data set may consist of links only."""
    target = os.path.join(real_folder, os.readlink(link))
    return os.path.join(_resolved(os.path.dirname(target)), os.path.basename(target))


@lru_cache(4096)
def _resolved(folder: str) -> str:
    return os.path.realpath(folder)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _between(root: Path, folder: Path) -> list[Path]:
    """The paths from below `root` down to `folder`, relative to `root`."""
    if not folder.is_relative_to(root):
        return [folder]
    steps = folder.relative_to(root)
    return [path for path in (*reversed(steps.parents), steps) if path.parts]


def _identity(folder: Path) -> _Identity:
    try:
        status = os.stat(folder)
    except OSError as error:
        raise _unreadable(folder, error) from error
    return status.st_dev, status.st_ino


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def _scan(folder: Path) -> os._ScandirIterator[str]:  # the type that os.scandir returns has no public name
    try:
        return os.scandir(os.fspath(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> UserError:
    if isinstance(error, PermissionError):
        return UserError(f"no permission to read the folder {folder}; run: chmod -R u+rX '{folder}'")
    return UserError(f"cannot read the folder {folder}: {error.strerror or error}")
