"""Data sources: read every kind of data set into a `Catalog`."""

from __future__ import annotations

import os
from pathlib import Path

from shelfmind.data.assembling import require_two_classes
from shelfmind.data.classes import normalise_class_name
from shelfmind.data.detection import detect_format, detect_shards, needed_format
from shelfmind.data.object_tree import catalog_of_objects
from shelfmind.data.shards import prepare_shards
from shelfmind.data.sources import SOURCES
from shelfmind.errors import UserError, unknown_name
from shelfmind.object_stores.objects import see_changes
from shelfmind.progress import Counter, count_silently
from shelfmind.records import Catalog
from shelfmind.requests.shared import require_path
from shelfmind.urls import is_url

__all__ = [
    "SOURCES",
    "absolute",
    "detect_format",
    "is_present",
    "needed_format",
    "normalise_class_name",
    "open_catalog",
    "require_outside",
]


def absolute(root: Path | str) -> Path:
    """The absolute path of a data set, with ``~`` expanded and links not resolved; a URL is returned unchanged."""
    return Path(root) if is_url(root) else Path(os.path.abspath(os.path.expanduser(root)))


def is_present(root: Path) -> bool:
    """Whether a data set is still there; an object store is asked only when it is read."""
    return is_url(root) or root.exists()


def require_outside(root: Path, out: Path) -> None:
    """Raise `UserError` if output written to `out` would land inside the data set's folder."""
    real_root, real_out = os.path.realpath(root), os.path.realpath(out)
    if os.path.isdir(real_root) and Path(real_out).is_relative_to(real_root):
        raise UserError(f"{out} is inside the data set {root}; choose a folder outside it")


def open_catalog(
    root: Path | str,
    format: str | None = None,
    seed: int = 0,
    same_names: bool = False,
    one_class: bool = False,
    counter: Counter = count_silently,
) -> Catalog:
    """Read the data set at `root` into a catalog, detecting its format unless `format` is given.

    `seed` decides the random split of a data set without one; see `sources.Read` for `same_names`. `one_class` allows
    data with a single class, enough to evaluate a run but not to train one. Paths in the catalog are absolute, or URLs.
    Images are not opened: see `checking.check_files`. `counter` shows how shards are fetched and listed. Raises
    `UserError`, with a remedy, if the data cannot be used.
    """
    if format is not None and format not in SOURCES:
        raise unknown_name("format", format, SOURCES)
    root = absolute(root)
    require_path(root)
    see_changes()
    try:
        catalog = _read(root, format, seed, same_names, counter)
    except PermissionError as error:
        raise UserError(f"no permission to read {error.filename or root}; run: chmod -R u+rX '{root}'") from error
    if not one_class:
        require_two_classes(catalog)
    return catalog


def _read(root: Path, wanted: str | None, seed: int, same_names: bool, counter: Counter) -> Catalog:
    if is_url(root) and wanted is None:
        wanted = detect_shards(root)
    if is_url(root) and (wanted is None or not SOURCES[wanted].shards):
        return catalog_of_objects(root, lambda outline: _read(outline, wanted, seed, same_names, counter))
    source = SOURCES[wanted or detect_format(root)]
    if source.shards:
        prepare_shards(root, source.shards, counter)
    return source.read(root, seed, same_names)
