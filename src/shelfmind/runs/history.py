"""What a run did with which photos, known by their content: paths, names and machines do not matter."""

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

TRAIN_AGAIN = "train it again"
USES = ("train", "val", "test")
"""From the one that spoils a test most: what is in two splits counts as the first of these."""
ORIGIN = "run.json"
"""Beside the history of a run that another one learnt from: which run that was, if it learnt labels, and if it taught
the other one instead of giving it its first weights."""


class UnknownHistoryError(UserError):
    """It cannot be told what a run was trained on: `fact` says why, `advice` what to do, the message both."""

    def __init__(self, fact: str, advice: str = TRAIN_AGAIN) -> None:
        super().__init__(f"{fact}; {advice}")
        self.fact, self.advice = fact, advice


@dataclass(frozen=True)
class History:
    """What a run has seen: its own photos, in the order of its `split.csv`, and those of the runs `before`, whose
    weights it began with or which taught it (`teacher`). `title` is the run's path, for people."""

    run: RunFolder
    rows: tuple[SplitRow, ...]
    before: tuple[History, ...] = ()
    title: str = ""
    teacher: bool = False

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

    @property
    def chain(self) -> tuple[History, ...]:
        """This one and those before it."""
        return (self, *self.before)

    @cached_property
    def alone(self) -> History:
        """What the run itself has seen, whatever the weights that it began with had."""
        return replace(self, before=())

    def own_use(self, digest: bytes | None) -> str | None:
        """What the run itself used a photo of this content for: train, val or test; None if it does not know it."""
        place = None if digest is None else self.first_rows.get(digest)
        return None if place is None else self.rows[place].split

    def use_before(self, digest: bytes | None) -> str | None:
        """What the weights that the run began with were trained on (train) or chosen by (val); None for all else."""
        return first_use((each.own_use(digest) for each in self.before), USES[:-1])

    def use(self, digest: bytes | None) -> str | None:
        """What a photo of this content was used for, by the run or before it: train, val or test, the first of these;
        None if the run does not know it."""
        return first_use((self.own_use(digest), self.use_before(digest)))

    def known_as(self, digest: bytes) -> str:
        """The path under which this content was known to whatever run made the use of it that counts."""
        use = self.use(digest)
        history = next(each for each in self.chain if each.own_use(digest) == use)
        return history.rows[history.first_rows[digest]].name

    def __str__(self) -> str:
        weights = " and ".join(each.title for each in self.before if not each.teacher)
        teachers = " and ".join(each.title for each in self.before if each.teacher)
        began = f" or the weights that it began with, of {weights}" if weights else ""
        return f"{self.title}{began}{f' or its teachers, {teachers}' if teachers else ''}"

    @property
    def taught(self) -> bool:
        """Whether it learnt from teachers."""
        return any(each.teacher for each in self.before)

    @cached_property
    def learnt_labels(self) -> bool:
        """Whether the run learnt the labels of its photos, and not only what they look like."""
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
        except Exception as error:  # the header is Python text, and its parser raises whatever it meets
            raise UserError(f"{self.run.seen} is damaged: {error}; delete it to go on without") from error
        fits = found.dtype == FINGERPRINTED and found.shape == (len(self.training_rows),)
        return found if fits else None


def first_use(uses: Iterable[str | None], order: Sequence[str] = USES) -> str | None:
    """Of several uses of one photo the one that comes first in this order; None if there is none of them."""
    found = set(uses)
    return next((use for use in order if use in found), None)


def read_history(run: RunFolder, counter: Counter) -> History:
    """What the run, and the weights that it began with, did with which photos.

    A run from before digests were kept takes them from its own data set, if that lies unchanged where it was.

    Raises:
        UnknownHistoryError: a run without digests whose data set is gone or changed, or that began with such a one.
        UserError: a damaged list.
    """
    if not run.split.exists():
        raise UnknownHistoryError(f"what {run.root} was trained on cannot be told: it has no {run.split.name}")
    rows = read_split(run.split)
    if not any(row.sha256 is not None for row in rows):
        _take_from_data(run, rows, counter)
        rows = read_split(run.split)
    return History(run, tuple(rows), tuple(_histories_before(run, counter)), str(run.root))


def run_of(checkpoint: Path) -> RunFolder | None:
    """The run that a checkpoint lies in, also one of its snapshots; None for a file from elsewhere."""
    folder = checkpoint.parent
    run = RunFolder(folder.parent if folder.name == SNAPSHOTS else folder)
    return run if run.provenance.is_file() else None


def folders_before(run: RunFolder, count: int) -> list[Path]:
    """Where the histories of so many runs lie whose weights a run began with."""
    return [run.before / str(index) for index in range(count)]


def _histories_before(run: RunFolder, counter: Counter) -> Iterator[History]:
    """What the weights that the run began with had seen, as the run kept it.

    One that did not keep it asks the run whose weights they are.
    """
    if not run.before.is_dir():
        yield from _asked_before(run, counter)
        return
    for folder in map(RunFolder, sorted(run.before.iterdir(), key=lambda folder: int(folder.name))):
        origin = read_json(folder.root / ORIGIN)
        title, teacher = str(origin["run"]), bool(origin.get("teacher", False))
        if not folder.split.exists():
            raise _untold_before(run, title, teacher)
        yield History(folder, tuple(read_split(folder.split)), title=title, teacher=teacher)


def _asked_before(run: RunFolder, counter: Counter) -> tuple[History, ...]:
    weights = (read_json(run.provenance) if run.provenance.exists() else {}).get("weights") or {}
    if weights.get("origin") != "run":
        return ()
    checkpoint = Path(weights["path"])
    parent = run_of(checkpoint)
    if parent is None:
        raise _untold_before(run, str(checkpoint.parent))
    return read_history(parent, counter).chain


def _untold_before(run: RunFolder, title: str, teacher: bool = False) -> UnknownHistoryError:
    origin = f"{title} taught it" if teacher else f"it began with the weights of {title}"
    return UnknownHistoryError(
        f"what {run.root} has seen cannot be told: {origin}, of which it cannot be told what "
        f"{'it was' if teacher else 'they were'} trained on"
    )


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
        f"what {run.root} was trained on cannot be told: it was made before runs kept that, and {where}",
        f"put them back, or {TRAIN_AGAIN}",
    )
