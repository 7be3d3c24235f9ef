"""Digests that identify the data behind a run or a cleaned data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from shelfmind.images.photo_files import file_status
from shelfmind.records import Catalog, Sample


def data_digest(catalog: Catalog) -> str:
    """SHA-256 over each sample's split, class, path below the root and size in bytes, in catalog order."""
    return _digest(f"{sample.split}|{_identity(catalog, sample)}" for sample in catalog.samples)


def training_digest(catalog: Catalog) -> str:
    """The same digest over all images outside test, regardless of how they are divided between train and val."""
    return _digest(sorted(_identity(catalog, sample) for sample in catalog.samples if sample.split != "test"))


def _identity(catalog: Catalog, sample: Sample) -> str:
    path = sample.path.relative_to(catalog.root) if sample.path.is_relative_to(catalog.root) else sample.path
    try:
        size = file_status(sample.path).size
    except (OSError, ValueError):  # missing, or a path that no file can have
        size = -1
    return f"{catalog.class_names[sample.label]}|{path.as_posix()}|{size}\n"


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
