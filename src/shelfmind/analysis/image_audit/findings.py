"""All findings of an audit of a data set, before they are put into words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from shelfmind.analysis.appearances import AppearancesFound, find_appearances, plain_vectors
from shelfmind.analysis.image_audit.class_sizes import ClassSizes, class_sizes
from shelfmind.analysis.image_audit.issues import (
    Copies,
    Issue,
    bad_file_issues,
    copy_issues,
    describe_copies,
    quality_issues,
    unusual_file_issues,
)
from shelfmind.analysis.image_audit.quality import Flagged, flag_quality
from shelfmind.analysis.image_audit.shift import OverallShift, Shift, class_shifts, overall_shifts, shift_features
from shelfmind.analysis.measuring.measurement import Measured
from shelfmind.analysis.near_duplicates.groups import Group, Limits, find_duplicates
from shelfmind.arrays import Ints
from shelfmind.data.splits import SPLITS
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.progress import Counter
from shelfmind.records import Catalog


@dataclass(frozen=True)
class ImageFindings:
    """The findings of one data set. Groups and issues refer to positions in the catalog, flags to positions in
    `measured`."""

    catalog: Catalog
    measured: Measured
    limits: Limits
    cutoffs: ShotCutoffs
    sizes: ClassSizes
    copies: tuple[Copies, ...]
    flagged: Mapping[str, Flagged]
    overall_shifts: tuple[OverallShift, ...]
    shifts: tuple[Shift, ...]
    shift_comparisons: int
    appearances: AppearancesFound

    @cached_property
    def leaks(self) -> list[Copies]:
        """Photos that are in more than one split."""
        return [each for each in self.copies if each.leak]

    @cached_property
    def conflicts(self) -> list[Copies]:
        """Photos that are filed under more than one class."""
        return [each for each in self.copies if each.conflict]

    @cached_property
    def plain_copies(self) -> list[Copies]:
        """Photos that occur more than once within one class and split."""
        return [each for each in self.copies if not each.leak and not each.conflict]

    @cached_property
    def split_counts(self) -> dict[str, Ints]:
        """Images per class of each non-empty split, including unreadable files."""
        counts = {split: self.catalog.class_counts(split) for split in SPLITS}
        return {split: count for split, count in counts.items() if count.any()}

    @cached_property
    def issues(self) -> list[Issue]:
        """All issues, in no particular order."""
        bad_files, indices = self.measured.bad_files, self.measured.indices.tolist()
        unusable = np.setdiff1d(np.arange(len(self.catalog.samples)), self.measured.indices).tolist()
        positions = dict(zip((bad.path for bad in bad_files), unusable, strict=True))
        return [
            *bad_file_issues(bad_files, positions),
            *copy_issues(self.copies, self.catalog, self.limits.whole),
            *quality_issues(self.flagged, indices),
            *unusual_file_issues(self.measured.facts, indices),
        ]

    def channels(self) -> dict[str, list[float]]:
        """Mean and standard deviation of red, green and blue in 0..255, with equal weight for each image."""
        facts = self.measured.facts
        mean = facts["mean"].astype(np.float64).mean(0)
        variance = facts["square"].astype(np.float64).mean(0) - mean**2
        return {"mean": mean.tolist(), "std": np.sqrt(np.maximum(variance, 0)).tolist()}


def gather_findings(catalog: Catalog, measured: Measured, limits: Limits, counter: Counter) -> ImageFindings:
    """Analyse the measurements."""
    cutoffs = ShotCutoffs()
    chosen = [catalog.samples[index] for index in measured.indices.tolist()]
    labels = np.array([sample.label for sample in chosen], np.int64)
    splits = np.array([sample.split for sample in chosen])
    counts = np.sum([catalog.class_counts(split) for split in SPLITS], axis=0)
    overall: list[OverallShift] = []
    shifts: list[Shift] = []
    comparisons = 0
    features = shift_features(measured.facts)
    for split in SPLITS[1:]:
        sides = splits == SPLITS[0], splits == split
        overall += overall_shifts(features, labels, *sides, split)
        found, made = class_shifts(features, labels, *sides, split)
        shifts, comparisons = shifts + found, comparisons + made
    groups = find_duplicates(measured, limits, counter)
    return ImageFindings(
        catalog=catalog,
        measured=measured,
        limits=limits,
        cutoffs=cutoffs,
        sizes=class_sizes(counts, catalog.class_counts(SPLITS[0]), catalog.class_names, cutoffs),
        copies=tuple(describe_copies(_in_catalog(groups, measured.indices), catalog)),
        flagged=flag_quality(measured.facts, labels),
        overall_shifts=tuple(overall),
        shifts=tuple(shifts),
        shift_comparisons=comparisons,
        appearances=find_appearances(lambda rows: plain_vectors(measured.fingerprints[rows]), labels, counter),
    )


def _in_catalog(groups: Iterable[Group], indices: Ints) -> list[Group]:
    return [replace(group, members=tuple(int(indices[member]) for member in group.members)) for group in groups]
