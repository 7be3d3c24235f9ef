"""The evidence for each name: the classifier's probabilities and cosines to the references, one column per name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.evaluation.matrix_rows import log_sum_exp, unit_rows
from shelfmind.recognition.shortlists import Shortlist

MIN_PROBABILITY = 1e-12


@dataclass(frozen=True)
class References:
    """Photos of P enrolled products as unit vectors (M, D), sorted by product.

    Attributes:
        names: the names of the P products.
        starts: the start of each product's photos, shape (P,).
    """

    names: tuple[str, ...]
    vectors: Floats
    starts: Ints

    @classmethod
    def of(cls, skus: Sequence[str], vectors: Floats) -> References:
        """Create references from the product of each photo, (M,), sorted by product."""
        named = np.array(skus, dtype=object)
        starts = np.flatnonzero(np.r_[True, named[1:] != named[:-1]]) if len(named) else np.zeros(0, np.int64)
        return cls(tuple(named[starts]), vectors, starts.astype(np.int64))

    @cached_property
    def counts(self) -> Ints:
        """The number of photos of each product, (P,)."""
        return np.diff(np.append(self.starts, len(self.vectors))).astype(np.int64)

    @cached_property
    def prototypes(self) -> Floats:
        """The mean direction of each product's photos, (P, D) unit vectors (Snell et al., NeurIPS 2017, equation 1)."""
        if not self.names:
            return self.vectors[:0]
        return unit_rows(np.add.reduceat(self.vectors, self.starts, axis=0))

    def nearest(self, queries: Floats) -> Floats:
        """Return the cosine (N, P) of each query to the most similar photo of each product."""
        photos = queries @ self.vectors.T
        return np.maximum.reduceat(photos, self.starts, axis=1) if self.names else photos[:, :0]


@dataclass(frozen=True)
class TrainingPhotos:
    """Training photos of C classes: unit vectors (M, D) and their classes (M,), sorted by class.

    Classes may be empty.
    """

    vectors: Floats
    labels: Ints
    classes: int

    @classmethod
    def of(cls, vectors: Floats, labels: Ints, classes: int) -> TrainingPhotos:
        """Create it from photos in any order."""
        order = np.argsort(labels, kind="stable")
        return cls(vectors[order], labels[order], classes)

    @classmethod
    def of_counts(cls, vectors: Floats, counts: Sequence[int]) -> TrainingPhotos:
        """Create it from vectors sorted by class and the number of photos of each class."""
        return cls(vectors, np.repeat(np.arange(len(counts)), counts), len(counts))

    @cached_property
    def counts(self) -> Ints:
        """The number of photos of each class, (C,)."""
        return np.bincount(self.labels, minlength=self.classes).astype(np.int64)

    @cached_property
    def prototypes(self) -> Floats:
        """The mean direction of each class's photos, zeros for an empty class: (C, D)."""
        sums = np.zeros((self.classes, self.vectors.shape[1]), np.float64)
        np.add.at(sums, self.labels, self.vectors)
        return unit_rows(sums)

    def only(self, chosen: Ints) -> TrainingPhotos:
        """Return some of the classes, renumbered in this order."""
        starts, ends = np.searchsorted(self.labels, chosen), np.searchsorted(self.labels, chosen, "right")
        rows = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
        vectors = self.vectors[np.concatenate(rows)] if rows else self.vectors[:0]
        return TrainingPhotos.of_counts(vectors, (ends - starts).tolist())

    def nearest(self, queries: Floats) -> Floats:
        """Return the cosine (N, C) of each query to the most similar photo of each class, -1 for an empty class."""
        found = np.full((len(queries), self.classes), -1.0, np.float32)
        present = np.flatnonzero(self.counts)
        if len(present):
            starts = np.searchsorted(self.labels, present)
            found[:, present] = np.maximum.reduceat(queries @ self.vectors.T, starts, axis=1)
        return found


@dataclass(frozen=True)
class Shortlists:
    """The shortlists of trained classes and of enrolled products; None if queries are compared with all photos."""

    trained: Shortlist | None = None
    enrolled: Shortlist | None = None


NO_SHORTLISTS = Shortlists()


@dataclass(frozen=True)
class Evidence:
    """The evidence of network and gallery on N photos: C trained classes, then P enrolled products.

    A product that is both trained and enrolled has two columns. With shortlists, the cosines to the most similar photos
    of names that are hardly probable are estimates.

    Attributes:
        log_probabilities: log-probabilities of the classifier, (N, C).
        trained: cosines to the prototypes of the trained classes, (N, C).
        trained_photos: cosines to the most similar training photo of each class, (N, C).
        prototypes: cosines to the prototypes of the enrolled products, (N, P).
        photos: cosines to the most similar photo of each enrolled product, (N, P).
        counts: number of photos of each enrolled product, (P,).
        energies: log-sum-exp of the classifier's logits, (N,), if known.
    """

    log_probabilities: Floats
    trained: Floats
    trained_photos: Floats
    prototypes: Floats
    photos: Floats
    counts: Ints
    energies: Floats | None = None

    def __len__(self) -> int:
        return len(self.log_probabilities)

    @property
    def nearest_prototype(self) -> Floats:
        """The cosine to the most similar of all prototypes, (N,)."""
        return np.asarray(np.concatenate([self.trained, self.prototypes], axis=1).max(axis=1))

    @property
    def nearest_photo(self) -> Floats:
        """The cosine to the most similar of all photos, (N,)."""
        return np.asarray(np.concatenate([self.trained_photos, self.photos], axis=1).max(axis=1))

    @classmethod
    def mean(cls, parts: Sequence[Evidence]) -> Evidence:
        """Return the mean over all photos of all parts, as the evidence on one object."""
        energies = [each.energies for each in parts]
        known = [each for each in energies if each is not None]
        return cls(
            np.concatenate([each.log_probabilities for each in parts]).mean(axis=0, keepdims=True),
            np.concatenate([each.trained for each in parts]).mean(axis=0, keepdims=True),
            np.concatenate([each.trained_photos for each in parts]).mean(axis=0, keepdims=True),
            np.concatenate([each.prototypes for each in parts]).mean(axis=0, keepdims=True),
            np.concatenate([each.photos for each in parts]).mean(axis=0, keepdims=True),
            parts[0].counts,
            np.concatenate(known).mean(keepdims=True) if len(known) == len(energies) else None,
        )

    def rows(self, chosen: Ints | Bools | slice) -> Evidence:
        """Return the evidence on some of the photos."""
        energies = None if self.energies is None else self.energies[chosen]
        return Evidence(
            self.log_probabilities[chosen],
            self.trained[chosen],
            self.trained_photos[chosen],
            self.prototypes[chosen],
            self.photos[chosen],
            self.counts,
            energies,
        )


def energies_of(logits: Floats | None) -> Floats | None:
    """Return the log-sum-exp of logits (N, C), the negative free energy, (N,)."""
    return None if logits is None else log_sum_exp(logits).astype(np.float32)


def evidence(
    probabilities: Floats,
    queries: Floats,
    learnt: TrainingPhotos,
    references: References,
    energies: Floats | None = None,
    shortlists: Shortlists = NO_SHORTLISTS,
) -> Evidence:
    """Return the evidence on N photos from probabilities (N, C) and unit vectors (N, D)."""
    trained, prototypes = queries @ learnt.prototypes.T, queries @ references.prototypes.T
    of_classes, of_products = shortlists.trained, shortlists.enrolled
    return Evidence(
        np.log(np.maximum(probabilities, MIN_PROBABILITY)),
        trained,
        learnt.nearest(queries) if of_classes is None else of_classes(queries, trained, probabilities),
        prototypes,
        references.nearest(queries) if of_products is None else of_products(queries, prototypes),
        references.counts,
        energies,
    )
