"""Data sources: read every kind of data set into a `Catalog`."""

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
    """The absolute path of a data set, with ``~`` expanded and links not resolved."""
    return Path(os.path.abspath(os.path.expanduser(root)))


def require_outside(root: Path, out: Path) -> None:
    """Raise `UserError` if output written to `out` would land inside the data set's folder."""
    real_root, real_out = os.path.realpath(root), os.path.realpath(out)
    if os.path.isdir(real_root) and Path(real_out).is_relative_to(real_root):
        raise UserError(f"{out} is inside the data set {root}; choose a folder outside it")


def open_catalog(
    root: Path | str, format: str | None = None, seed: int = 0, same_names: bool = False, one_class: bool = False
) -> Catalog:
    """Read the data set at `root` into a catalog, detecting its format unless `format` is given.

    `seed` decides the random split of a data set without one; see `sources.Read` for `same_names`. `one_class` allows
    data with a single class, enough to evaluate a run but not to train one. Paths in the catalog are absolute.
    Images are not opened: see `checking.check_files`. Raises `UserError`, with a remedy, if the data cannot be used.
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
