"""Records exchanged between layers: samples, catalogs and predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from shelfmind.errors import UserError
from shelfmind.nouns import counted, shortened
from shelfmind.prediction_files import Column, array_column, texts_column, write_predictions
from shelfmind.top_probabilities import Probabilities, TopProbabilities, best
from shelfmind.urls import shown_url

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo: its path, its class id (`UNLABELLED` if unknown) and its split.

    Splits of a data set are train, val and test; for a run also new, for photos that it has not seen.
    """

    path: Path
    label: int
    split: str


@dataclass(frozen=True, slots=True)
class BadFile:
    """An unusable file, and the reason."""

    path: Path
    reason: str

    @property
    def name(self) -> str:
        """The path as users write it."""
        return shown_url(self.path)


@dataclass(frozen=True)
class Catalog:
    """A data set: samples in a stable order, and sorted class names, whose positions are the class ids.

    `notes` are for the user: how a split was made, which classes are empty. `named_splits` come from the data set
    itself; other splits were created when it was opened.
    """

    samples: tuple[Sample, ...]
    class_names: tuple[str, ...]
    root: Path
    format: str
    notes: tuple[str, ...] = ()
    named_splits: frozenset[str] = frozenset()

    def split(self, *names: str) -> tuple[Sample, ...]:
        """The samples of one or more splits, in catalog order."""
        return tuple(sample for sample in self.samples if sample.split in names)

    def without(self, bad_files: Iterable[BadFile]) -> Catalog:
        """The catalog without the samples of bad files."""
        bad = {bad_file.path for bad_file in bad_files}
        return replace(self, samples=tuple(sample for sample in self.samples if sample.path not in bad))

    def classes_with_samples(self) -> set[str]:
        """The names of the classes that are not empty."""
        return {self.class_names[label] for label in {sample.label for sample in self.samples} - {UNLABELLED}}

    def class_counts(self, split: str) -> npt.NDArray[np.int64]:
        """Images per class in one split, shape (classes,)."""
        labels = np.array([sample.label for sample in self.split(split)], np.int64)
        return np.bincount(labels, minlength=len(self.class_names)).astype(np.int64)


@dataclass(frozen=True)
class Predictions:
    """Predictions of a run for N images and C classes.

    `paths` has N entries; `labels` shape (N,), `UNLABELLED` if unknown; `probabilities` shape (N, C), rows sum to 1;
    `embeddings` shape (N, D). `seconds` is the duration of the prediction, 0 if unknown. If memory cannot hold all
    probabilities, they are `TopProbabilities`, of which chunks of rows are arrays, too.
    """

    paths: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]
    class_names: tuple[str, ...]
    bad_files: tuple[BadFile, ...] = field(default=())
    seconds: float = 0.0

    def __post_init__(self) -> None:
        lengths = {len(self.paths), len(self.labels), len(self.probabilities), len(self.embeddings)}
        if len(lengths) != 1 or self.probabilities.shape[1] != len(self.class_names):
            raise ValueError(
                "predictions must have a path, a label and an embedding for each row of probabilities, "
                "and a class name for each column"
            )

    def __len__(self) -> int:
        return len(self.paths)

    def top(self, count: int) -> npt.NDArray[np.int64]:
        """The `count` most probable class ids of each image, best first, shape (N, count)."""
        count, kept = min(count, len(self.class_names)), self.probabilities
        if isinstance(kept, TopProbabilities) and count <= kept.ids.shape[1]:
            return kept.ids[:, :count].astype(np.int64)
        chosen = [best(self.probabilities[[row]][0], count) for row in range(len(self))]
        return np.array(chosen, np.int64).reshape(len(self), count)

    def save(self, path: Path) -> None:
        """Write everything but `bad_files` as ``.npz`` without pickled objects."""
        write_predictions(
            path,
            paths=texts_column(self.paths),
            labels=array_column(self.labels),
            probabilities=_columns_of(self.probabilities),
            embeddings=array_column(self.embeddings),
            class_names=self.class_names,
            seconds=self.seconds,
        )

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read a file written by `save`."""
        try:
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
                return cls(
                    paths=tuple(str(name) for name in archive["paths"]),
                    labels=archive["labels"],
                    probabilities=_probabilities_in(archive),
                    embeddings=archive["embeddings"],
                    class_names=tuple(str(name) for name in archive["class_names"]),
                    seconds=float(archive["seconds"]) if "seconds" in archive else 0.0,
                )
        except Exception as error:  # the headers of archive and arrays are parsed by code that can raise anything
            raise UserError(f"{path} is not a predictions file: {error}") from error


def _columns_of(probabilities: npt.NDArray[np.float32]) -> dict[str, Column]:
    if isinstance(probabilities, TopProbabilities):
        return {"top_classes": array_column(probabilities.ids), "top_probabilities": array_column(probabilities.values)}
    return {"probabilities": array_column(probabilities)}


def _probabilities_in(archive: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    if "top_classes" not in archive:
        return archive["probabilities"]
    top = TopProbabilities(archive["top_classes"], archive["top_probabilities"], len(archive["class_names"]))
    return as_probabilities(top)


def as_probabilities(found: Probabilities) -> npt.NDArray[np.float32]:
    """All probabilities, or those of the most probable classes, in place of `Predictions.probabilities`.

    The latter are no array, but used like one: in chunks of rows.
    """
    return cast(npt.NDArray[np.float32], found)


def with_classes_of_run(catalog: Catalog, names: Sequence[str]) -> Catalog:
    """The catalog with the class ids of a run that learnt `names`; a note lists missing classes.

    Raises `UserError` for classes unknown to the run, unless they have no samples.
    """
    if catalog.class_names == tuple(names):
        return catalog
    ids = {name: class_id for class_id, name in enumerate(names)}
    if not ids.keys() >= catalog.classes_with_samples():
        require_same_classes(names, catalog.class_names, str(catalog.root))
    known = {class_id: ids[name] for class_id, name in enumerate(catalog.class_names) if name in ids}
    labels = {UNLABELLED: UNLABELLED, **known}
    samples = tuple(Sample(each.path, labels[each.label], each.split) for each in catalog.samples)
    missing = sorted(ids.keys() - set(catalog.class_names))
    are = "is" if len(catalog.class_names) == 1 else "are"
    part = f"{len(catalog.class_names):,} of the run's {counted(len(names), 'class')} {are} in this data set"
    note = [f"{part}; missing: {shortened(missing)}"] if missing else []
    return replace(catalog, samples=samples, class_names=tuple(names), notes=(*catalog.notes, *note))


def with_further_classes(catalog: Catalog, names: Sequence[str]) -> Catalog:
    """The catalog with class ids as positions in `names`, followed by its other classes."""
    ids = {name: class_id for class_id, name in enumerate(dict.fromkeys((*names, *catalog.class_names)))}
    labels = {UNLABELLED: UNLABELLED, **{class_id: ids[name] for class_id, name in enumerate(catalog.class_names)}}
    samples = tuple(Sample(each.path, labels[each.label], each.split) for each in catalog.samples)
    return replace(catalog, samples=samples, class_names=tuple(ids))


def require_same_classes(expected: Sequence[str], given: Sequence[str], where: str) -> None:
    """Raise `UserError` if the classes of a data set differ from the run's; the message names the difference."""
    if tuple(expected) == tuple(given):
        return
    missing = sorted(set(expected) - set(given))
    extra = sorted(set(given) - set(expected))
    parts = [f"{len(extra)} unknown to the run ({shortened(extra)})"] if extra else []
    parts += [f"{len(missing)} missing in the data ({shortened(missing)})"] if missing else []
    raise UserError(f"the classes of {where} differ from the run's: {'; '.join(parts) or 'same names, another order'}")
