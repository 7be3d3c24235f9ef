"""The training data of cells: the data set itself, or a list of it with a fixed split or with label noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shelfmind.data.list_file import write_list
from shelfmind.records import Catalog, Sample

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
    """The catalog with this share of its training labels replaced by other classes, uniformly at random."""
    rows = [index for index, sample in enumerate(catalog.samples) if sample.split == "train"]
    generator = np.random.default_rng(SEED)
    chosen = generator.permutation(rows)[: round(share * len(rows))].tolist()
    shifts = generator.integers(1, len(catalog.class_names), len(chosen)).tolist()
    samples = list(catalog.samples)
    for index, shift in zip(chosen, shifts, strict=True):
        sample = samples[index]
        samples[index] = Sample(sample.path, (sample.label + shift) % len(catalog.class_names), sample.split)
    return replace(catalog, samples=tuple(samples))
