"""Enrolled photos with their vectors and measurements, and which of them to check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from shelfmind.analysis.image_audit.quality import Flagged, flag_quality
from shelfmind.analysis.measuring.measurement import Measured
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.likeness import Likeness
from shelfmind.gallery.mix_ups import MixUp, mix_ups
from shelfmind.progress import Counter, count_silently

_MAX_SHOWN = 2
_REFERENCES = 512
"""Number of reference photos of other products, enough to estimate the deviation to within 5%."""
_MAD_OF_NORMAL = 1.4826
_MIN_SPREAD = 1e-3


@dataclass(frozen=True)
class Enrolled:
    """N photos of P products, and which of them, (N,), to check: the new ones, or all.

    `vectors` (N, D) are unit vectors. `measured` covers at least the photos to check; its indices are rows here.
    `trained` are prototypes (D,) of the classes that the network was trained on.
    """

    entries: Sequence[Entry]
    vectors: Floats
    checked: Bools
    measured: Measured
    trained: Mapping[str, Floats] = field(default_factory=dict)
    counter: Counter = count_silently

    @cached_property
    def names(self) -> list[str]:
        """The products in the order of their first photos, (P,)."""
        return list(dict.fromkeys(entry.sku for entry in self.entries))

    @cached_property
    def labels(self) -> Ints:
        """The product of each photo, (N,)."""
        index = {name: number for number, name in enumerate(self.names)}
        return np.array([index[entry.sku] for entry in self.entries], np.int64)

    @cached_property
    def likeness(self) -> Likeness:
        """The similarities of photos to products."""
        return Likeness(self.vectors, self.labels, len(self.names))

    @cached_property
    def affected_products(self) -> Ints:
        """The products with a photo to check."""
        return np.asarray(np.unique(self.labels[self.checked]), np.int64)

    @cached_property
    def affected_photos(self) -> Ints:
        """The photos of these products."""
        return np.flatnonzero(np.isin(self.labels, self.affected_products))

    @cached_property
    def nearest_other(self) -> tuple[Ints, Floats]:
        """The other product with the most similar prototype for each photo, and the cosine, (N,) both.

        -1 and minus infinity if there is none, or if no photo of the product is to be checked.
        """
        index, cosine = np.full(len(self.labels), -1, np.int64), np.full(len(self.labels), -np.inf, np.float32)
        index[self.affected_photos], cosine[self.affected_photos] = self.likeness.nearest_other(self.affected_photos)
        return index, cosine

    @cached_property
    def mix_ups(self) -> list[MixUp]:
        """Pairs of products, at least one of them to check, that are confused, worst first."""
        return mix_ups(self.likeness, self.affected_photos, self.nearest_other[0][self.affected_photos])

    @cached_property
    def copies(self) -> list[tuple[Ints, float]]:
        """Groups of near-duplicates with a photo to check and their distance, closest first."""
        groups = find_duplicates(self.measured, Limits(), self.counter)
        found = [(self.measured.indices[list(each.members)], max(each.differences)) for each in groups]
        return sorted((each for each in found if self.checked[each[0]].any()), key=lambda each: each[1])

    @cached_property
    def flagged(self) -> dict[str, Flagged]:
        """The photos that the audit's rules flag, by issue, as positions in `measured`."""
        return flag_quality(self.measured.facts, self.labels[self.measured.indices])

    @cached_property
    def outlier_scores(self) -> Floats:
        """The outlier score (N,) of each photo in its product, in robust deviations.

        It compares the cosine to the most similar other prototype minus that to the photo's own prototype without it
        with the median of this gallery's photos (Iglewicz and Hoaglin, 1993). NaN for products without photos to check,
        for the only photo of a product, and if there are too few photos or no other product to compare with.
        """
        scores = np.full(len(self.labels), np.nan, np.float32)
        rows = self.affected_photos[self.likeness.counts[self.labels[self.affected_photos]] > 1]
        others = self._references()
        if too_few_images(len(rows) + len(others)) or len(self.names) < 2:
            return scores
        towards = np.concatenate([self.nearest_other[1][rows], self.likeness.nearest_other(others)[1]])
        strange = towards - self.likeness.to_own(np.concatenate([rows, others]))
        apart = strange - np.median(strange)
        spread = _MAD_OF_NORMAL * float(np.median(np.abs(apart)))
        scores[rows] = apart[: len(rows)] / max(spread, _MIN_SPREAD)
        return scores

    def _references(self) -> Ints:
        """A sufficient sample of photos of products that are not checked, without products of a single photo."""
        found = np.flatnonzero((self.likeness.counts[self.labels] > 1) & ~np.isin(self.labels, self.affected_products))
        return found[:: max(1, -(-len(found) // _REFERENCES))]

    def shown(self, rows: Ints) -> tuple[Entry, ...]:
        """Return the first few of these photos."""
        return tuple(self.entries[row] for row in rows[:_MAX_SHOWN].tolist())

    def nearest_to(self, product: int, direction: Floats) -> tuple[Entry, ...]:
        """Return the photos of a product that are most similar to a vector (D,)."""
        members = self.likeness.members(product)
        return self.shown(members[np.argsort(-(self.vectors[members] @ direction), kind="stable")])
