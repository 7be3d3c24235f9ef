"""Verifies the files of a data set by the lists of checksums next to them, and records them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from shelfmind.data.listing import folders_below, is_image_name
from shelfmind.data.saved_data import kept_results
from shelfmind.data.splits import relative_name
from shelfmind.errors import UserError, call
from shelfmind.files import reason, require_writable
from shelfmind.images.archives import ARCHIVE_SUFFIXES
from shelfmind.images.verified_files import read_checksums
from shelfmind.machine.checksum_lists import CHECKSUMS, checksums_in, listed_checksum, write_checksums
from shelfmind.progress import Counter

DIFFERS = "is damaged or edited: its checksum does not match"


def verify(root: Path, counter: Counter) -> list[tuple[Path, str]]:
    """Read all files of a data set that lists of checksums have, in `root`, below it and above it.

    `root` is an absolute path, of a folder or of one file. Returns the damaged and missing files, and those that no
    list has, each with what is wrong. Raises `UserError` if there are no checksums, or a list is damaged.
    """
    files, lists = _files(root)
    listed = _listed(root, [*reversed(root.parents), *(each.parent for each in lists)])
    if not listed and not lists:
        accept = call("verify", paths=[str(root)], accept=True)
        raise UserError(
            f"{root} is not a run folder, and no {CHECKSUMS} lists its files; record the checksums of a data set with: "
            f"{accept}"
        )
    faults = [(path, f"is not listed in {CHECKSUMS}") for path in files if path not in listed]
    faults += [(path, "is missing") for path in listed if not os.path.lexists(path)]
    for path, found in read_checksums([path for path in listed if os.path.lexists(path)], counter):
        if isinstance(found, OSError):
            faults.append((path, f"cannot be read: {reason(found)}"))
        elif found != listed[path]:
            faults.append((path, DIFFERS))
    return sorted(faults)


def record(root: Path, counter: Counter) -> None:
    """Write the checksums of all files of a data set to the list in `root`, or to the lists in folders below it.

    If `root` is a file, only its own line is replaced. Raises `UserError` if there is neither an image nor a shard, a
    file cannot be read, or a list cannot be written.
    """
    files, lists = _files(root)
    if root.is_dir():
        if not any(is_image_name(path.name) or path.suffix.lower() in ARCHIVE_SUFFIXES for path in files):
            raise UserError(f"there is neither an image nor a shard in {root}; give the folder of a data set")
        recorded: dict[Path, dict[str, str]] = {folder: {} for folder in (root, *(each.parent for each in lists))}
    else:
        found_in = listed_checksum(root)
        folder = root.parent if found_in is None else found_in[0].parent
        recorded = {folder: dict(checksums_in(folder))}
    for folder in recorded:
        require_writable(folder / CHECKSUMS)
    for path, found in read_checksums(files, counter):
        if isinstance(found, OSError):
            raise UserError(f"{path} cannot be read: {reason(found)}; no checksum was recorded") from found
        folder = next(each for each in path.parents if each in recorded)
        recorded[folder][relative_name(path, folder)] = found
    for folder, checksums in recorded.items():
        write_checksums(folder, checksums)


def _files(root: Path) -> tuple[list[Path], list[Path]]:
    """The files at `root` that are not hidden, without `kept_results`, and the lists of checksums among them."""
    found = [root] if root.is_file() else [path for each in folders_below(root) for part in each for path in part]
    results: Iterable[Path] = ()
    with suppress(UserError):  # a missing or damaged file that its list has, too
        results = kept_results(found, found)
    left_out = frozenset(results)
    files = [path for path in found if path not in left_out and os.path.isfile(path)]
    lists = [path for path in files if path.name == CHECKSUMS]
    return [path for path in files if path.name != CHECKSUMS], lists


def _listed(root: Path, folders: Iterable[Path]) -> dict[Path, str]:
    """The checksums of `root` or of the files below it in the lists of these folders; later folders take precedence."""
    below = os.path.join(root, "")
    found: dict[Path, str] = {}
    for folder in folders:
        for name, checksum in checksums_in(folder).items():
            path = os.path.join(folder, name)
            if path.startswith(below) or path == str(root):
                found[Path(path)] = checksum
    return found
