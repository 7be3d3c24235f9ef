"""The basis for choosing a recipe: photos, machine, time budget and purpose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfmind.guidance.purposes import CONTEST, KNOWN
from shelfmind.guidance.thresholds import FEW_PHOTOS, IMBALANCE
from shelfmind.images.decoding import BadImage, upright_size
from shelfmind.records import Catalog

HEADERS_READ = 64
"""Number of photos whose size is read, spread over the data set."""


@dataclass(frozen=True)
class Photos:
    """A data set in numbers: photos in total, in train and in val; classes with training photos; training photos of the
    smallest, median and largest class; `longer_side` in pixels, the median of a sample (None if no header is readable).
    """

    photos: int
    train_photos: int
    val_photos: int
    classes: int
    smallest: int
    typical: int
    largest: int
    longer_side: int | None

    @property
    def few(self) -> bool:
        """Whether half of the classes have too few photos to train from random weights."""
        return self.typical < FEW_PHOTOS

    @property
    def long_tail(self) -> bool:
        """Whether there are both rare and frequent classes."""
        return self.smallest < FEW_PHOTOS and self.largest >= IMBALANCE * self.smallest


@dataclass(frozen=True)
class Machine:
    """The training machine: `kernels` is a key of `speeds.KERNELS`, `pace` its speed per core relative to the measured
    machine."""

    device: str
    cores: int
    kernels: str
    pace: float = 1.0


@dataclass(frozen=True)
class Situation:
    """The basis for choosing a recipe; `minutes` None means no time limit."""

    data: Path
    photos: Photos
    machine: Machine
    purpose: str = KNOWN
    minutes: float | None = None
    format: str | None = None

    @property
    def rules(self) -> str | None:
        """The rule set to enforce."""
        return CONTEST if self.purpose == CONTEST else None


def photos_of(catalog: Catalog) -> Photos:
    """The data set in numbers; reads the headers of a sample of files and decodes none."""
    counts = catalog.class_counts("train")
    trained = np.sort(counts[counts > 0])
    smallest, typical, largest = (int(trained[at]) if len(trained) else 0 for at in (0, len(trained) // 2, -1))
    return Photos(
        photos=len(catalog.samples),
        train_photos=int(counts.sum()),
        val_photos=len(catalog.split("val")),
        classes=len(trained),
        smallest=smallest,
        typical=typical,
        largest=largest,
        longer_side=_longer_side(catalog),
    )


def _longer_side(catalog: Catalog) -> int | None:
    chosen = np.unique(np.linspace(0, len(catalog.samples) - 1, HEADERS_READ).astype(np.int64))
    sides = []
    for index in chosen.tolist():
        try:
            sides.append(max(upright_size(catalog.samples[index].path)))
        except BadImage:
            continue  # reported by the check of all files; irrelevant here
    return int(np.median(sides)) if sides else None
