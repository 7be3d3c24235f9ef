"""Which photos a run has used, and how. Photos are identified by content, independent of paths, names and machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.data import open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.data.splits import SplitRow, read_split, relative_name, write_split
from shelfmind.errors import UserError
from shelfmind.files import write_atomically
from shelfmind.images.content import hash_files
from shelfmind.images.fingerprinting import FINGERPRINTED, write_fingerprints
from shelfmind.progress import Counter
from shelfmind.records import Catalog, Sample
from shelfmind.runs.folder import SNAPSHOTS, RunFolder, read_json

TRAIN_AGAIN = "train the run again"
USES = ("train", "val", "test")
"""In order of precedence: a photo in two splits counts as the first of these."""
ORIGIN = "run.json"
"""Stored with the history of an earlier run: which run it was, whether it learnt labels, and whether it was a teacher
or the source of the initial weights."""


class UnknownHistoryError(UserError):
    """The training images of a run are unknown: `fact` says why, `advice` what to do, the message both."""

    def __init__(self, fact: str, advice: str = TRAIN_AGAIN) -> None:
        super().__init__(f"{fact}; {advice}")
        self.fact, self.advice = fact, advice


@dataclass(frozen=True)
class History:
    """The photos that a run has seen: its own, in the order of `split.csv`, and those of the runs `before`: the sources
    of its initial weights, and its teachers (`teacher`). `title` is the path of the run, for messages."""

    run: RunFolder
    rows: tuple[SplitRow, ...]
    before: tuple[History, ...] = ()
    title: str = ""
    teacher: bool = False

    @cached_property
    def first_rows(self) -> Mapping[bytes, int]:
        """The first row of each content, by the precedence of `USES`."""
        first: dict[bytes, int] = {}
        for use in USES:
            for index, row in enumerate(self.rows):
                if row.split == use and row.sha256 is not None:
                    first.setdefault(row.sha256, index)
        return first

    @cached_property
    def training_rows(self) -> tuple[SplitRow, ...]:
        """The rows of the training split, including unusable files."""
        return tuple(row for row in self.rows if row.split == "train")

    @property
    def chain(self) -> tuple[History, ...]:
        """This history and those before it."""
        return (self, *self.before)

    @cached_property
    def alone(self) -> History:
        """The history of the run itself, without those of its initial weights and teachers."""
        return replace(self, before=())

    def own_use(self, digest: bytes | None) -> str | None:
        """The run's own use of a photo with this content: train, val or test; None if unknown to it."""
        place = None if digest is None else self.first_rows.get(digest)
        return None if place is None else self.rows[place].split

    def earlier_use(self, digest: bytes | None) -> str | None:
        """The use by the initial weights or teachers: train or val (model selection); None otherwise."""
        return first_use((each.own_use(digest) for each in self.before), USES[:-1])

    def use(self, digest: bytes | None) -> str | None:
        """The use of a photo with this content by the run or before it: the first of train, val and test that
        applies, or None."""
        return first_use((self.own_use(digest), self.earlier_use(digest)))

    def path_of(self, digest: bytes) -> str:
        """The path of this content in the run whose use takes precedence."""
        use = self.use(digest)
        history = next(each for each in self.chain if each.own_use(digest) == use)
        return history.rows[history.first_rows[digest]].name

    def __str__(self) -> str:
        weights = " and ".join(each.title for each in self.before if not each.teacher)
        teachers = " and ".join(each.title for each in self.before if each.teacher)
        began = f" or its initial weights, of {weights}" if weights else ""
        return f"{self.title}{began}{f' or its teachers, {teachers}' if teachers else ''}"

    @property
    def has_teachers(self) -> bool:
        """Whether it has teachers."""
        return any(each.teacher for each in self.before)

    @cached_property
    def learnt_labels(self) -> bool:
        """Whether the run learnt the labels of its photos, unlike a self-supervised run."""
        if (self.run.root / ORIGIN).exists():
            return bool(read_json(self.run.root / ORIGIN).get("labels", True))
        return not self.run.recipe.exists() or self.run.read_recipe().train.task == "classify"

    @cached_property
    def fingerprints(self) -> npt.NDArray[np.void] | None:
        """The `FINGERPRINTED` of each training row, on disk; None if the run has none."""
        try:
            found = np.load(self.run.seen, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            return None
        except Exception as error:  # the header is Python source; its parser may raise anything
            raise UserError(
                f"{self.run.seen} is damaged: {error}; delete it to continue without fingerprints"
            ) from error
        fits = found.dtype == FINGERPRINTED and found.shape == (len(self.training_rows),)
        return found if fits else None


def first_use(uses: Iterable[str | None], order: Sequence[str] = USES) -> str | None:
    """The first of several uses of a photo in this order; None if none applies."""
    found = set(uses)
    return next((use for use in order if use in found), None)


def read_history(run: RunFolder, counter: Counter) -> History:
    """Read the history of a run, of its initial weights and of its teachers.

    A run from a version without digests computes them from its own data set, if that is unchanged.

    Raises:
        UnknownHistoryError: a run without digests whose data set is missing or changed, or whose initial weights or
            teachers have an unknown history.
        UserError: a damaged list.
    """
    if not run.split.exists():
        raise UnknownHistoryError(f"the training images of {run.root} are unknown: it has no {run.split.name}")
    run.require_intact(run.split)
    rows = read_split(run.split)
    if not any(row.sha256 is not None for row in rows):
        _add_digests(run, rows, counter)
        rows = read_split(run.split)
    return History(run, tuple(rows), tuple(_earlier_histories(run, counter)), str(run.root))


def run_of(checkpoint: Path) -> RunFolder | None:
    """The run that a checkpoint or snapshot belongs to; None for other files."""
    folder = checkpoint.parent
    run = RunFolder(folder.parent if folder.name == SNAPSHOTS else folder)
    return run if run.provenance.is_file() else None


def earlier_folders(run: RunFolder, count: int) -> list[Path]:
    """The folders of the histories of earlier runs."""
    return [run.before / str(index) for index in range(count)]


def _earlier_histories(run: RunFolder, counter: Counter) -> Iterator[History]:
    """The stored histories of the initial weights and teachers.

    A run that did not store them reads them from the run of its initial weights.
    """
    if not run.before.is_dir():
        yield from _histories_of_start(run, counter)
        return
    for folder in map(RunFolder, sorted(run.before.iterdir(), key=lambda folder: int(folder.name))):
        origin = read_json(folder.root / ORIGIN)
        title, teacher = str(origin["run"]), bool(origin.get("teacher", False))
        if not folder.split.exists():
            raise _unknown_start(run, title, teacher)
        yield History(folder, tuple(read_split(folder.split)), title=title, teacher=teacher)


def _histories_of_start(run: RunFolder, counter: Counter) -> tuple[History, ...]:
    weights = (read_json(run.provenance) if run.provenance.exists() else {}).get("weights") or {}
    if weights.get("origin") != "run":
        return ()
    checkpoint = Path(weights["path"])
    parent = run_of(checkpoint)
    if parent is None:
        raise _unknown_start(run, str(checkpoint.parent))
    return read_history(parent, counter).chain


def _unknown_start(run: RunFolder, title: str, teacher: bool = False) -> UnknownHistoryError:
    origin = f"its teacher {title}" if teacher else f"its initial weights, of {title},"
    return UnknownHistoryError(f"the training images of {run.root} are unknown: those of {origin} are not recorded")


def write_history(run: RunFolder, catalog: Catalog, counter: Counter) -> None:
    """Store the split, the digests of all photos and the fingerprints of training photos."""
    write_split_with_digests(run, catalog, counter)
    trained = [sample.path for sample in catalog.split("train")]
    progress = counter("taking fingerprints", len(trained))
    write_atomically(run.seen, lambda temporary: write_fingerprints(trained, temporary, progress))


def write_split_with_digests(run: RunFolder, catalog: Catalog, counter: Counter) -> None:
    """Store the split and the digests of all photos."""
    paths = [sample.path for sample in catalog.samples]
    write_split(catalog, run.split, hash_files(paths, counter("hashing files", len(paths))))


def _add_digests(run: RunFolder, rows: Sequence[SplitRow], counter: Counter) -> None:
    """Add digests to a run from its data set, if no listed file is missing or has another size."""
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
    where = f"the photos at {path} are missing or have changed" if path else "it does not record their location"
    return UnknownHistoryError(
        f"the training images of {run.root} are unknown: it was made by a version that did not store them, and {where}",
        f"restore them, or {TRAIN_AGAIN}",
    )
