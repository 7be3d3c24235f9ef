"""The supported kinds of data set by name: how each is detected and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from shelfmind.data.csv_file import csv_catalog, is_list
from shelfmind.data.folder import folder_catalog, has_class_folders
from shelfmind.data.grocery_store import grocery_store_catalog, is_grocery_store
from shelfmind.data.parquet import parquet_catalog
from shelfmind.data.rp2k import is_rp2k, rp2k_catalog
from shelfmind.data.shards import has_only_shards
from shelfmind.data.webdataset import webdataset_catalog
from shelfmind.images.archives import ROW_SUFFIXES, TAR_SUFFIXES
from shelfmind.records import Catalog


class Read(Protocol):
    """Reads one kind of data set. `seed` decides the split of data without one. Class names that are equal after
    normalising are rejected unless `same_names` allows them. The catalog's `format` is the name in `SOURCES`."""

    def __call__(self, root: Path, seed: int = 0, same_names: bool = False) -> Catalog: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of data set.

    Attributes:
        read: reads the catalog.
        matches: whether a path, a file or a folder, is of this kind.
        description: what to look for, in words.
        exclusive: whether a match rules out all other kinds.
        shards: suffixes of the archives that the photos are in; empty if each photo is a file.
    """

    read: Read
    matches: Callable[[Path], bool]
    description: str
    exclusive: bool = False
    shards: tuple[str, ...] = ()


def _of_shards(read: Read, suffixes: tuple[str, ...], description: str) -> Source:
    return Source(read, partial(has_only_shards, suffixes=suffixes), description, exclusive=True, shards=suffixes)


SOURCES: dict[str, Source] = {
    "csv": Source(csv_catalog, is_list, "a CSV file with the columns path,label"),
    "folder": Source(folder_catalog, has_class_folders, "class folders (train/<class>/ or <class>/)"),
    "grocery_store": Source(grocery_store_catalog, is_grocery_store, "Grocery Store (train.txt, classes.csv)", True),
    "parquet": _of_shards(parquet_catalog, ROW_SUFFIXES, "Parquet or Arrow files"),
    "rp2k": Source(rp2k_catalog, is_rp2k, "RP2K (all/train/<class>/)", True),
    "webdataset": _of_shards(webdataset_catalog, TAR_SUFFIXES, "tar shards (train-000.tar)"),
}
