"""Assigns images to folds, and defines their order in every array of a label check."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints
from shelfmind.data.folds import NEVER_HELD_OUT, block_folds
from shelfmind.data.splits import relative_name
from shelfmind.errors import UserError
from shelfmind.records import Catalog, Sample
from shelfmind.tables import read_table, write_table


@dataclass(frozen=True)
class HeldOut:
    """N images in the order of `images.csv` and of every array, images that can be checked first.

    `names` are their paths relative to the data set's root, `given` their class names. `folds` (N,) is the fold whose
    network checks each image, `NEVER_HELD_OUT` for the unchecked images at the end; `labels` (N,) are indices into the
    classes of the networks, `class_names`, or -1 for another class.
    """

    samples: tuple[Sample, ...]
    names: tuple[str, ...]
    given: tuple[str, ...]
    labels: Ints
    folds: Ints
    class_names: tuple[str, ...]

    @property
    def checkable(self) -> int:
        """The number of images that some network checks."""
        return int((self.folds != NEVER_HELD_OUT).sum())

    @property
    def used_folds(self) -> list[int]:
        """The folds that hold out at least one image."""
        return [int(fold) for fold in np.unique(self.folds[: self.checkable])]

    def trains(self, fold: int) -> npt.NDArray[np.bool_]:
        """Which images the network of a fold is trained on, shape (N,)."""
        in_test = np.array([sample.split == "test" for sample in self.samples], np.bool_)
        return np.asarray(~in_test & (self.folds != fold))


def hold_out(catalog: Catalog, folds: int, copies: Sequence[Sequence[int]] = ()) -> HeldOut:
    """Assign the images of a catalog to folds; `copies` are groups of positions of near-duplicates.

    Each image of train and val is held out in one fold and trained on in all others. Test images are never trained on,
    so any network may check them; they are distributed evenly. The only image of a class outside test is trained on in
    every fold and not checked, nor are test images of a class without other images. Near-duplicates share a fold,
    including those in test; a class that consists of near-duplicates of one photo counts as a single image. No network
    therefore checks a photo after training on a near-duplicate, unless the class has no other images. Raises
    `UserError` if nothing can be checked.
    """
    known, labels = _known_classes(catalog)
    in_test = np.array([sample.split == "test" for sample in catalog.samples], np.bool_)
    pool = np.flatnonzero(~in_test)
    chosen = np.full(len(labels), NEVER_HELD_OUT, np.int64)
    chosen[pool] = block_folds([os.fspath(catalog.samples[index].path) for index in pool], labels[pool], folds)
    _unify_folds(chosen, labels, ~in_test, copies)
    used = np.unique(chosen[chosen != NEVER_HELD_OUT])
    if len(known) < 2 or not len(used):
        what = "fewer than two classes have images" if len(known) < 2 else "no class has two images"
        raise UserError(f"labels in {catalog.root} cannot be checked: {what} outside the test split")
    tested = np.flatnonzero(in_test & (labels >= 0))
    chosen[tested] = used[np.arange(len(tested)) % len(used)]
    for members in copies:
        indices = np.array(members)
        seen = indices[~in_test[indices] & (chosen[indices] != NEVER_HELD_OUT)]
        if len(seen):
            chosen[np.intersect1d(indices, tested)] = chosen[seen[0]]
    return _arranged(catalog, labels, chosen, known)


def read_held_out(path: Path, catalog: Catalog) -> HeldOut | None:
    """Read the file of `write_held_out` for this catalog; None if it was written for other images."""
    rows = [row for _, row in read_table(path, exact=True)[1:]]
    folds = {row[0]: int(row[3]) if row[3] else NEVER_HELD_OUT for row in rows if len(row) == 4}
    names = [relative_name(sample.path, catalog.root) for sample in catalog.samples]
    if folds.keys() != set(names):
        return None
    known, labels = _known_classes(catalog)
    return _arranged(catalog, labels, np.array([folds[name] for name in names], np.int64), known)


def _known_classes(catalog: Catalog) -> tuple[list[int], Ints]:
    """The class ids with images outside test, and each sample's index among them (-1: another class)."""
    known = sorted({sample.label for sample in catalog.samples if sample.split != "test"})
    ids = {label: index for index, label in enumerate(known)}
    return known, np.array([ids.get(sample.label, -1) for sample in catalog.samples], np.int64)


def _unify_folds(
    chosen: Ints, labels: Ints, outside_test: npt.NDArray[np.bool_], copies: Sequence[Sequence[int]]
) -> None:
    """Move near-duplicates to the fold of the first of them; a class that ends up in a single fold is not checked."""
    touched: set[int] = set()
    for members in copies:
        indices = np.array([index for index in members if outside_test[index] and chosen[index] != NEVER_HELD_OUT])
        if len(indices) > 1:
            chosen[indices] = chosen[indices[0]]
            touched.update(labels[indices].tolist())
    for label in touched:
        own = np.flatnonzero((labels == label) & outside_test)
        if len(np.unique(chosen[own])) == 1:
            chosen[own] = NEVER_HELD_OUT


def _arranged(catalog: Catalog, labels: Ints, chosen: Ints, known: Sequence[int]) -> HeldOut:
    order = np.argsort(chosen == NEVER_HELD_OUT, kind="stable")
    samples = tuple(catalog.samples[index] for index in order)
    return HeldOut(
        samples,
        tuple(relative_name(sample.path, catalog.root) for sample in samples),
        tuple(catalog.class_names[sample.label] for sample in samples),
        labels[order],
        chosen[order],
        tuple(catalog.class_names[label] for label in known),
    )


def write_held_out(path: Path, held_out: HeldOut) -> None:
    """Write the order of the images as CSV: path, label, split, fold (empty if no network checks the image)."""
    rows = (
        (name, given, sample.split, "" if fold == NEVER_HELD_OUT else str(fold))
        for name, given, sample, fold in zip(
            held_out.names, held_out.given, held_out.samples, held_out.folds.tolist(), strict=True
        )
    )
    write_table(path, ("path", "label", "split", "fold"), rows)
