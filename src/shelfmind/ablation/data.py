"""The data that cells train on: the data set itself, or a list of it with its split frozen or labels made wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shelfmind.data.list_file import write_list
from shelfmind.records import Catalog, Sample

SEED = 0
"""Of splits that are made up, and of wrong labels: they are the same for all seeds, or these could not be paired."""


@dataclass(frozen=True)
class Source:
    """Where a data set lies, and its format if that is known."""

    path: Path
    format: str | None


@dataclass(frozen=True)
class TrainingData:
    """A data set as `catalog` has it, and a folder for lists of it."""

    own: Source
    catalog: Catalog
    digest: str
    folder: Path

    def source(self, wrong_labels: float = 0.0) -> Source:
        """What to train on; a list is written when it is first asked for."""
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
    """The catalog with this share of its training labels, to one, each replaced by any other class alike."""
    rows = [index for index, sample in enumerate(catalog.samples) if sample.split == "train"]
    generator = np.random.default_rng(SEED)
    chosen = generator.permutation(rows)[: round(share * len(rows))].tolist()
    shifts = generator.integers(1, len(catalog.class_names), len(chosen)).tolist()
    samples = list(catalog.samples)
    for index, shift in zip(chosen, shifts, strict=True):
        sample = samples[index]
        samples[index] = Sample(sample.path, (sample.label + shift) % len(catalog.class_names), sample.split)
    return replace(catalog, samples=tuple(samples))
