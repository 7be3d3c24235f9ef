"""Makes a clean copy of a data set from decisions and rules, reproducibly and with a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from shelfmind.analysis.decisions import Decision, read_decisions, resolve
from shelfmind.cleaning.names import clean_name, clean_names
from shelfmind.cleaning.near_duplicate_pairs import Pair, audited_pairs, find_pairs
from shelfmind.cleaning.preparation_record import Figures, digests, summarise, versions, write_record
from shelfmind.cleaning.rows import (
    Row,
    apply_decisions,
    cap_classes,
    drop_rows,
    find_repeats,
    join_splits,
    rename_classes,
    sample_fraction,
    split_again,
)
from shelfmind.cleaning.target_paths import target_paths
from shelfmind.cleaning.writing import place_images
from shelfmind.data import absolute, open_catalog, require_outside
from shelfmind.data.digest import data_digest
from shelfmind.data.splits import SPLITS, VAL_FRACTION, relative_name, without_split_note
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.files import atomic_folder, cache_folder, require_free_folder, write_json
from shelfmind.images.checking import check_files
from shelfmind.machine.checksum_lists import write_checksums
from shelfmind.machine.checksums import file_sha256
from shelfmind.nouns import counted
from shelfmind.pages.preparation_report import write_preparation_report
from shelfmind.progress import Counter
from shelfmind.records import BadFile, Catalog
from shelfmind.requests.calling import takes
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder

MINDRECORD_FOLDER = "mindrecord"


@dataclass(frozen=True)
class PreparationOutcome:
    """The outcome of a preparation: the folder, metrics, how images were placed, and notes."""

    out: Path
    figures: Figures
    placed: Mapping[str, int]
    notes: Sequence[str]


@takes(PrepareRequest)
def prepare(request: PrepareRequest, watcher: Observer = SILENT) -> PreparationOutcome:
    """Write a clean data set to `out` in the folder layout, with a record of every image.

    The same data, decisions, settings and versions give the same bytes. `data` is not modified. `out` must be missing
    or empty, and is written atomically.

    Returns:
        The folder, metrics, how images were placed, and notes.

    Raises:
        UserError: invalid input.
    """
    root, out, counter = absolute(request.data), absolute(request.out), watcher.counter
    require_outside(root, out)
    require_free_folder(out)
    few = request.classes_of is not None  # the prepared photos join the run's other photos
    catalog = open_catalog(root, request.format, request.seed, same_names=True, one_class=few, counter=counter)
    decisions = _decisions(request, watcher.note)
    rows, names, plan_notes, figures = _planned(catalog, decisions, request, counter)
    targets = target_paths(rows, request.jpeg)
    sources = {relative_name(sample.path, catalog.root): sample.path for sample in catalog.samples}
    kept = [(sources[row.source], target) for row, target in zip(rows, targets, strict=True) if row.kept]
    with atomic_folder(out) as folder:
        placed = place_images(
            folder,
            [source for source, _ in kept],
            [target for _, target in kept],
            link=request.link,
            jpeg=request.jpeg,
            progress=counter("preparing images", len(kept)),
        )
        shards = _write_mindrecord(folder, rows, targets, request.image_size, counter) if request.mindrecord else {}
        notes = (*_data_notes(catalog, request), *plan_notes)
        facts = _facts(catalog, request, figures, notes, shards)
        write_record(folder, rows, targets, names, facts)
        write_preparation_report(folder, catalog.root, rows, names, figures, facts)
    return PreparationOutcome(out, figures, placed, notes)


def _decisions(request: PrepareRequest, note: Callable[[str], None]) -> dict[str, Decision]:
    """The effective decisions. Several logs are merged by time; a single log keeps its order."""
    logs = [read_decisions(path, note) for path in request.decisions]
    joined = logs[0] if len(logs) == 1 else sorted((each for log in logs for each in log), key=lambda each: each.time)
    return resolve(joined, request.prefer, request.prefer_latest) if joined or request.prefer else {}


def _classes_of(run: Path | None) -> tuple[str, ...]:
    return () if run is None else RunFolder(absolute(run)).read_classes()[0]


def _planned(
    catalog: Catalog, decisions: Mapping[str, Decision], request: PrepareRequest, counter: Counter
) -> tuple[list[Row], Mapping[str, str], list[str], Figures]:
    """All images with their targets, sorted by source name; the map of class names; notes; metrics."""
    class_names = catalog.class_names
    rows = [
        Row(name, class_names[sample.label], sample.split, class_names[sample.label], sample.split)
        for name, sample in sorted(
            ((relative_name(sample.path, catalog.root), sample) for sample in catalog.samples), key=itemgetter(0)
        )
    ]
    bad_files, pairs = _inspected(catalog, request, counter)
    rows = drop_rows(rows, _unusable(catalog, bad_files, request.max_bad_fraction))
    rows, skipped_decisions = apply_decisions(
        rows,
        decisions,
        others=request.others,
        new_classes=(*request.new_classes, *_classes_of(request.classes_of)),
        ignore_missing=request.ignore_missing_decisions,
    )
    used = sorted({*class_names, *(row.class_name for row in rows)})
    names = clean_names(used, merge=request.merge_same_names)
    rows = rename_classes(rows, names)
    again, with_test = request.splits_again, request.test_fraction is not None
    apart = join_splits(rows, with_test=with_test) if again else rows
    reasons, unsettled = find_repeats(apart, pairs, duplicates=request.drop_duplicates, leaks=request.drop_leaks)
    rows = drop_rows(rows, reasons)
    if request.fraction is not None:
        rows = sample_fraction(rows, request.fraction, request.seed)
    if again:
        val_fraction = VAL_FRACTION if request.val_fraction is None else request.val_fraction
        rows = split_again(rows, val_fraction, request.test_fraction, request.split_floor, request.seed, pairs)
    rows = cap_classes(rows, _caps(request.caps, names), request.cap_all, request.seed)
    figures = summarise(rows, names, len(unsettled), skipped_decisions)
    if figures.classes < (2 if request.classes_of is None else 1):
        raise UserError(
            f"only {figures.classes} of {counted(len(class_names), 'class')} would remain; "
            "a recogniser needs at least two"
        )
    return rows, names, _notes(figures, unsettled), figures


def _inspected(catalog: Catalog, request: PrepareRequest, counter: Counter) -> tuple[list[BadFile], list[Pair]]:
    """Unusable files and duplicate pairs: from the audit, or searched for if duplicates are to be dropped."""
    if request.audit is None and (request.drop_duplicates or request.drop_leaks):
        pairs, bad_files = find_pairs(catalog, counter)
        return bad_files, pairs
    pairs = [] if request.audit is None else audited_pairs(request.audit)
    names = {relative_name(sample.path, catalog.root) for sample in catalog.samples} if pairs else set()
    if pairs and names.isdisjoint(name for pair in pairs for name in pair):
        raise UserError(f"{request.audit} is the audit of another data set: it contains no image of {catalog.root}")
    paths = [sample.path for sample in catalog.samples]
    progress = counter("checking images", len(paths))
    return check_files(paths, cache=cache_folder() / "verdicts.sqlite", progress=progress), pairs


def _unusable(catalog: Catalog, bad: Sequence[BadFile], max_fraction: float) -> dict[str, str]:
    total = len(catalog.samples)
    if len(bad) == total or len(bad) / total > max_fraction:
        raise UserError(
            f"{len(bad):,} of {counted(total, 'image')} are unusable, such as {bad[0].path} ({bad[0].reason}); "
            f"fix them, or allow more with {argument('max_bad_fraction')}"
        )
    return {relative_name(file.path, catalog.root): f"unusable: {file.reason}" for file in bad}


def _caps(caps: Mapping[str, int], names: Mapping[str, str]) -> dict[str, int]:
    """The caps by normalised class name."""
    clean = set(names.values())
    found = {}
    for name, limit in caps.items():
        target = names.get(name, name if name in clean else clean_name(name))
        if target not in clean:
            raise unknown_name(f"class in {argument('caps')}:", name, clean)
        found[target] = limit
    return found


def _data_notes(catalog: Catalog, request: PrepareRequest) -> Sequence[str]:
    """The notes of the data set, without that on a split of which nothing is left."""
    kept_test = request.test_fraction is None and "test" not in catalog.named_splits
    return catalog.notes if kept_test or not request.splits_again else without_split_note(catalog.notes)


def _notes(figures: Figures, unsettled: Sequence[tuple[str, ...]]) -> list[str]:
    notes = []
    if figures.skipped_decisions:
        notes.append(
            f"{counted(figures.skipped_decisions, 'decision was', 'decisions were')} skipped: "
            "the image is missing or its label has changed"
        )
    if unsettled:
        notes.append(
            f"{counted(len(unsettled), 'image is', 'images are')} still in two classes of one split, "
            f"to be resolved in the review, such as {' and '.join(unsettled[0][:2])}"
        )
    if figures.lost_classes:
        lost = counted(len(figures.lost_classes), "class has", "classes have")
        notes.append(f"{lost} no image left, such as {figures.lost_classes[0]}")
    return notes


def _facts(
    catalog: Catalog, request: PrepareRequest, figures: Figures, notes: Sequence[str], shards: Mapping[str, str]
) -> dict[str, Any]:
    """The contents of ``prepare.json``. Without time and output path, so that the same input gives the same bytes."""
    return {
        "root": str(catalog.root),
        "format": catalog.format,
        "data_digest": data_digest(catalog),
        "decisions_sha256": digests(request.decisions),
        "audit_sha256": digests([request.audit / "issues.csv"] if request.audit else []),
        "settings": request.to_json(),
        "versions": versions(*(["mindspore"] if request.mindrecord else [])),
        "figures": asdict(figures),
        "notes": list(notes),
        "mindrecord_sha256": dict(shards),
    }


def _write_mindrecord(
    folder: Path, rows: Sequence[Row], targets: Sequence[str], image_size: int, counter: Counter
) -> dict[str, str]:
    """Write the shards of every split, the class names of the labels and the checksums of both.

    Returns the SHA-256 of each file of the shards.
    """
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from shelfmind.images.mindrecord import describe_shards, write_shards

    shards_folder = folder / MINDRECORD_FOLDER
    shards_folder.mkdir()
    kept = [(row, target) for row, target in zip(rows, targets, strict=True) if row.kept]
    class_names = sorted({row.class_name for row, _ in kept})
    ids = {name: number for number, name in enumerate(class_names)}
    progress = counter("writing MindRecord", len(kept))
    shards: dict[str, list[str]] = {}
    for split in SPLITS:
        of_split = [(folder / target, ids[row.class_name], target) for row, target in kept if row.new_split == split]
        if of_split:
            files, labels, names = zip(*of_split, strict=True)
            shards[split] = write_shards(
                shards_folder, split, files, labels, names, image_size=image_size, progress=progress
            )
    classes = shards_folder / "classes.json"
    write_json(classes, {"names": class_names, "shards": shards, "image_size": image_size})
    checksums = describe_shards(shards_folder, (shard for names in shards.values() for shard in names))
    write_checksums(shards_folder, {**checksums, classes.name: file_sha256(classes)})
    return checksums
