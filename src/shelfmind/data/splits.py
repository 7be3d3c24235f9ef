"""Stratified, seeded splits, and the list on disk that keeps one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.data.tables import read_table, shortened, write_table
from shelfmind.errors import UserError, unknown_name
from shelfmind.records import UNLABELLED, Catalog, Sample

SPLITS = ("train", "val", "test")
SPLIT_ALIASES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
VAL_FRACTION = 0.1
TEST_FRACTION = 0.1
_COLUMNS = ("path", "label", "split")


def stratified_split(
    labels: npt.NDArray[np.int64], held_out: Mapping[str, float], seed: int, floor: int = 0
) -> npt.NDArray[np.str_]:
    """The split of each of N images, shape (N,): the fractions in `held_out`, the rest "train".

    Each class gives its share of every held-out split within one image, and so does the sum over all classes, so that
    small classes are not passed over; but one image of each class always stays in train. With a `floor`, each class
    gives at least that many to each of them, in the order of `held_out`, as long as one stays in train. The same
    labels, fractions, floor and seed give the same split.
    """
    if any(fraction < 0 for fraction in held_out.values()) or sum(held_out.values()) >= 1:
        raise ValueError(f"fractions must be at least 0 and sum to less than 1: {dict(held_out)}")
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
    """Whole numbers near `counts * fraction`, shape (classes,), whose sum is near the sum of those products.

    The running sum is rounded, not each class, in a random order of the classes with a random start.
    """
    places = generator.permutation(len(counts))
    running = np.floor(np.cumsum(counts[places]) * fraction + generator.random())
    shares = np.empty(len(counts), np.int64)
    shares[places] = np.diff(running, prepend=0).astype(np.int64)
    return shares


def complete_splits(
    splits: Sequence[str | None], labels: npt.NDArray[np.int64], seed: int, val_fraction: float = VAL_FRACTION
) -> tuple[list[str], list[str]]:
    """The splits with what the data set leaves open filled in, and notes on what was done.

    No split given, or train alone: 80/10/10 (train/val/test). Train and test without val: `val_fraction` of train
    becomes val. Everything else stays as it is. None and names must not be mixed.
    """
    given = {split for split in splits if split is not None}
    if not splits or given - {"train", "test"} or given == {"test"}:
        return [split or "train" for split in splits], []
    held_out = {"val": val_fraction}
    if given != {"train", "test"}:
        held_out = {"val": VAL_FRACTION, "test": TEST_FRACTION}
    chosen = np.array([place for place, split in enumerate(splits) if split != "test"], np.int64)
    made = stratified_split(labels[chosen], held_out, seed)
    completed = [split or "train" for split in splits]
    for place, split in zip(chosen.tolist(), made.tolist(), strict=True):
        completed[place] = split
    parts = ", ".join(f"{name} {completed.count(name)}" for name in SPLITS)
    source = "there is no val split" if given == {"train", "test"} else "the data has no splits of its own"
    shares = " and ".join(f"{fraction:.0%} of each class to {name}" for name, fraction in held_out.items())
    return completed, [f"{source}: a stratified one was made with seed {seed}, {shares} ({parts})"]


def write_split(catalog: Catalog, path: Path) -> None:
    """Write the split as CSV: path (relative to the catalog's root where it lies below it), label name, split."""
    rows = (
        (relative_name(sample.path, catalog.root), _label_name(catalog, sample), sample.split)
        for sample in catalog.samples
    )
    write_table(path, _COLUMNS, rows)


def read_split(path: Path) -> dict[str, str]:
    """The split of each path in a file that `write_split` wrote."""
    rows = read_table(path, exact=True)
    if not rows or tuple(rows[0][1]) != _COLUMNS:
        raise UserError(f"{path} is not a list of splits: its first line must be {','.join(_COLUMNS)}")
    splits: dict[str, str] = {}
    for line, row in rows[1:]:
        if len(row) != len(_COLUMNS):
            raise UserError(f"{path}, line {line}: {len(row)} cells where {len(_COLUMNS)} belong")
        if row[2] not in SPLITS:
            raise unknown_name(f"split in {path}, line {line}:", row[2], SPLITS)
        splits[row[0]] = row[2]
    return splits


def with_split(catalog: Catalog, path: Path) -> Catalog:
    """The catalog with the splits that `write_split` wrote down; images that came later are left out, with a note."""
    splits = read_split(path)
    samples: list[Sample] = []
    new: list[str] = []
    for sample in catalog.samples:
        name = relative_name(sample.path, catalog.root)
        if name in splits:
            samples.append(Sample(sample.path, sample.label, splits[name]))
        else:
            new.append(name)
    notes = list(catalog.notes)
    if new:
        notes.append(f"{len(new)} images are not in {path} and were left out: {shortened(new)}")
    if len(samples) < len(splits):
        notes.append(f"{len(splits) - len(samples)} images of {path} are no longer in {catalog.root}")
    return Catalog(tuple(samples), catalog.class_names, catalog.root, catalog.format, tuple(notes))


def relative_name(path: Path, root: Path) -> str:
    """The path below `root` with slashes; as text, because `Path.relative_to` takes seconds for 350,000 images."""
    text, above = os.fspath(path), os.path.join(root, "")
    below = text[len(above) :] if text.startswith(above) else text
    return below.replace(os.sep, "/")


def _label_name(catalog: Catalog, sample: Sample) -> str:
    return "" if sample.label == UNLABELLED else catalog.class_names[sample.label]
