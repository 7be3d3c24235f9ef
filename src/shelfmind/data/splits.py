"""Stratified, seeded splits, and the file that stores one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.errors import UserError, unknown_name
from shelfmind.nouns import counted, shortened
from shelfmind.records import UNLABELLED, Catalog, Sample
from shelfmind.tables import read_table, write_table

SPLITS = ("train", "val", "test")
SPLIT_ALIASES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
VAL_FRACTION = 0.1
TEST_FRACTION = 0.1
_COLUMNS = ("path", "label", "split", "sha256")
_GENERATED_SPLIT = "a stratified one was created with seed"


def stratified_split(
    labels: npt.NDArray[np.int64], held_out: Mapping[str, float], seed: int, floor: int = 0
) -> npt.NDArray[np.str_]:
    """The split of each of N images, shape (N,): the fractions in `held_out`, the rest "train".

    Each class contributes its share to every held-out split within one image, and so does the sum over all classes, so
    that small classes are represented. At least one image of each class stays in train. With a `floor`, each class
    contributes at least that many images to each held-out split, in the order of `held_out`, as long as one stays in
    train. The result is determined by the labels, fractions, floor and seed.
    """
    if any(fraction < 0 for fraction in held_out.values()) or sum(held_out.values()) >= 1:
        raise ValueError(f"fractions must be at least 0 and sum to less than 1, got {dict(held_out)}")
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]  # shuffled within each class
    _, counts = np.unique(labels, return_counts=True)
    starts = np.cumsum(counts) - counts
    left = counts - 1
    names = np.full(len(labels), "train", dtype=f"<U{max(map(len, ('train', *held_out)))}")
    for name, fraction in held_out.items():
        taken = np.minimum(np.maximum(_shares(counts, fraction, generator), floor), left)
        for start, number in zip(starts, taken, strict=True):
            names[order[start : start + number]] = name
        starts = starts + taken
        left = left - taken
    return names


def _shares(counts: npt.NDArray[np.int64], fraction: float, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Integers near `counts * fraction`, shape (classes,), whose sum is near the sum of those products.

    The running sum is rounded instead of each class, in a random order of the classes with a random start.
    """
    indices = generator.permutation(len(counts))
    running = np.floor(np.cumsum(counts[indices]) * fraction + generator.random())
    shares = np.empty(len(counts), np.int64)
    shares[indices] = np.diff(running, prepend=0).astype(np.int64)
    return shares


def complete_splits(
    splits: Sequence[str | None], labels: npt.NDArray[np.int64], seed: int, val_fraction: float = VAL_FRACTION
) -> tuple[list[str], list[str]]:
    """Fill in the missing splits of a data set; return all splits, and notes on what was done.

    No split, or train alone: 80/10/10 (train/val/test). Train and test without val: `val_fraction` of train becomes
    val. Everything else is kept. Splits must be given for all images or for none.
    """
    given = {split for split in splits if split is not None}
    if not splits or given - {"train", "test"} or given == {"test"}:
        return [split or "train" for split in splits], []
    held_out = {"val": val_fraction}
    if given != {"train", "test"}:
        held_out = {"val": VAL_FRACTION, "test": TEST_FRACTION}
    chosen = np.array([index for index, split in enumerate(splits) if split != "test"], np.int64)
    made = stratified_split(labels[chosen], held_out, seed)
    completed = [split or "train" for split in splits]
    for index, split in zip(chosen.tolist(), made.tolist(), strict=True):
        completed[index] = split
    parts = ", ".join(f"{name} {completed.count(name)}" for name in SPLITS)
    source = "there is no val split" if given == {"train", "test"} else "the data comes without a split"
    shares = " and ".join(f"{fraction:.0%} to {name}" for name, fraction in held_out.items())
    return completed, [f"{source}: {_GENERATED_SPLIT} {seed}, {shares} ({parts})"]


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One image of a run: its path as given by `relative_name`, its class, its split and the SHA-256 of its bytes.

    The digest is None if the file could not be read, or if an early version without digests wrote the list.
    """

    name: str
    label: str
    split: str
    sha256: bytes | None = None


def write_split(catalog: Catalog, path: Path, digests: Sequence[bytes | None]) -> None:
    """Write the split as CSV: path (relative to the catalog's root if below it), label name, split, SHA-256.

    `digests` belong to the catalog's samples, see `content.hash_files`.
    """
    rows = (
        (
            relative_name(sample.path, catalog.root),
            _label_name(catalog, sample),
            sample.split,
            "" if digest is None else digest.hex(),
        )
        for sample, digest in zip(catalog.samples, digests, strict=True)
    )
    write_table(path, _COLUMNS, rows)


def read_split(path: Path) -> list[SplitRow]:
    """The rows of a file written by `write_split`, including files of early versions without digests."""
    rows = read_table(path, exact=True)
    columns = tuple(rows[0][1]) if rows else ()
    if columns not in (_COLUMNS, _COLUMNS[:-1]):
        raise UserError(f"{path} is not a list of splits: its header must be {','.join(_COLUMNS)}")
    found: list[SplitRow] = []
    for line, row in rows[1:]:
        if len(row) != len(columns):
            raise UserError(f"{path}, line {line}: expected {counted(len(columns), 'cell')}, got {len(row)}")
        if row[2] not in SPLITS:
            raise unknown_name(f"split in {path}, line {line}:", row[2], SPLITS)
        found.append(SplitRow(row[0], row[1], row[2], _digest(row[3], path, line) if len(row) > 3 else None))
    return found


def with_split(catalog: Catalog, path: Path, digests: Sequence[bytes | None]) -> Catalog:
    """The catalog with the splits stored by `write_split`, in the order of that list.

    Images are matched by content, so that renamed and moved files keep their split; `digests` belong to the catalog's
    samples. New and changed images are skipped, with a note.
    """
    rows = read_split(path)
    names = [relative_name(sample.path, catalog.root) for sample in catalog.samples]
    found = matching_rows(rows, names, digests)
    listed = {row.name for row in rows}
    kept: dict[int, Sample] = {}
    new: list[str] = []
    changed: list[str] = []
    for sample, name, index in zip(catalog.samples, names, found, strict=True):
        if index is not None:
            kept[index] = Sample(sample.path, sample.label, rows[index].split)
        else:
            (changed if name in listed else new).append(name)
    notes = without_split_note(catalog.notes)
    if new:
        absent = counted(len(new), "image is", "images are")
        notes.append(f"{absent} not in {path} and skipped: {shortened(new)}")
    if changed:
        notes.append(
            f"{counted(len(changed), 'image')} changed since {path} was written and skipped: {shortened(changed)}"
        )
    if len(kept) < len(rows):
        notes.append(f"{counted(len(rows) - len(kept), 'image')} of {path} missing from {catalog.root}")
    return replace(catalog, samples=tuple(kept[index] for index in sorted(kept)), notes=tuple(notes))


def matching_rows(rows: Sequence[SplitRow], names: Sequence[str], digests: Sequence[bytes | None]) -> list[int | None]:
    """The row of each of N images, each row used once: the row of the same name and content, else one of the same
    content.

    If a digest is missing on either side, the name decides.
    """
    by_name = {row.name: index for index, row in enumerate(rows)}
    found: list[int | None] = []
    for name, digest in zip(names, digests, strict=True):
        index = by_name.get(name)
        same = index is not None and (digest is None or rows[index].sha256 in (None, digest))
        found.append(index if same else None)
    taken = {index for index in found if index is not None}
    free: dict[bytes, list[int]] = {}
    for index in range(len(rows) - 1, -1, -1):  # reversed, so that pop() takes the first
        sha256 = rows[index].sha256
        if sha256 is not None and index not in taken:
            free.setdefault(sha256, []).append(index)
    for image, digest in enumerate(digests):
        if found[image] is None and digest is not None and free.get(digest):
            found[image] = free[digest].pop()
    return found


def without_split_note(notes: Iterable[str]) -> list[str]:
    """A catalog's notes without the note on a generated split, for a catalog that takes another split."""
    return [note for note in notes if _GENERATED_SPLIT not in note]


def relative_name(path: Path, root: Path) -> str:
    """The path below `root` with slashes; computed on text, because `Path.relative_to` takes seconds for 350,000
    images."""
    text, above = os.fspath(path), os.path.join(root, "")
    below = text[len(above) :] if text.startswith(above) else text
    return below.replace(os.sep, "/")


def _label_name(catalog: Catalog, sample: Sample) -> str:
    return "" if sample.label == UNLABELLED else catalog.class_names[sample.label]


def _digest(text: str, path: Path, line: int) -> bytes | None:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b"?"
    if len(digest) not in (0, 32):
        raise UserError(f"{path}, line {line}: '{text}' is not a SHA-256")
    return digest or None
