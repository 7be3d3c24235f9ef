"""Photos of products with their vectors and measurements, and which of them are asked about."""

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

_MOST_SHOWN = 2
_REFERENCES = 512
"""Photos of other products that say what is usual: the deviation that they give is exact to 5%."""
_MAD_OF_NORMAL = 1.4826
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Enrolled:
    """N photos of P products, and which of them, (N,), are asked about: new ones, or all.

    `vectors` (N, D) are unit vectors. `measured` is of as many photos as were measured, all of those asked about among
    them; its indices are rows here. `trained` are prototypes (D,) of the classes that a network was trained on.
    """

    entries: Sequence[Entry]
    vectors: Floats
    asked: Bools
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
        """How like their products photos are."""
        return Likeness(self.vectors, self.labels, len(self.names))

    @cached_property
    def touched(self) -> Ints:
        """The products with a photo that is asked about."""
        return np.asarray(np.unique(self.labels[self.asked]), np.int64)

    @cached_property
    def mine(self) -> Ints:
        """The photos of touched products."""
        return np.flatnonzero(np.isin(self.labels, self.touched))

    @cached_property
    def nearest_other(self) -> tuple[Ints, Floats]:
        """Of each photo the other product whose prototype is nearest, and its cosine, (N,) both.

        -1 and minus infinity where there is none, or nothing is asked of the photo's product.
        """
        index, cosine = np.full(len(self.labels), -1, np.int64), np.full(len(self.labels), -np.inf, np.float32)
        index[self.mine], cosine[self.mine] = self.likeness.nearest_other(self.mine)
        return index, cosine

    @cached_property
    def mix_ups(self) -> list[MixUp]:
        """Pairs of products, one of them touched, of which photos are taken for the other, worst first."""
        return mix_ups(self.likeness, self.mine, self.nearest_other[0][self.mine])

    @cached_property
    def copies(self) -> list[tuple[Ints, float]]:
        """Groups of copies of one photo, nearest first, with how far apart they are; one of each is asked about."""
        groups = find_duplicates(self.measured, Limits(), self.counter)
        found = [(self.measured.indices[list(each.members)], max(each.differences)) for each in groups]
        return sorted((each for each in found if self.asked[each[0]].any()), key=lambda each: each[1])

    @cached_property
    def flagged(self) -> dict[str, Flagged]:
        """What the audit's rules flag, by issue; of positions in `measured`."""
        return flag_quality(self.measured.facts, self.labels[self.measured.indices])

    @cached_property
    def strangeness(self) -> Floats:
        """By how many robust deviations each photo is stranger to its product than is usual, (N,).

        Strange is a photo that is nearer to another product's prototype than to that of its own without it: the
        difference of the two cosines, against the median of this gallery's photos (Iglewicz and Hoaglin, 1993). NaN for
        photos of products that nothing is asked of, for the only photo of a product, and where there are too few or no
        other product to say what is usual.
        """
        scores = np.full(len(self.labels), np.nan, np.float32)
        mine = self.mine[self.likeness.counts[self.labels[self.mine]] > 1]
        others = self._references()
        if too_few_images(len(mine) + len(others)) or len(self.names) < 2:
            return scores
        towards = np.concatenate([self.nearest_other[1][mine], self.likeness.nearest_other(others)[1]])
        strange = towards - self.likeness.to_own(np.concatenate([mine, others]))
        apart = strange - np.median(strange)
        spread = _MAD_OF_NORMAL * float(np.median(np.abs(apart)))
        scores[mine] = apart[: len(mine)] / max(spread, _LEAST_SPREAD)
        return scores

    def _references(self) -> Ints:
        """Enough photos of untouched products to say what is usual; no product's only photo."""
        found = np.flatnonzero((self.likeness.counts[self.labels] > 1) & ~np.isin(self.labels, self.touched))
        return found[:: max(1, -(-len(found) // _REFERENCES))]

    def shown(self, rows: Ints) -> tuple[Entry, ...]:
        """The first few of these photos."""
        return tuple(self.entries[row] for row in rows[:_MOST_SHOWN].tolist())

    def nearest_to(self, product: int, direction: Floats) -> tuple[Entry, ...]:
        """The photos of a product that are most like a vector (D,)."""
        members = self.likeness.members(product)
        return self.shown(members[np.argsort(-(self.vectors[members] @ direction), kind="stable")])
