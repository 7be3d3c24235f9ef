"""Data sources: every kind of data set becomes a `Catalog`."""

from __future__ import annotations

import os
from pathlib import Path

from shelfmind.data.assembling import require_two_classes
from shelfmind.data.classes import normalise_class_name
from shelfmind.data.detection import detect_format
from shelfmind.data.sources import SOURCES
from shelfmind.errors import UserError, unknown_name
from shelfmind.records import Catalog
from shelfmind.requests.shared import require_path

__all__ = ["SOURCES", "absolute", "detect_format", "normalise_class_name", "open_catalog", "require_outside"]


def absolute(root: Path | str) -> Path:
    """The absolute path of a data set, ``~`` resolved, links not."""
    return Path(os.path.abspath(os.path.expanduser(root)))


def require_outside(root: Path, out: Path) -> None:
    """Raise `UserError` if what is written to `out` would become a part of the data set's folder."""
    real_root, real_out = os.path.realpath(root), os.path.realpath(out)
    if os.path.isdir(real_root) and Path(real_out).is_relative_to(real_root):
        raise UserError(f"{out} lies in the data set {root}, of which it would become a part; choose another folder")


def open_catalog(
    root: Path | str, format: str | None = None, seed: int = 0, same_names: bool = False, one_class: bool = False
) -> Catalog:
    """The catalog of the data at `root`, whose format is found out unless it is given.

    `seed` decides the split where the data has none; see `sources.Read` for `same_names`. With `one_class` photos of a
    single product will do, which a run can be judged by though nothing can be learnt from them. Paths come out
    absolute.
    Images are not opened: see `checking.check_files`. Raises `UserError` for everything that makes the data unusable,
    with what to do.
    """
    if format is not None and format not in SOURCES:
        raise unknown_name("format", format, SOURCES)
    root = absolute(root)
    require_path(root)
    try:
        catalog = SOURCES[format or detect_format(root)].read(root, seed, same_names)
    except PermissionError as error:
        raise UserError(f"no permission to read {error.filename or root}; run: chmod -R u+rX '{root}'") from error
    if not one_class:
        require_two_classes(catalog)
    return catalog
