"""Digests that identify the data behind a run or a cleaned data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from shelfmind.images.photo_files import found_statuses
from shelfmind.records import Catalog, Sample


def data_digest(catalog: Catalog) -> str:
    """SHA-256 over each sample's split, class, path below the root and size in bytes, in catalog order."""
    named = zip(catalog.samples, _identities(catalog, catalog.samples), strict=True)
    return _digest(f"{sample.split}|{identity}" for sample, identity in named)


def training_digest(catalog: Catalog) -> str:
    """The same digest over all images outside test, regardless of how they are divided between train and val."""
    return _digest(sorted(_identities(catalog, [sample for sample in catalog.samples if sample.split != "test"])))


def _identities(catalog: Catalog, samples: Sequence[Sample]) -> Iterator[str]:
    statuses = found_statuses([sample.path for sample in samples])
    for sample, status in zip(samples, statuses, strict=True):
        path = sample.path.relative_to(catalog.root) if sample.path.is_relative_to(catalog.root) else sample.path
        size = -1 if status is None else status.size
        yield f"{catalog.class_names[sample.label]}|{path.as_posix()}|{size}\n"


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
