"""Data sources: every kind of data set becomes a `Catalog`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from shelfmind.data.classes import normalise_class_name
from shelfmind.data.csv_file import csv_catalog
from shelfmind.data.detection import detect_format, require_path
from shelfmind.data.folder import folder_catalog
from shelfmind.data.grocery_store import grocery_store_catalog
from shelfmind.data.rp2k import rp2k_catalog
from shelfmind.errors import UserError, unknown_name
from shelfmind.records import Catalog

__all__ = ["SOURCES", "Source", "absolute", "detect_format", "normalise_class_name", "open_catalog"]


class Source(Protocol):
    """Reads one format. `seed` decides the split where the data has none; names that are the same after normalising are
    refused unless `same_names` allows them."""

    def __call__(self, root: Path, seed: int = 0, same_names: bool = False) -> Catalog: ...


SOURCES: dict[str, Source] = {
    "csv": csv_catalog,
    "folder": folder_catalog,
    "grocery_store": grocery_store_catalog,
    "rp2k": rp2k_catalog,
}


def absolute(root: Path | str) -> Path:
    """The absolute path of a data set, ``~`` resolved, links not."""
    return Path(os.path.abspath(os.path.expanduser(root)))


def open_catalog(root: Path | str, format: str | None = None, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of the data at `root`, whose format is found out unless it is given.

    `seed` decides the split where the data has none; see `Source` for `same_names`. Paths come out absolute. Images are
    not opened: see `checking.check_files`. Raises `UserError` for everything that makes the data unusable, with what
    to do.
    """
    if format is not None and format not in SOURCES:
        raise unknown_name("format", format, SOURCES)
    root = absolute(root)
    require_path(root)
    try:
        return SOURCES[format or detect_format(root)](root, seed, same_names)
    except PermissionError as error:
        raise UserError(f"no permission to read {error.filename or root}; run: chmod -R u+rX '{root}'") from error
