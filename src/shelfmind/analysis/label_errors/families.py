"""Families of confusable classes, clustered by mutual confusion and by the similarity of their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.label_errors.class_groups import confusions, group_classes
from shelfmind.analysis.label_errors.neighbours import Embeddings, class_means
from shelfmind.arrays import Bools, Ints, rows_by_label
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.top_probabilities import Probabilities

CUT = 0.75
"""Two classes, or two groups on average, that are farther apart than this (of 0..1) are not merged."""
EXAMPLES = 3


@dataclass(frozen=True)
class FamilyMember:
    """One class of a family: its evaluated images, how many are recognised, and examples, typical ones first."""

    class_id: int
    name: str
    images: int
    correct: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Classes that are mistaken for one another.

    `accuracy` is over the images of its classes, `within_accuracy` over those whose top prediction is in the family:
    how well siblings are distinguished once the family is recognised (None if there are none). `errors` are its wrong
    images, `inner_errors` those predicted as a sibling, and `error_share` is `errors` as a share of all errors.
    """

    members: tuple[FamilyMember, ...]
    images: int
    accuracy: float | None
    within_accuracy: float | None
    errors: int
    inner_errors: int
    error_share: float


@dataclass(frozen=True)
class Families:
    """All families of at least two classes, most errors first; the share of all errors within them, the classes without
    a family, and the number of evaluated images."""

    families: tuple[Family, ...]
    inner_error_share: float
    lone_classes: int
    measured_images: int


def find_families(
    paths: Sequence[str],
    labels: Ints,
    probabilities: Probabilities,
    embeddings: Embeddings,
    class_names: Sequence[str],
    *,
    measured: Bools | None = None,
    cut: float = CUT,
) -> Families:
    """Cluster classes by a network's outputs for N images, in seconds for thousands of classes.

    `embeddings` (N, D) may be memory-mapped. `measured` (N,) are the images to evaluate on, those that the network was
    not trained on (all if None); confusions and accuracies use these images, embeddings all images. Classes are
    clustered by `group_classes`, up to the distance `cut`.
    """
    classes = len(class_names)
    chosen = np.arange(len(labels)) if measured is None else np.flatnonzero(measured)
    confusion, predicted = confusions(probabilities, labels, chosen, classes)
    means = class_means(embeddings, labels, classes)
    present = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=classes) > 0)
    groups = np.arange(classes)
    if len(present) > 1:
        groups[present] = classes + group_classes(confusion[present][:, present], means[present], cut)
    return _described(paths, labels, embeddings, means, class_names, groups, chosen, predicted)


def _described(
    paths: Sequence[str],
    labels: Ints,
    embeddings: Embeddings,
    means: npt.NDArray[np.float32],
    class_names: Sequence[str],
    groups: Ints,
    chosen: Ints,
    predicted: Ints,
) -> Families:
    truth = labels[chosen]
    wrong = predicted != truth
    inner = wrong & (groups[predicted] == groups[truth])
    images = np.bincount(truth, minlength=len(groups))
    correct = np.bincount(truth[~wrong], minlength=len(groups))
    sizes = np.bincount(groups)
    siblings_mistaken = np.bincount(groups[truth], weights=inner, minlength=len(sizes)).astype(np.int64)
    rows = dict(rows_by_label(labels))
    all_errors = max(1, int(wrong.sum()))
    found = []
    for group, members in rows_by_label(groups):
        if len(members) == 1:
            continue
        total, right = int(images[members].sum()), int(correct[members].sum())
        siblings = int(siblings_mistaken[group])
        found.append(
            Family(
                members=tuple(
                    FamilyMember(
                        label,
                        class_names[label],
                        int(images[label]),
                        int(correct[label]),
                        _typical(paths, rows[label], embeddings, means[label]),
                    )
                    for label in members[np.argsort(-images[members], kind="stable")].tolist()
                ),
                images=total,
                accuracy=right / total if total else None,
                within_accuracy=right / (right + siblings) if right + siblings else None,
                errors=total - right,
                inner_errors=siblings,
                error_share=(total - right) / all_errors,
            )
        )
    found.sort(key=lambda family: (-family.inner_errors, -family.errors))
    lone = int((sizes[groups[np.unique(labels[labels >= 0])]] == 1).sum())
    return Families(tuple(found), float(inner.sum()) / all_errors, lone, len(chosen))


def _typical(
    paths: Sequence[str], members: Ints, embeddings: Embeddings, mean: npt.NDArray[np.float32]
) -> tuple[str, ...]:
    """The images of a class nearest to its mean, most typical first."""
    near = unit_rows(embeddings[members]) @ mean
    return tuple(paths[index] for index in members[np.argsort(-near, kind="stable")[:EXAMPLES]])
