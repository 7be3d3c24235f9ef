"""What a run did with which photos, known by their content: paths, names and machines do not matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.data import open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.data.splits import SplitRow, read_split, relative_name, write_split
from shelfmind.errors import UserError, argument
from shelfmind.files import write_atomically
from shelfmind.images.content import hash_files
from shelfmind.images.fingerprinting import FINGERPRINTED, write_fingerprints
from shelfmind.progress import Counter
from shelfmind.records import Catalog, Sample
from shelfmind.runs.folder import RunFolder, read_json

ALLOW = f"evaluate it all the same with {argument('allow_seen')}"
USES = ("train", "val", "test")
"""From the one that spoils a test most: what is in two splits counts as the first of these."""


class UnknownHistoryError(UserError):
    """It cannot be told what a run was trained on."""


@dataclass(frozen=True)
class History:
    """One run's photos, in the order of its `split.csv`."""

    run: RunFolder
    rows: tuple[SplitRow, ...]

    @cached_property
    def first_rows(self) -> Mapping[bytes, int]:
        """The first row of each content, of those with the use that comes first in `USES`."""
        first: dict[bytes, int] = {}
        for use in USES:
            for index, row in enumerate(self.rows):
                if row.split == use and row.sha256 is not None:
                    first.setdefault(row.sha256, index)
        return first

    @cached_property
    def training_rows(self) -> tuple[SplitRow, ...]:
        """The rows of the training split, usable or not."""
        return tuple(row for row in self.rows if row.split == "train")

    @cached_property
    def tested(self) -> frozenset[bytes]:
        """The content of the run's test photos."""
        return frozenset(row.sha256 for row in self.rows if row.split == "test" and row.sha256 is not None)

    def use(self, digest: bytes | None) -> str | None:
        """What a photo of this content was used for: train, val or test; None if the run does not know it."""
        index = None if digest is None else self.first_rows.get(digest)
        return None if index is None else self.rows[index].split

    def name(self, digest: bytes) -> str:
        """The path under which the run knows this content."""
        return self.rows[self.first_rows[digest]].name

    @cached_property
    def fingerprints(self) -> npt.NDArray[np.void] | None:
        """The `FINGERPRINTED` of each training row, on disk; None if the run has none."""
        try:
            found = np.load(self.run.seen, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            return None
        except Exception as error:  # the header is Python text, and its parser raises whatever it meets
            raise UserError(f"{self.run.seen} is damaged: {error}; delete it to go on without") from error
        fits = found.dtype == FINGERPRINTED and found.shape == (len(self.training_rows),)
        return found if fits else None


def read_history(run: RunFolder, counter: Counter) -> History:
    """What the run did with which photos.

    A run from before digests were kept takes them from its own data set, if that lies unchanged where it was.

    Raises:
        UnknownHistoryError: a run without digests whose data set is gone or changed.
        UserError: a damaged list.
    """
    if not run.split.exists():
        raise UnknownHistoryError(f"what {run.root} was trained on cannot be told: it has no {run.split.name}; {ALLOW}")
    rows = read_split(run.split)
    if not any(row.sha256 is not None for row in rows):
        _take_from_data(run, rows, counter)
        rows = read_split(run.split)
    return History(run, tuple(rows))


def write_history(run: RunFolder, catalog: Catalog, counter: Counter) -> None:
    """Keep the split and what its photos are: digests of all, fingerprints of those of train."""
    paths = [sample.path for sample in catalog.samples]
    write_split(catalog, run.split, hash_files(paths, counter("hashing files", len(paths))))
    trained = [sample.path for sample in catalog.split("train")]
    progress = counter("taking fingerprints", len(trained))
    write_atomically(run.seen, lambda temporary: write_fingerprints(trained, temporary, progress))


def _take_from_data(run: RunFolder, rows: Sequence[SplitRow], counter: Counter) -> None:
    """Complete a run that has no digests from its data set, if no listed file is missing or of another size."""
    origin = read_json(run.provenance) if run.provenance.exists() else {}
    try:
        data, digest = origin["data"], origin["data"]["digest"]
        catalog = open_catalog(Path(data["path"]), data["format"], int(origin["seed"]))
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise _unknown_history(run, origin) from error
    samples = {relative_name(sample.path, catalog.root): sample for sample in catalog.samples}
    listed = [(samples.get(row.name), row.split) for row in rows]
    found = tuple(Sample(sample.path, sample.label, split) for sample, split in listed if sample is not None)
    own = Catalog(found, catalog.class_names, catalog.root, catalog.format)
    if len(found) < len(rows) or data_digest(own) != digest:
        raise _unknown_history(run, origin)
    named = {name: label for label, name in enumerate(dict.fromkeys(row.label for row in rows))}
    relabelled = [Sample(each.path, named[row.label], each.split) for each, row in zip(found, rows, strict=True)]
    catalog = Catalog(tuple(relabelled), tuple(named), own.root, own.format)
    write_history(run, catalog, counter)


def _unknown_history(run: RunFolder, origin: Mapping[str, object]) -> UnknownHistoryError:
    data = origin.get("data")
    path = data.get("path") if isinstance(data, dict) else None
    where = f"the photos at {path} are gone or changed since" if path else "it does not say where its photos lay"
    return UnknownHistoryError(
        f"what {run.root} was trained on cannot be told: it was made before runs kept that, and {where}; put them "
        f"back, train it again, or {ALLOW}"
    )
