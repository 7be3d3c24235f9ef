"""Finds among photos those of enrolled products, and groups of others that may be new products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelfmind.analysis.same_product import SameProduct, Sets, dividing, group_photos
from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.discovery_folder import CHANGED, NEW, FoundPhoto, Group, Nearest

Accepts = Callable[[Sequence[str], Floats], Bools]
"""Asked with paths and vectors (N, D) of photos: which show an enrolled product, shape (N,)."""
_CHUNK_VALUES = 1 << 23
_MOST = 0.95
"""The share of products to which what is near is compared."""
_MOST_COMPARED = 8
"""Photos of a product beside which a group is judged; more say little more."""
_MOST_JUDGED = 2000
"""Photos of the gallery, and products, by which the limits are set."""


@dataclass(frozen=True)
class Found:
    """Groups, largest first, the photos in none, the vectors (N, D) of the groups' photos, and figures."""

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
    """Group photos (paths and checksums) with their vectors (N, D) beside a gallery's `entries` with theirs (M, D).

    What is learnt from the gallery is how alike photos of one product are and how unlike products are. Photos that are
    likely to show the enrolled product nearest to them are left out, or those that `accepts` says; the others are put
    into groups of one product each, but for those that are in groups of fewer than `least`. A group that is nearer to
    an enrolled product than 19 of 20 products (with as many photos) are to another one is of the kind `CHANGED`.
    """
    rows = unit_rows(vectors)
    beside = _Enrolled(entries, unit_rows(references), rows)
    best, ratios = beside.nearest_photos(rows)
    known = _known(photos, vectors, ratios, beside, accepts)
    found = [
        FoundPhoto(path, sha256, beside.nearest(int(index), row) if beside.entries else None)
        for (path, sha256), index, row in zip(photos, best, rows, strict=True)
    ]
    open_ = np.flatnonzero(~known)
    labels = beside.grouped(rows[open_])
    members = [open_[labels == label] for label in range(labels.max() + 1)] if len(open_) else []
    groups = [_typical_first(each, rows) for each in members if len(each) >= least]
    alone = [int(index) for each in members if len(each) < least for index in each]
    made = [beside.group(number, each, rows, found) for number, each in enumerate(groups, start=1)]
    figures = {
        "photos": len(photos),
        "known": int(known.sum()),
        "in_groups": sum(map(len, groups)),
        "alone": len(alone),
        "groups": len(made),
        "changed": sum(group.kind == CHANGED for group in made),
        "products": len(beside.skus),
        "learnt_from": "gallery" if beside.is_learnt else "photos" if beside.model is not None else "nothing",
    }
    return Found(
        groups=tuple(made),
        known=tuple(found[index] for index in np.flatnonzero(known)),
        alone=tuple(found[index] for index in sorted(alone)),
        vectors=rows[np.concatenate(groups)] if groups else rows[:0],
        figures=figures,
    )


class _Enrolled:
    """The gallery's photos in the model's coordinates, and the limits that they set."""

    def __init__(self, entries: Sequence[Entry], references: Floats, photos: Floats) -> None:
        self.entries, self.references = list(entries), references
        names = np.array([entry.sku for entry in self.entries], dtype=str)
        self.skus, self.product = np.unique(names, return_inverse=True)
        learnt = SameProduct.learnt(references, self.product)
        self.is_learnt = learnt is not None
        self.model = learnt or SameProduct.guessed(np.concatenate([references, photos]))
        self._near: dict[int, float] = {}
        if self.model is not None:
            self.coordinates = self.model.coordinates(references)
            self.products = _summed(self.coordinates, self.product, len(self.skus))

    def nearest_photos(self, rows: Floats) -> tuple[Ints, Floats]:
        """For each photo (N, D) the gallery's that is likeliest to show the same product, and the ratio."""
        best, ratios = np.zeros(len(rows), np.int64), np.full(len(rows), -np.inf, np.float32)
        if not self.entries:
            return best, ratios
        for chunk in row_chunks(len(rows), len(self.entries), _CHUNK_VALUES):
            found = self._compared(rows[chunk])
            best[chunk] = found.argmax(1)
            ratios[chunk] = found.max(1)
        return best, ratios

    def limit(self) -> float:
        """The ratio above which a photo shows the product of the gallery's photo that is nearest to it.

        Each photo of the gallery is looked up once among the others of its product, and once as if its product were
        not enrolled. Where nothing can be learnt from the gallery, no photo is taken for an enrolled product.
        """
        if not self.is_learnt:
            return np.inf
        judged = _spread(len(self.entries))
        same, different = [], []
        for chunk in row_chunks(len(judged), len(self.entries), _CHUNK_VALUES):
            these = judged[chunk]
            ratios = self._compared(self.references[these])
            of_same = self.product[these][:, None] == self.product[None, :]
            different.append(np.where(of_same, -np.inf, ratios).max(1))
            ratios[np.arange(len(these)), these] = -np.inf
            same.append(np.where(of_same, ratios, -np.inf).max(1))
        return _limit(np.concatenate(same), np.concatenate(different))

    def near(self, size: int) -> float:
        """The ratio above which a group of so many photos is nearer to a product than most products are to another."""
        if not self.is_learnt or self.model is None:
            return np.inf
        size = min(size, _MOST_COMPARED)
        if size not in self._near:
            judged = _spread(len(self.skus))
            of_each = [np.flatnonzero(self.product == product)[:size] for product in judged]
            labels = np.repeat(np.arange(len(judged)), [len(rows) for rows in of_each])
            some = _summed(self.coordinates[np.concatenate(of_each)], labels, len(judged))
            between = self.model.ratios(some, self.products)
            between[np.arange(len(judged)), judged] = -np.inf
            self._near[size] = float(np.quantile(between.max(1), _MOST))
        return self._near[size]

    def grouped(self, rows: Floats) -> Ints:
        """The group of each photo; each is alone where there is nothing to learn from."""
        if self.model is None:
            return np.arange(len(rows))
        return group_photos(self.model, self.model.coordinates(rows))

    def nearest(self, index: int, row: Floats) -> Nearest:
        """The gallery's photo at `index` as what is nearest to a photo."""
        entry = self.entries[index]
        return Nearest(entry.sku, float(row @ self.references[index]), entry.sha256)

    def group(self, number: int, members: Ints, rows: Floats, found: Sequence[FoundPhoto]) -> Group:
        """A group of photos with the product that is likeliest to be theirs."""
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
        """The ratios of photos (N, D) and the gallery's, (N, M); without a model, cosines."""
        if self.model is None:
            return rows @ self.references.T
        return self.model.ratios(_single(self.model.coordinates(rows)), _single(self.coordinates))


def _known(
    photos: Sequence[tuple[str, str]], vectors: Floats, ratios: Floats, beside: _Enrolled, accepts: Accepts | None
) -> Bools:
    """Which photos are of enrolled products; those that are enrolled themselves always are."""
    enrolled = {entry.sha256 for entry in beside.entries}
    same = np.array([sha256 in enrolled for _, sha256 in photos], np.bool_)
    if not beside.entries:
        return same
    if accepts is not None:
        return same | accepts([path for path, _ in photos], vectors)
    return same | (ratios > beside.limit())


def _limit(same: Floats, different: Floats) -> float:
    same, different = same[np.isfinite(same)], different[np.isfinite(different)]
    return max(0.0, dividing(same, different)) if len(same) and len(different) else 0.0


def _spread(count: int) -> Ints:
    """At most so many indices as are judged, spread over all."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_JUDGED)).astype(np.int64))


def _typical_first(members: Ints, rows: Floats) -> Ints:
    own = rows[members]
    return members[np.argsort(-(own @ own.sum(0)), kind="stable")]


def _single(coordinates: Floats) -> Sets:
    return Sets(coordinates, np.ones(len(coordinates), np.int64))


def _summed(coordinates: Floats, labels: Ints, count: int) -> Sets:
    sums = np.zeros((count, coordinates.shape[1]), np.float32)
    np.add.at(sums, labels, coordinates)
    return Sets(sums, np.bincount(labels, minlength=count))
