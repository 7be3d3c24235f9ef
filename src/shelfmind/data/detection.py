"""Detects the format of a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shelfmind.data.listing import list_images, subfolders
from shelfmind.data.sources import SOURCES, Source
from shelfmind.errors import UserError, argument
from shelfmind.nouns import counted, shortened
from shelfmind.requests.shared import require_path
from shelfmind.urls import is_url, shown_url

_ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})


def detect_format(root: Path) -> str:
    """The name of the format of the data at `root`.

    Raises `UserError` if the path is missing, if no known format fits, or if more than one does; the message lists what
    was looked for and what was found.
    """
    require_path(root)
    found = _matching(root, lambda source: source.exclusive) or _matching(root, lambda source: not source.exclusive)
    if found is None:
        raise _no_known_format(root)
    return found


def detect_shards(root: Path) -> str | None:
    """The name of the format of the shards at `root`, which may be a URL; None if it holds anything else.

    Raises `UserError` if there are shards of several formats.
    """
    return _matching(root, lambda source: bool(source.shards))


def needed_format(root: Path, format: str) -> str | None:
    """The format to give in order to open the data at `root` as this format; None if it is detected.

    Object stores are not asked: their format is always given.
    """
    if is_url(root):
        return format
    try:
        return None if detect_format(root) == format else format
    except UserError:
        return format


def _matching(root: Path, chosen: Callable[[Source], bool]) -> str | None:
    fitting = [name for name, source in SOURCES.items() if chosen(source) and source.matches(root)]
    if len(fitting) > 1:
        there = " as well as ".join(SOURCES[name].description for name in fitting)
        formats = ", or ".join(argument("format", name) for name in fitting)
        raise UserError(f"{shown_url(root)} contains {there}; choose one with {formats}, or give the path of a file")
    return fitting[0] if fitting else None


def _no_known_format(root: Path) -> UserError:
    if root.is_dir():
        looked_for = ", ".join(source.description for source in SOURCES.values())
        return UserError(f"no data set in {root}: looked for {looked_for}; found {_contents(root)}")
    if root.suffix.lower() in _ARCHIVES:
        return UserError(f"{root} is a compressed archive; extract it and give the folder")
    return UserError(
        f"{root} is not a UTF-8 CSV file with the columns path,label[,split] in its header; "
        "give such a file, a .tar or .parquet file, or a folder of images"
    )


def _contents(root: Path) -> str:
    """A short description of a folder's contents, for messages."""
    folders = [f"{path.name}/" for path in subfolders(root)]
    others = list_images(root, recursive=False).others
    files = [counted(count, f"{suffix or 'other'} file") for suffix, count in sorted(others.items())]
    return shortened([*folders, *files]) or "an empty folder"
