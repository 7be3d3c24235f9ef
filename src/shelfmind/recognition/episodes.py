"""Rehearsals of real use with known labels: some classes are trained, some only enrolled, some unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from shelfmind.arrays import Floats, Ints, rows_by_label
from shelfmind.data.classes import normalise_class_name
from shelfmind.recognition.evidence import (
    MIN_PROBABILITY,
    Evidence,
    References,
    TrainingPhotos,
    energies_of,
    evidence,
)
from shelfmind.recognition.whitening import Whitening

UNKNOWN = -1
"""The label of photos that show neither a trained class nor an enrolled product."""
GROUPS = 4
"""Number of groups of classes. In turn, one group is unknown, one enrolled, and the others trained."""
SHUFFLES = 3
MAX_PHOTOS = 8
"""Maximum number of photos that a rehearsed product is enrolled with."""
MIN_CLASSES = 8
"""Minimum number of classes for meaningful groups."""


@dataclass(frozen=True)
class Photos:
    """Network outputs of labelled photos: unit vectors (N, D), labels (N,), probabilities (N, C) and logits."""

    vectors: Floats
    labels: Ints
    probabilities: Floats
    logits: Floats | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def as_training_photos(self) -> TrainingPhotos:
        """Return them as photos that the network was trained on."""
        return TrainingPhotos.of(self.vectors, self.labels, self.probabilities.shape[1])

    def whitened(self, whitening: Whitening) -> Photos:
        """Return them with whitened vectors."""
        return replace(self, vectors=whitening(self.vectors))

    def rows(self, chosen: Ints) -> Photos:
        """Return some of the photos."""
        logits = None if self.logits is None else self.logits[chosen]
        return Photos(self.vectors[chosen], self.labels[chosen], self.probabilities[chosen], logits)


@dataclass(frozen=True)
class Episode:
    """Evidence on N photos and the column of each photo's true name, or `UNKNOWN`, shape (N,).

    `collect` computes the evidence, which is large and not kept. `photos` (N,) identifies each photo across episodes.
    `names` are the names of the columns.
    """

    collect: Callable[[], Evidence]
    labels: Ints
    photos: Ints
    names: tuple[str, ...]

    @property
    def evidence(self) -> Evidence:
        """The evidence, computed anew."""
        return self.collect()

    @property
    def part(self) -> tuple[Evidence, Ints]:
        """Evidence and labels, for fitting."""
        return self.evidence, self.labels


def rehearse_classes(
    held_out: Photos,
    learnt: TrainingPhotos,
    names: Sequence[str],
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> Iterator[Episode]:
    """Return episodes from trained classes `names` only: some are removed from the classifier and partly enrolled.

    Enrolled photos are sampled from the training photos. As the network was trained on these classes, this is easier
    than real use; `rehearse_gallery` is not.
    """
    rng = np.random.default_rng(seed)
    members = dict(rows_by_label(learnt.labels))
    usable = np.array(list(members), np.int64)
    for _ in range(shuffles if len(usable) >= MIN_CLASSES else 0):
        groups = np.array_split(rng.permutation(usable), GROUPS)
        for turn in range(GROUPS):
            unknown, enrolled = groups[turn], groups[(turn + 1) % GROUPS]
            trained = np.setdiff1d(usable, np.concatenate([unknown, enrolled]))
            chosen = [_sample(members[each], rng) for each in enrolled.tolist()]
            skus = [names[each] for each, rows in zip(enrolled, chosen, strict=True) for _ in rows]
            enrolled_photos = References.of(skus, learnt.vectors[np.concatenate(chosen)])
            columns = np.full(learnt.classes, UNKNOWN)
            columns[np.concatenate([trained, enrolled])] = np.arange(len(trained) + len(enrolled))
            yield Episode(
                partial(_restricted_evidence, held_out, trained, learnt, enrolled_photos),
                columns[held_out.labels],
                np.arange(len(held_out)),
                (*(names[each] for each in trained), *enrolled_photos.names),
            )


def rehearse_gallery(
    held_out: Photos,
    learnt: TrainingPhotos,
    names: Sequence[str],
    enrolled: Photos,
    products: Sequence[str],
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> Iterator[Episode]:
    """Return episodes from the products that the network was not trained on (`untrained`). Each photo is left out of
    the gallery when it is queried, and each group of products is unknown in turn.

    `enrolled` are photos of `products`. A product with a single photo can only be unknown. `held_out` photos of the
    trained classes `names` are queried, too.
    """
    new = set(untrained(products, names))
    ids: Ints = np.array([each for each in np.unique(enrolled.labels) if products[each] in new], np.int64)
    classes = learnt.classes
    rng = np.random.default_rng(seed)
    trained = np.arange(classes)
    for _ in range(shuffles if len(ids) >= MIN_CLASSES else 0):
        groups = np.array_split(rng.permutation(ids), GROUPS)
        for unknown in groups:
            kept = np.setdiff1d(ids, unknown)
            asked, left = _split_photos(enrolled.labels, kept, rng)
            references = References.of([products[each] for each in enrolled.labels[left]], enrolled.vectors[left])
            column = {name: classes + index for index, name in enumerate(references.names)}
            queries = np.concatenate([asked, np.flatnonzero(np.isin(enrolled.labels, unknown))])
            labels = [column.get(products[each], UNKNOWN) for each in enrolled.labels[queries]]
            yield Episode(
                partial(_joint_evidence, held_out, enrolled, queries, trained, learnt, references),
                np.concatenate([held_out.labels, np.array(labels, np.int64)]),
                np.concatenate([np.arange(len(held_out)), len(held_out) + queries]),
                (*names, *references.names),
            )


def untrained(products: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the products that are not trained classes. Names are compared as in `fold-in`, normalised."""
    trained = {normalise_class_name(name) for name in names}
    return [product for product in products if normalise_class_name(product) not in trained]


def _restricted_evidence(photos: Photos, trained: Ints, learnt: TrainingPhotos, references: References) -> Evidence:
    """Return the evidence of a classifier restricted to the `trained` classes."""
    probabilities = np.maximum(photos.probabilities[:, trained], MIN_PROBABILITY)
    energies = energies_of(None if photos.logits is None else photos.logits[:, trained])
    shares = np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True), np.float32)
    return evidence(shares, photos.vectors, learnt.only(trained), references, energies)


def _joint_evidence(
    held_out: Photos, enrolled: Photos, queries: Ints, trained: Ints, learnt: TrainingPhotos, references: References
) -> Evidence:
    """Return the evidence on the held-out photos and some of the enrolled ones."""
    return _restricted_evidence(_joined(held_out, enrolled.rows(queries)), trained, learnt, references)


def _split_photos(labels: Ints, products: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Split the photos of products into queries, half of each product's, and the rest, sorted by product."""
    asked: list[Ints] = []
    left: list[Ints] = []
    for product in products:
        rows = rng.permutation(np.flatnonzero(labels == product))
        asked.append(rows[: len(rows) // 2])
        left.append(_sample(rows[len(rows) // 2 :], rng))
    return np.concatenate(asked), np.concatenate(left)


def _sample(rows: Ints, rng: np.random.Generator) -> Ints:
    """Sample one to eight of the rows, with a uniformly distributed number."""
    return rng.permutation(rows)[: rng.integers(1, MAX_PHOTOS + 1)]


def _joined(first: Photos, second: Photos) -> Photos:
    logits = None
    if first.logits is not None and second.logits is not None:
        logits = np.concatenate([first.logits, second.logits])
    return Photos(
        np.concatenate([first.vectors, second.vectors]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.probabilities, second.probabilities]),
        logits,
    )
