"""Find photos of enrolled products, and groups of other photos that may be new products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelfmind.analysis.same_product import SameProduct, Sets, best_threshold, group_photos
from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.discovery_folder import CHANGED, NEW, FoundPhoto, Group, Nearest

Accepts = Callable[[Sequence[str], Floats], Bools]
"""Returns which photos, given by paths and vectors (N, D), show an enrolled product, shape (N,)."""
_CHUNK_VALUES = 1 << 23
_NEAR_QUANTILE = 0.95
"""The quantile of distances between products that defines "near"."""
_MAX_COMPARED = 8
"""Maximum number of photos of a product to compare a group with. More add little information."""
_MAX_SAMPLED = 2000
"""Maximum number of the gallery's photos, and of products, from which the limits are estimated."""


@dataclass(frozen=True)
class Found:
    """Groups, largest first, ungrouped photos, the vectors (N, D) of the groups' photos, and the counts and limits."""

    groups: tuple[Group, ...]
    known: tuple[FoundPhoto, ...]
    alone: tuple[FoundPhoto, ...]
    vectors: Floats
    figures: dict[str, Any]


def discover_groups(
    photos: Sequence[tuple[str, str]],
    vectors: Floats,
    entries: Sequence[Entry],
    references: Floats,
    least: int = 2,
    accepts: Accepts | None = None,
) -> Found:
    """Group photos (paths and checksums) by their vectors (N, D), given a gallery's `entries` with vectors (M, D).

    The gallery shows how similar photos of one product are and how different products are. Photos that probably show
    their most similar enrolled product, or that `accepts` selects, are left out. The others are clustered into groups
    of one product each; photos in groups of fewer than `least` stay ungrouped. A group that is closer to an enrolled
    product than 19 of 20 products (with as many photos) are to another one is of the kind `CHANGED`.
    """
    rows = unit_rows(vectors)
    enrolled = _Enrolled(entries, unit_rows(references), rows)
    best, ratios = enrolled.nearest_photos(rows)
    known = _known(photos, vectors, ratios, enrolled, accepts)
    found = [
        FoundPhoto(path, sha256, enrolled.nearest(int(index), row) if enrolled.entries else None)
        for (path, sha256), index, row in zip(photos, best, rows, strict=True)
    ]
    open_ = np.flatnonzero(~known)
    labels = enrolled.grouped(rows[open_])
    members = [open_[labels == label] for label in range(labels.max() + 1)] if len(open_) else []
    groups = [_typical_first(each, rows) for each in members if len(each) >= least]
    alone = [int(index) for each in members if len(each) < least for index in each]
    made = [enrolled.group(number, each, rows, found) for number, each in enumerate(groups, start=1)]
    figures = {
        "photos": len(photos),
        "known": int(known.sum()),
        "in_groups": sum(map(len, groups)),
        "alone": len(alone),
        "groups": len(made),
        "changed": sum(group.kind == CHANGED for group in made),
        "products": len(enrolled.skus),
        "learnt_from": "gallery" if enrolled.is_learnt else "photos" if enrolled.model is not None else "nothing",
    }
    return Found(
        groups=tuple(made),
        known=tuple(found[index] for index in np.flatnonzero(known)),
        alone=tuple(found[index] for index in sorted(alone)),
        vectors=rows[np.concatenate(groups)] if groups else rows[:0],
        figures=figures,
    )


class _Enrolled:
    """The gallery's photos in the model's coordinates, and the limits derived from them."""

    def __init__(self, entries: Sequence[Entry], references: Floats, photos: Floats) -> None:
        self.entries, self.references = list(entries), references
        names = np.array([entry.sku for entry in self.entries], dtype=str)
        self.skus, self.product = np.unique(names, return_inverse=True)
        learnt = SameProduct.fit(references, self.product)
        self.is_learnt = learnt is not None
        self.model = learnt or SameProduct.fit_unlabelled(np.concatenate([references, photos]))
        self._near: dict[int, float] = {}
        if self.model is not None:
            self.coordinates = self.model.coordinates(references)
            self.products = _sum_sets(self.coordinates, self.product, len(self.skus))

    def nearest_photos(self, rows: Floats) -> tuple[Ints, Floats]:
        """Return for each photo (N, D) the gallery's photo most likely to show the same product, and the ratio."""
        best, ratios = np.zeros(len(rows), np.int64), np.full(len(rows), -np.inf, np.float32)
        if not self.entries:
            return best, ratios
        for chunk in row_chunks(len(rows), len(self.entries), _CHUNK_VALUES):
            found = self._compared(rows[chunk])
            best[chunk] = found.argmax(1)
            ratios[chunk] = found.max(1)
        return best, ratios

    def limit(self) -> float:
        """Return the ratio above which a photo shows the product of its most similar photo in the gallery.

        Each photo of the gallery is looked up once with the others of its product, and once as if its product were not
        enrolled. If the gallery is too small to learn from, no photo is assigned to an enrolled product.
        """
        if not self.is_learnt:
            return np.inf
        sampled = _evenly_spaced(len(self.entries))
        same, different = [], []
        for chunk in row_chunks(len(sampled), len(self.entries), _CHUNK_VALUES):
            these = sampled[chunk]
            ratios = self._compared(self.references[these])
            of_same = self.product[these][:, None] == self.product[None, :]
            different.append(np.where(of_same, -np.inf, ratios).max(1))
            ratios[np.arange(len(these)), these] = -np.inf
            same.append(np.where(of_same, ratios, -np.inf).max(1))
        return _ratio_limit(np.concatenate(same), np.concatenate(different))

    def near(self, size: int) -> float:
        """Return the ratio above which a group of `size` photos is closer to a product than most products are."""
        if not self.is_learnt or self.model is None:
            return np.inf
        size = min(size, _MAX_COMPARED)
        if size not in self._near:
            sampled = _evenly_spaced(len(self.skus))
            of_each = [np.flatnonzero(self.product == product)[:size] for product in sampled]
            labels = np.repeat(np.arange(len(sampled)), [len(rows) for rows in of_each])
            some = _sum_sets(self.coordinates[np.concatenate(of_each)], labels, len(sampled))
            between = self.model.ratios(some, self.products)
            between[np.arange(len(sampled)), sampled] = -np.inf
            self._near[size] = float(np.quantile(between.max(1), _NEAR_QUANTILE))
        return self._near[size]

    def grouped(self, rows: Floats) -> Ints:
        """Return the group of each photo. Each is its own group if the gallery is too small to learn from."""
        if self.model is None:
            return np.arange(len(rows))
        return group_photos(self.model, self.model.coordinates(rows))

    def nearest(self, index: int, row: Floats) -> Nearest:
        """Return the gallery's photo at `index` as the nearest one of a photo."""
        entry = self.entries[index]
        return Nearest(entry.sku, float(row @ self.references[index]), entry.sha256)

    def group(self, number: int, members: Ints, rows: Floats, found: Sequence[FoundPhoto]) -> Group:
        """Return a group of photos with its most likely product."""
        photos = tuple(found[index] for index in members)
        own = rows[members]
        pairs = len(own) * (len(own) - 1)
        likeness = float((np.square(own.sum(0)).sum() - len(own)) / pairs) if pairs else 1.0
        if not self.entries or self.model is None:
            return Group(number, NEW, likeness, None, photos)
        together = Sets(self.model.coordinates(own).sum(0, keepdims=True), np.array([len(own)]))
        ratios = self.model.ratios(together, self.products)[0]
        of_product = np.flatnonzero(self.product == ratios.argmax())
        similarities = own @ self.references[of_product].T
        entry = self.entries[of_product[similarities.mean(0).argmax()]]
        nearest = Nearest(entry.sku, float(similarities.max(1).mean()), entry.sha256)
        kind = CHANGED if ratios.max() > self.near(len(own)) else NEW
        return Group(number, kind, likeness, nearest, photos)

    def _compared(self, rows: Floats) -> Floats:
        """Return the ratios (N, M) of photos (N, D) and the gallery's photos, or cosines without a model."""
        if self.model is None:
            return rows @ self.references.T
        return self.model.ratios(_single_photo_sets(self.model.coordinates(rows)), _single_photo_sets(self.coordinates))


def _known(
    photos: Sequence[tuple[str, str]], vectors: Floats, ratios: Floats, enrolled: _Enrolled, accepts: Accepts | None
) -> Bools:
    """Return which photos show enrolled products. Photos that are themselves enrolled always do."""
    checksums = {entry.sha256 for entry in enrolled.entries}
    same = np.array([sha256 in checksums for _, sha256 in photos], np.bool_)
    if not enrolled.entries:
        return same
    if accepts is not None:
        return same | accepts([path for path, _ in photos], vectors)
    return same | (ratios > enrolled.limit())


def _ratio_limit(same: Floats, different: Floats) -> float:
    same, different = same[np.isfinite(same)], different[np.isfinite(different)]
    return max(0.0, best_threshold(same, different)) if len(same) and len(different) else 0.0


def _evenly_spaced(count: int) -> Ints:
    """Return evenly spaced indices, at most as many as are compared."""
    return np.unique(np.linspace(0, count - 1, min(count, _MAX_SAMPLED)).astype(np.int64))


def _typical_first(members: Ints, rows: Floats) -> Ints:
    own = rows[members]
    return members[np.argsort(-(own @ own.sum(0)), kind="stable")]


def _single_photo_sets(coordinates: Floats) -> Sets:
    return Sets(coordinates, np.ones(len(coordinates), np.int64))


def _sum_sets(coordinates: Floats, labels: Ints, count: int) -> Sets:
    sums = np.zeros((count, coordinates.shape[1]), np.float32)
    np.add.at(sums, labels, coordinates)
    return Sets(sums, np.bincount(labels, minlength=count))
