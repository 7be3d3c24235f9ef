"""Builds the catalog from what a source found: class ids, splits, order, notes, and the checks all sources share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.data.classes import sorted_class_names
from shelfmind.data.splits import SPLITS, VAL_FRACTION, complete_splits
from shelfmind.errors import UserError
from shelfmind.images.decoding import IMAGE_SUFFIXES
from shelfmind.nouns import shortened
from shelfmind.records import Catalog, Sample


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One image that a source found; `split` is None if the source specifies none."""

    path: Path
    class_name: str
    split: str | None


def assemble(
    found: Sequence[FoundImage],
    locations: Mapping[str, str],
    *,
    root: Path,
    format: str,
    seed: int,
    notes: Sequence[str] = (),
    val_fraction: float = VAL_FRACTION,
    same_names: bool = False,
) -> Catalog:
    """Build the catalog of these images, ordered by split, then class, then the given order.

    `locations` maps every class, including empty ones, to where it was found. Raises `UserError` if there are no
    images, or if two class names are equal after normalising and `same_names` does not allow it.
    """
    if not found:
        raise UserError(f"no images in {root} (looked for {', '.join(sorted(IMAGE_SUFFIXES))} as format '{format}')")
    class_names = sorted_class_names(locations, same_names)
    ids = {name: position for position, name in enumerate(class_names)}
    labels = np.array([ids[item.class_name] for item in found], np.int64)
    splits, split_notes = complete_splits([item.split for item in found], labels, seed, val_fraction)
    samples = [Sample(item.path, int(label), split) for item, label, split in zip(found, labels, splits, strict=True)]
    samples.sort(key=lambda sample: (SPLITS.index(sample.split), sample.label))
    rare = _class_notes(class_names, labels, splits)
    named = frozenset(item.split for item in found if item.split is not None)
    return Catalog(tuple(samples), class_names, root, format, (*notes, *split_notes, *rare), named)


def require_two_classes(catalog: Catalog) -> None:
    """Raise `UserError` unless at least two classes have images: a classifier cannot be trained on one."""
    if len({sample.label for sample in catalog.samples}) > 1:
        return
    root, name = catalog.root, catalog.class_names[catalog.samples[0].label]
    deeper = (root / name).is_dir() and any(sample.path.parent != root / name for sample in catalog.samples)
    raise UserError(
        f"only one class ('{name}') has images in {root}; a recogniser needs at least two: "
        "put the photos of each product into a separate folder"
        + (f" (or did you mean {root / name}?)" if deeper else "")
    )


def _class_notes(class_names: Sequence[str], labels: npt.NDArray[np.int64], splits: Sequence[str]) -> list[str]:
    counts = np.bincount(labels, minlength=len(class_names))
    in_train = np.bincount(labels[np.array(splits) == "train"], minlength=len(class_names))

    def named(chosen: npt.NDArray[np.bool_]) -> str:
        indices = np.flatnonzero(chosen)
        return f"{len(indices)} ({shortened(class_names[index] for index in indices)})"

    notes = []
    if (counts == 0).any():
        notes.append(f"classes without images, kept so that class ids do not change: {named(counts == 0)}")
    if (counts == 1).any():
        notes.append(f"classes with a single image, too few to train and evaluate: {named(counts == 1)}")
    if not in_train.any():
        notes.append("no training images: this data can be used for evaluation only")
    elif ((counts > 0) & (in_train == 0)).any():
        notes.append(f"classes without training images: {named((counts > 0) & (in_train == 0))}")
    return notes
