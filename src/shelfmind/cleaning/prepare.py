"""Makes a clean copy of a data set by decisions and rules: a repeatable, recorded step; nothing changes in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shelfmind.analysis.decisions import Decision, read_decisions, resolve
from shelfmind.cleaning.names import clean_name, clean_names
from shelfmind.cleaning.placing import target_paths
from shelfmind.cleaning.record import Figures, digests, summarise, versions, write_record
from shelfmind.cleaning.repeats import Pair, audited_pairs, find_pairs
from shelfmind.cleaning.report import write_report
from shelfmind.cleaning.rows import (
    Row,
    apply_decisions,
    cap_classes,
    drop,
    rename_classes,
    repetitions,
    sample_fraction,
    split_again,
)
from shelfmind.cleaning.writing import LINKS, place_images
from shelfmind.data import absolute, open_catalog
from shelfmind.data.checking import check_files
from shelfmind.data.digest import data_digest
from shelfmind.data.splits import SPLITS, VAL_FRACTION, relative_name
from shelfmind.errors import UserError, unknown_name
from shelfmind.files import cache_folder, folder_written_whole, require_free_folder, write_json
from shelfmind.progress import Counter, count_silently
from shelfmind.records import BadFile, Catalog

MINDRECORD_FOLDER = "mindrecord"


@dataclass(frozen=True)
class Settings:
    """What to do; the fields are the options of `shelfmind prepare`."""

    decisions: tuple[Path, ...] = ()
    prefer: tuple[str, ...] = ()
    prefer_latest: bool = False
    ignore_missing_decisions: bool = False
    others: str | None = None
    new_classes: tuple[str, ...] = ()
    audit: Path | None = None
    drop_duplicates: bool = False
    drop_leaks: bool = False
    merge_same_names: bool = False
    fraction: float | None = None
    caps: Mapping[str, int] = field(default_factory=dict)
    cap_all: int | None = None
    val_fraction: float | None = None
    test_fraction: float | None = None
    split_floor: int = 1
    jpeg: bool = False
    link: str = "auto"
    mindrecord: bool = False
    image_size: int = 256
    seed: int = 0
    max_bad_fraction: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """A clean data set: where it is, what was done, how its images got there, and what the user should know."""

    out: Path
    figures: Figures
    placed: Mapping[str, int]
    notes: Sequence[str]


def prepare(
    data: Path | str,
    out: Path | str,
    settings: Settings | None = None,
    *,
    format: str | None = None,
    counter: Counter = count_silently,
    note: Callable[[str], None] = lambda text: None,
) -> Prepared:
    """Write a clean data set to `out` in the folder layout, with a record of where every image went.

    The same data, decisions, settings and versions give the same bytes. `data` is only read. `out` must be missing or
    empty, and appears only when all is written. Raises `UserError` for everything that the user can mend.
    """
    settings = settings or Settings()
    root, out = absolute(data), absolute(out)
    _check(settings, root, out)
    catalog = open_catalog(root, format, settings.seed, same_names=True)
    decisions = _decisions(settings, note)
    rows, names, plan_notes, figures = _planned(catalog, decisions, settings, counter)
    targets = target_paths(rows, settings.jpeg)
    sources = {relative_name(sample.path, catalog.root): sample.path for sample in catalog.samples}
    kept = [(sources[row.source], target) for row, target in zip(rows, targets, strict=True) if row.kept]
    with folder_written_whole(out) as folder:
        placed = place_images(
            folder,
            [source for source, _ in kept],
            [target for _, target in kept],
            link=settings.link,
            jpeg=settings.jpeg,
            progress=counter("preparing images", len(kept)),
        )
        shards = _write_mindrecord(folder, rows, targets, settings.image_size, counter) if settings.mindrecord else {}
        notes = (*catalog.notes, *plan_notes)
        facts = _facts(catalog, settings, figures, notes, shards)
        write_record(folder, rows, targets, names, facts)
        write_report(folder, catalog.root, rows, names, figures, facts)
    return Prepared(out, figures, placed, notes)


def _check(settings: Settings, root: Path, out: Path) -> None:
    if settings.link not in LINKS:
        raise unknown_name("--link", settings.link, LINKS)
    for name, share in (("--fraction", settings.fraction), ("--max-bad-fraction", settings.max_bad_fraction)):
        if share is not None and not 0 < share <= 1:
            raise UserError(f"{name} {share} does not lie in 0 to 1")
    held_out = [share for share in (settings.val_fraction, settings.test_fraction) if share is not None]
    if any(share < 0 for share in held_out) or sum(held_out) >= 1:
        raise UserError("--val-fraction and --test-fraction must be at least 0 and sum to less than 1")
    cap_all = 1 if settings.cap_all is None else settings.cap_all
    if min(cap_all, *settings.caps.values(), 1) < 1:
        raise UserError("a cap is at least 1; to leave a class out, drop its images in the review")
    for path in settings.decisions:
        if not path.is_file():
            raise UserError(f"no decisions at {path}; `shelfmind review AUDIT` writes them to AUDIT/review.jsonl")
    real_root, real_out = os.path.realpath(root), os.path.realpath(out)
    if os.path.isdir(real_root) and os.path.commonpath([real_root, real_out]) == real_root:
        raise UserError(f"{out} lies in the data set {root}, of which it would become a part; choose another place")
    require_free_folder(out)


def _decisions(settings: Settings, note: Callable[[str], None]) -> dict[str, Decision]:
    """The decisions that hold. Several logs are joined by time, one log's own order stands."""
    logs = [read_decisions(path, note) for path in settings.decisions]
    joined = logs[0] if len(logs) == 1 else sorted((each for log in logs for each in log), key=lambda each: each.time)
    return resolve(joined, settings.prefer, settings.prefer_latest) if joined or settings.prefer else {}


def _planned(
    catalog: Catalog, decisions: Mapping[str, Decision], settings: Settings, counter: Counter
) -> tuple[list[Row], Mapping[str, str], list[str], Figures]:
    """Every image with what becomes of it, in the order of source names; the map of class names; notes; figures."""
    class_names = catalog.class_names
    rows = [
        Row(name, class_names[sample.label], sample.split, class_names[sample.label], sample.split)
        for name, sample in sorted((relative_name(sample.path, catalog.root), sample) for sample in catalog.samples)
    ]
    bad_files, pairs = _looked_at(catalog, settings, counter)
    rows = drop(rows, _unusable(catalog, bad_files, settings.max_bad_fraction))
    rows, passed_over = apply_decisions(
        rows,
        decisions,
        others=settings.others,
        new_classes=settings.new_classes,
        ignore_missing=settings.ignore_missing_decisions,
    )
    used = sorted({*class_names, *(row.class_name for row in rows)})
    names = clean_names(used, merge=settings.merge_same_names)
    rows = rename_classes(rows, names)
    reasons, unsettled = repetitions(rows, pairs, duplicates=settings.drop_duplicates, leaks=settings.drop_leaks)
    rows = drop(rows, reasons)
    if settings.fraction is not None:
        rows = sample_fraction(rows, settings.fraction, settings.seed)
    if settings.val_fraction is not None or settings.test_fraction is not None:
        val_fraction = VAL_FRACTION if settings.val_fraction is None else settings.val_fraction
        rows = split_again(rows, val_fraction, settings.test_fraction, settings.split_floor, settings.seed)
    rows = cap_classes(rows, _caps(settings.caps, names), settings.cap_all, settings.seed)
    figures = summarise(rows, names, len(unsettled), passed_over)
    if figures.classes < 2:
        raise UserError(f"{figures.classes} class would be left of {len(class_names)}; a recogniser needs at least two")
    return rows, names, _notes(figures, unsettled), figures


def _looked_at(catalog: Catalog, settings: Settings, counter: Counter) -> tuple[list[BadFile], list[Pair]]:
    """The files that cannot be used, and the copies: as the audit has them, or looked for if they are to be dropped."""
    if settings.audit is None and (settings.drop_duplicates or settings.drop_leaks):
        pairs, bad_files = find_pairs(catalog, counter)
        return bad_files, pairs
    pairs = [] if settings.audit is None else audited_pairs(settings.audit)
    names = {relative_name(sample.path, catalog.root) for sample in catalog.samples} if pairs else set()
    if pairs and names.isdisjoint(name for pair in pairs for name in pair):
        raise UserError(f"{settings.audit} is the audit of another data set: it names no image of {catalog.root}")
    paths = [sample.path for sample in catalog.samples]
    progress = counter("checking images", len(paths))
    return check_files(paths, cache=cache_folder() / "verdicts.sqlite", progress=progress), pairs


def _unusable(catalog: Catalog, bad: Sequence[BadFile], max_fraction: float) -> dict[str, str]:
    total = len(catalog.samples)
    if len(bad) == total or len(bad) / total > max_fraction:
        raise UserError(
            f"{len(bad)} of {total} images cannot be used, such as {bad[0].path} ({bad[0].reason}); "
            "mend them, or allow more with --max-bad-fraction"
        )
    return {relative_name(file.path, catalog.root): f"unusable: {file.reason}" for file in bad}


def _caps(caps: Mapping[str, int], names: Mapping[str, str]) -> dict[str, int]:
    """The caps by clean class name."""
    clean = set(names.values())
    found = {}
    for name, limit in caps.items():
        target = names.get(name, name if name in clean else clean_name(name))
        if target not in clean:
            raise unknown_name("class in --cap:", name, clean)
        found[target] = limit
    return found


def _notes(figures: Figures, unsettled: Sequence[tuple[str, ...]]) -> list[str]:
    notes = []
    if figures.passed_over:
        notes.append(
            f"{figures.passed_over} decisions were passed over: their images are gone or have another label now"
        )
    if unsettled:
        notes.append(
            f"{len(unsettled)} pictures still lie in two classes of one split, for a person to settle in the review, "
            f"such as {' and '.join(unsettled[0][:2])}"
        )
    if figures.lost_classes:
        notes.append(f"{len(figures.lost_classes)} classes have no image left, such as {figures.lost_classes[0]}")
    return notes


def _facts(
    catalog: Catalog, settings: Settings, figures: Figures, notes: Sequence[str], shards: Mapping[str, str]
) -> dict[str, Any]:
    """What ``prepare.json`` says. No time and no output path: the same input gives the same bytes."""
    options = asdict(settings)
    options["decisions"] = [str(path) for path in settings.decisions]
    options["audit"] = None if settings.audit is None else str(settings.audit)
    return {
        "root": str(catalog.root),
        "format": catalog.format,
        "data_digest": data_digest(catalog),
        "decisions_sha256": digests(settings.decisions),
        "audit_sha256": digests([settings.audit / "issues.csv"] if settings.audit else []),
        "settings": options,
        "versions": versions(*(["mindspore"] if settings.mindrecord else [])),
        "figures": asdict(figures),
        "notes": list(notes),
        "mindrecord_sha256": dict(shards),
    }


def _write_mindrecord(
    folder: Path, rows: Sequence[Row], targets: Sequence[str], image_size: int, counter: Counter
) -> dict[str, str]:
    """The shards of every split and the class names behind the labels; returns each file's SHA-256."""
    from shelfmind.runtime.device import start_mindspore

    start_mindspore()
    from shelfmind.runtime.mindrecord import describe_shards, write_split

    place = folder / MINDRECORD_FOLDER
    place.mkdir()
    kept = [(row, target) for row, target in zip(rows, targets, strict=True) if row.kept]
    class_names = sorted({row.class_name for row, _ in kept})
    ids = {name: number for number, name in enumerate(class_names)}
    progress = counter("writing MindRecord", len(kept))
    shards: dict[str, list[str]] = {}
    for split in SPLITS:
        of_split = [(folder / target, ids[row.class_name], target) for row, target in kept if row.new_split == split]
        if of_split:
            files, labels, names = zip(*of_split, strict=True)
            shards[split] = write_split(place, split, files, labels, names, image_size=image_size, progress=progress)
    write_json(place / "classes.json", {"names": class_names, "shards": shards, "image_size": image_size})
    return describe_shards(place, (shard for names in shards.values() for shard in names))
