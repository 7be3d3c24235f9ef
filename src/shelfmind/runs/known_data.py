"""A data set from the view of a run: photos that the run knows, by content, keep its split; all others are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shelfmind.data import absolute, open_catalog
from shelfmind.data.broader import read_broader, with_broader_classes
from shelfmind.data.splits import read_split, relative_name, without_split_note
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.images.content import hash_files
from shelfmind.nouns import counted
from shelfmind.progress import Counter, count_silently
from shelfmind.records import Catalog, Sample, require_same_classes, with_classes_of_run, with_further_classes
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.history import USES, History, UnknownHistoryError, read_history

NEW = "new"
GROUPS = (*USES, NEW)


@dataclass(frozen=True)
class KnownData:
    """The catalog with the groups (train, val, test, new) of one or several runs.

    `histories` has one entry per run; `without_history` names runs with unknown history, and why. `ungrouped` is the
    original catalog, and `digests` belong to its samples.
    """

    catalog: Catalog
    ungrouped: Catalog
    digests: tuple[bytes | None, ...]
    histories: tuple[History, ...]
    without_history: tuple[str, ...] = ()

    def for_first_run(self) -> KnownData:
        """The same data with the groups for the first run alone."""
        first = self.histories[0].alone
        return replace(self, catalog=grouped_by_content(self.ungrouped, self.digests, [first]))

    def copies_left_out(self, split: str) -> int:
        """The number of photos of a run's split that are left out because identical files are in a split of higher
        precedence."""
        asked = set(split_names(split))
        elsewhere = {
            digest
            for sample, digest in zip(self.ungrouped.samples, self.digests, strict=True)
            if group_of(self.ungrouped, sample, digest, self.histories) not in asked
        }
        return len(
            {
                (row.name, row.sha256)
                for history in self.histories
                for row in history.rows
                if row.split in asked and row.sha256 in elsewhere and history.own_use(row.sha256) not in asked
            }
        )


def open_known(
    runs: Sequence[RunFolder],
    data: Path,
    format: str | None,
    counter: Counter,
    *,
    allow_seen: bool | None = None,
    some_classes: bool = False,
    further_names: Sequence[str] | None = None,
) -> KnownData:
    """Open the data at `data` and group its photos from the view of these runs.

    With `allow_seen`, a run with unknown history groups photos by name (None: the caller has no such argument, so
    messages do not offer it). With `some_classes`, the data may lack classes of the first run. With `further_names`, of
    products that the run did not learn, the data may have any classes: ids are those of the run's classes, then of
    these, then of all others.

    Raises:
        UnknownHistoryError: the training images of a run are unknown.
        UserError: unusable data, or classes other than the first run's.
    """
    origin = read_json(runs[0].provenance) if runs[0].provenance.exists() else {}
    catalog = open_with_run_classes(
        runs[0], data, format, int(origin.get("seed", 0)), some_classes, further_names, counter
    )
    histories: dict[Path, History] = {}
    unknown: list[str] = []
    for run in runs:
        try:
            histories[run.root] = read_history(run, counter)
        except UnknownHistoryError as error:
            if allow_seen is None:
                raise
            if not allow_seen:
                alternative = f"evaluate it nevertheless with {argument('allow_seen')}"
                raise UnknownHistoryError(error.fact, f"{error.advice}, or {alternative}") from error
            unknown.append(error.fact)
    paths = [sample.path for sample in catalog.samples]
    digests = hash_files(paths, counter("hashing files", len(paths)))
    known = [histories.get(run.root) or _history_by_name(run, catalog, digests) for run in runs]
    return KnownData(grouped_by_content(catalog, digests, known), catalog, tuple(digests), tuple(known), tuple(unknown))


def open_with_run_classes(
    run: RunFolder,
    data: Path,
    format: str | None,
    seed: int,
    some_classes: bool = False,
    further_names: Sequence[str] | None = None,
    counter: Counter = count_silently,
) -> Catalog:
    """The catalog at `data` with the classes of the run, which may be broader than those of the data; see
    `open_known`."""
    catalog = open_catalog(data, format, seed, one_class=some_classes or further_names is not None, counter=counter)
    if further_names is not None:
        return with_further_classes(catalog, (*run.read_classes()[0], *further_names))
    if run.broader.exists():
        catalog = with_broader_classes(catalog, read_broader(run.broader), run.broader)
    names = run.read_classes()[0]
    own_list = absolute(data) == absolute(run.split)  # does not list classes without images
    complete = catalog.classes_with_samples() <= set(names) <= set(catalog.class_names)
    if not some_classes and not own_list and not complete:
        require_same_classes(names, catalog.class_names, str(data))
    return with_classes_of_run(catalog, names)


def grouped_by_content(catalog: Catalog, digests: Sequence[bytes | None], histories: Sequence[History]) -> Catalog:
    """The catalog with the group of each photo; known photos in the order of the run.

    Photos that the data set itself marks as test are test. All others have the use of their content in any run
    (training before validation before test), and are new if unknown to all runs.
    """
    samples = [
        Sample(sample.path, sample.label, group_of(catalog, sample, digest, histories))
        for sample, digest in zip(catalog.samples, digests, strict=True)
    ]
    ranks = [_rank(sample, digest, histories) for sample, digest in zip(samples, digests, strict=True)]
    arranged = tuple(samples[index] for index in sorted(range(len(samples)), key=ranks.__getitem__))
    return replace(catalog, samples=arranged, notes=tuple(without_split_note(catalog.notes)))


def with_split_of(catalog: Catalog, history: History, counter: Counter, new_photos: bool = True) -> tuple[Catalog, int]:
    """The catalog with the split of another run, and the number of its training photos unknown to that run.

    New photos that the data set itself marks as test or val keep that split; all other new photos are train. If
    `new_photos` is false, new photos are left out instead, and counted.

    Raises:
        UserError: no photo is known to the run.
    """
    paths = [sample.path for sample in catalog.samples]
    digests = hash_files(paths, counter("hashing files", len(paths)))
    if not any(map(history.use, digests)):
        raise UserError(f"none of the photos in {catalog.root} is known to {history}, so there is no split to share")
    grouped = grouped_by_content(catalog, digests, [history])
    notes = (*without_split_note(catalog.notes), f"the split is that of {history.run.root}")
    if not new_photos:
        known = grouped.split(*USES)
        return replace(catalog, samples=known, notes=notes), len(grouped.samples) - len(known)
    named = {sample.path: sample.split for sample in catalog.samples if sample.split in catalog.named_splits}
    samples = []
    added = 0
    for sample in grouped.samples:
        split = sample.split
        if split == NEW:
            split = named.get(sample.path, "train")
            added += split == "train"
        samples.append(Sample(sample.path, sample.label, split))
    samples.sort(key=lambda sample: (USES.index(sample.split), sample.label))
    return replace(catalog, samples=tuple(samples), notes=notes), added


def chosen_split(catalog: Catalog, split: str | None) -> str:
    """The requested groups, joined by commas; by default test, else new, else val. `UserError` if a group is empty."""
    if split is None:
        split = next((group for group in ("test", NEW, "val") if catalog.split(group)), None)
    if split is None:
        raise UserError(
            f"all {counted(len(catalog.samples), 'image')} of {catalog.root} were trained on, so they cannot "
            f"test the run; evaluate others, or these nevertheless with {argument('split', 'train')}"
        )
    names = split_names(split)
    for name in names:
        if name not in GROUPS:
            raise unknown_name("split", name, GROUPS)
        if not catalog.split(name):
            present = ", ".join(group for group in GROUPS if catalog.split(group))
            raise UserError(f"{catalog.root} has no images in the split '{name}'; it has: {present}")
    return ",".join(names)


def split_names(split: str) -> list[str]:
    """The names of groups joined by commas, without repetitions."""
    return list(dict.fromkeys(name.strip() for name in split.split(",")))


def samples_of(catalog: Catalog, split: str) -> tuple[Sample, ...]:
    """The samples of one or more groups joined by commas."""
    return catalog.split(*split_names(split))


def dropped_from_catalog(known: KnownData, split: str) -> int:
    """The number of photos in this split of one of the runs that are not in the split of the catalog.

    Another run or the initial weights have seen them.
    """
    asked = set(split_names(split))
    groups = {sample.path: sample.split for sample in known.catalog.samples}
    lost = 0
    for sample, digest in zip(known.ungrouped.samples, known.digests, strict=True):
        alone = {group_of(known.ungrouped, sample, digest, [history.alone]) for history in known.histories}
        lost += bool(alone & asked) and groups[sample.path] not in asked
    return lost


def group_of(catalog: Catalog, sample: Sample, digest: bytes | None, histories: Sequence[History]) -> str:
    """The group of a photo with this content, see `grouped_by_content`."""
    if sample.split == "test" and "test" in catalog.named_splits:
        return "test"
    uses = {history.use(digest) for history in histories}
    return next((use for use in USES if use in uses), NEW)


def _rank(sample: Sample, digest: bytes | None, histories: Sequence[History]) -> tuple[int, int, str]:
    """Sort key: known photos in the order of the first run, new ones by class and path."""
    for number, history in enumerate(histories):
        if digest is not None and digest in history.first_rows:
            return number, history.first_rows[digest], str(sample.path)
    return len(histories), sample.label, str(sample.path)


def _history_by_name(run: RunFolder, catalog: Catalog, digests: Sequence[bytes | None]) -> History:
    """A fallback for a run with unknown history: photos are matched to its list by name."""
    names = (relative_name(sample.path, catalog.root) for sample in catalog.samples)
    content = dict(zip(names, digests, strict=True))
    rows = read_split(run.split) if run.split.exists() else []
    found = (replace(row, sha256=row.sha256 or content.get(row.name)) for row in rows)
    return History(run, tuple(found), title=str(run.root))
