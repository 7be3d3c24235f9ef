"""Families of confusable names, across trained and enrolled ones."""

from __future__ import annotations

import numpy as np

from shelfmind.analysis.label_errors.families import find_families
from shelfmind.arrays import Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.answers import Columns
from shelfmind.recognition.episodes import Photos
from shelfmind.recognition.evidence import Evidence, References, TrainingPhotos, energies_of, evidence
from shelfmind.recognition.fusion import Fusion, softmax
from shelfmind.recognition.levels import ProductFamily, named_families


def found_families(
    fusion: Fusion, held_out: Photos, learnt: TrainingPhotos, enrolled: Photos, references: References, columns: Columns
) -> tuple[ProductFamily, ...]:
    """Return the audit's families (`analysis.label_errors.families`) for the fused scores of held-out photos of trained
    classes and of each enrolled photo, left out of the gallery.

    `enrolled` are the photos of `references` in their order. Photos of single-photo products are skipped.
    """
    asked = evidence(held_out.probabilities, held_out.vectors, learnt, references, energies_of(held_out.logits))
    left_out = leave_one_out(enrolled, learnt, references)
    several = np.flatnonzero(references.counts[enrolled.labels] > 1)
    first_enrolled = learnt.classes
    labels = np.concatenate([held_out.labels, columns.ids[first_enrolled + enrolled.labels[several]]])
    scores = np.concatenate([fusion.scores(asked), fusion.scores(left_out.rows(several))])
    vectors = np.concatenate([held_out.vectors, enrolled.vectors[several]])
    probabilities = columns.merged(softmax(scores))
    paths = [str(row) for row in range(len(labels))]
    found = find_families(paths, labels, probabilities, vectors, columns.names)
    return named_families([[member.name for member in family.members] for family in found.families])


def leave_one_out(enrolled: Photos, learnt: TrainingPhotos, references: References) -> Evidence:
    """Return the evidence on each enrolled photo, (M,) in the order of the references, with the photo left out."""
    whole = evidence(enrolled.probabilities, enrolled.vectors, learnt, references, energies_of(enrolled.logits))
    if not len(enrolled):
        return whole
    cosines = enrolled.vectors @ references.vectors.T
    np.fill_diagonal(cosines, -1.0)
    photos = np.maximum.reduceat(cosines, references.starts, axis=1)
    sums = np.add.reduceat(references.vectors, references.starts, axis=0)
    without = unit_rows(sums[enrolled.labels] - enrolled.vectors)
    prototype_cosines = whole.prototypes.copy()
    rows: Ints = np.arange(len(enrolled))
    prototype_cosines[rows, enrolled.labels] = (without * enrolled.vectors).sum(axis=1)
    return Evidence(
        whole.log_probabilities,
        whole.trained,
        whole.trained_photos,
        prototype_cosines,
        photos,
        references.counts,
        whole.energies,
    )
