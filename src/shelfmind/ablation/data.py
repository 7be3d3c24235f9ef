"""The training data of cells: the data set itself, or a list of it with a fixed split or with label noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shelfmind.data.list_file import write_list
from shelfmind.records import Catalog

SEED = 0
"""Seed of generated splits and label noise: the same for all training seeds, so that these can be paired."""


@dataclass(frozen=True)
class Source:
    """The path of a data set, and its format if known."""

    path: Path
    format: str | None


@dataclass(frozen=True)
class TrainingData:
    """A data set with its catalog, and a folder for lists of it."""

    own: Source
    catalog: Catalog
    digest: str
    folder: Path

    def source(self, wrong_labels: float = 0.0) -> Source:
        """The training data; a list is written on first use."""
        made = {sample.split for sample in self.catalog.samples} - self.catalog.named_splits
        if not made and not wrong_labels:
            return self.own
        name = f"{self.digest[:16]}-wrong-{wrong_labels:g}.csv" if wrong_labels else f"{self.digest[:16]}.csv"
        path = self.folder / name
        if not path.exists():
            catalog = with_wrong_labels(self.catalog, wrong_labels)
            write_list(path, catalog.samples, catalog.class_names)
        return Source(path, "csv")


def with_wrong_labels(catalog: Catalog, share: float) -> Catalog:
    """The catalog with this share of its training labels replaced by other classes, uniformly at random.

    A class that would lose all its training photos gets one back, in exchange for another photo of a class with
    several, as long as there are any.
    """
    rows = [index for index, sample in enumerate(catalog.samples) if sample.split == "train"]
    classes, number = len(catalog.class_names), round(share * len(rows))
    true = np.array([catalog.samples[row].label for row in rows], np.int64)
    generator = np.random.default_rng(SEED)
    order = generator.permutation(len(rows))
    labels = true.copy()
    labels[order[:number]] = (true[order[:number]] + generator.integers(1, classes, number)) % classes
    others = iter(order[number:].tolist())
    while (lost := np.setdiff1d(true, labels)).size:
        labels[np.flatnonzero(true == lost[0])[0]] = lost[0]
        counts = np.bincount(labels, minlength=classes)
        other = next((row for row in others if counts[true[row]] > 1), None)
        if other is not None:
            labels[other] = (true[other] + generator.integers(1, classes)) % classes
    samples = list(catalog.samples)
    for place in np.flatnonzero(labels != true).tolist():
        samples[rows[place]] = replace(samples[rows[place]], label=int(labels[place]))
    return replace(catalog, samples=tuple(samples))
