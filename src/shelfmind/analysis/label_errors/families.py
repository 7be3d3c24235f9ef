"""Families of confusable classes, clustered by mutual confusion and by the similarity of their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import AgglomerativeClustering

from shelfmind.analysis.label_errors.neighbours import Embeddings, class_means
from shelfmind.analysis.mapped import release_pages
from shelfmind.arrays import Bools, Ints, Wide
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows

CUT = 0.75
"""Two classes, or two groups on average, that are farther apart than this (of 0..1) are not merged."""
FULL_CONFUSION = 0.1
"""A mutual confusion of this share of the probability counts as complete: a tenth of a class's images is a lot."""
EXAMPLES = 3
_CHUNK_VALUES = 8_000_000


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
    probabilities: npt.NDArray[np.floating[Any]],
    embeddings: Embeddings,
    class_names: Sequence[str],
    *,
    measured: Bools | None = None,
    cut: float = CUT,
) -> Families:
    """Cluster classes by a network's outputs for N images, in seconds for thousands of classes.

    `probabilities` (N, C) and `embeddings` (N, D) may be memory-mapped. `measured` (N,) are the images to evaluate on,
    those that the network was not trained on (all if None); confusions and accuracies use these images, embeddings all
    images. Similarity is the mean of two values in 0..1: the mutual confusion, which is the probability that the images
    of each class give to the other as a share of what they give to the two, saturated at `FULL_CONFUSION`; and the
    cosine of the classes' mean embeddings, above the median of all pairs. Average linkage merges groups up to the
    distance `cut`, so that a family is similar as a whole instead of a chain of neighbours.
    """
    classes = len(class_names)
    chosen = np.arange(len(labels)) if measured is None else np.flatnonzero(measured)
    confusion, predicted = mean_probabilities(probabilities, labels, chosen, classes)
    means = class_means(embeddings, labels, classes)
    present = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=classes) > 0)
    groups = np.arange(classes)
    if len(present) > 1:
        distance = 1.0 - similarity(confusion[np.ix_(present, present)], means[present])
        clustering = AgglomerativeClustering(
            n_clusters=None, metric="precomputed", linkage="average", distance_threshold=cut
        )
        groups[present] = classes + clustering.fit_predict(distance)
    return _described(paths, labels, embeddings, means, class_names, groups, chosen, predicted)


def mean_probabilities(
    probabilities: npt.NDArray[np.floating[Any]], labels: Ints, chosen: Ints, classes: int
) -> tuple[Wide, Ints]:
    """Mean probabilities of each class's images, (classes, classes), and the top prediction of each chosen image."""
    sums, predicted = np.zeros((classes, classes)), np.zeros(len(chosen), np.int64)
    for part in row_chunks(len(chosen), classes, _CHUNK_VALUES):
        rows = chosen[part]
        values = np.asarray(probabilities[rows], np.float32)
        predicted[part] = values.argmax(axis=1)
        order = np.argsort(labels[rows], kind="stable")
        present, starts = np.unique(labels[rows][order], return_index=True)
        release_pages(probabilities)
        sums[present] += np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)
    counts = np.bincount(labels[chosen], minlength=classes)
    return np.divide(sums, counts[:, None], out=np.zeros_like(sums), where=counts[:, None] > 0), predicted


def similarity(confusion: Wide, means: npt.NDArray[np.float32]) -> Wide:
    """Similarity of classes, (classes, classes), 0..1, from their mean probabilities and mean embeddings."""
    own = confusion.diagonal()
    both = confusion + confusion.T + own[:, None] + own[None, :]
    mutual = np.divide(confusion + confusion.T, both, out=np.zeros_like(both), where=both > 0)
    cosine = np.asarray(means @ means.T, np.float64)
    usual = float(np.median(cosine[np.triu_indices(len(cosine), 1)]))
    close = np.clip((cosine - usual) / max(1.0 - usual, 1e-6), 0.0, 1.0)
    alike = (np.minimum(mutual / FULL_CONFUSION, 1.0) + close) / 2
    np.fill_diagonal(alike, 1.0)
    return np.asarray((alike + alike.T) / 2)


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
    all_errors = max(1, int(wrong.sum()))
    found = []
    for group in np.flatnonzero(sizes > 1).tolist():
        members = np.flatnonzero(groups == group)
        total, right = int(images[members].sum()), int(correct[members].sum())
        siblings = int(inner[groups[truth] == group].sum())
        found.append(
            Family(
                members=tuple(
                    FamilyMember(
                        int(label),
                        class_names[label],
                        int(images[label]),
                        int(correct[label]),
                        _typical(paths, labels, embeddings, means, int(label)),
                    )
                    for label in members[np.argsort(-images[members], kind="stable")]
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
    paths: Sequence[str], labels: Ints, embeddings: Embeddings, means: npt.NDArray[np.float32], label: int
) -> tuple[str, ...]:
    """The images of a class nearest to its mean, most typical first."""
    members = np.flatnonzero(labels == label)
    near = unit_rows(embeddings[members]) @ means[label]
    return tuple(paths[index] for index in members[np.argsort(-near, kind="stable")[:EXAMPLES]])
