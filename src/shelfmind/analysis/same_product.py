"""Whether two sets of photos show the same product: a likelihood ratio, learnt from photos of known products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from shelfmind.arrays import Bools, Floats, Ints, Wide
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows

MIN_PRODUCTS = 3
"""Minimum number of products with at least two photos to learn the model from."""
SHARED_VARIANCE = 0.2
"""The share of the within-product variance that all photos of a set may have in common, and averaging does not
reduce."""
NEIGHBOURS = 8
"""Number of nearest photos of each photo to search when no products are known."""
_MIN_BETWEEN = 1e-3
_CHUNK_VALUES = 1 << 23


@dataclass(frozen=True)
class Sets:
    """Sets of photos: the sums (S, D) of their coordinates and their sizes (S,)."""

    sums: Floats
    sizes: Ints

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def means(self) -> Floats:
        """Their mean coordinates (S, D)."""
        return self.sums / self.sizes[:, None].astype(np.float32)

    def of(self, rows: Ints | slice) -> Sets:
        """A subset of the sets."""
        return Sets(self.sums[rows], self.sizes[rows])


@dataclass(frozen=True)
class SameProduct:
    """Two Gaussians: products scatter around `centre`, and photos around their product (two-covariance model, or
    probabilistic linear discriminant analysis: Ioffe 2006; Prince and Elder 2007).

    `axes` (D, D) maps a vector to independent coordinates, in which photos of a product have variance 1 and products
    have variance `between` (D,).
    """

    centre: Wide
    axes: Wide
    between: Wide

    @classmethod
    def fit(cls, vectors: Floats, labels: npt.NDArray[np.generic]) -> SameProduct | None:
        """Fit the model to vectors (N, D) with their products (N,); None if too few products have at least two photos.

        Both covariances are shrunk (Ledoit and Wolf 2004), because there are often fewer products than dimensions.
        """
        _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if (counts > 1).sum() < MIN_PRODUCTS:
            return None
        rows = unit_rows(vectors).astype(np.float64)
        means = np.zeros((len(counts), rows.shape[1]))
        np.add.at(means, inverse, rows)
        means /= counts[:, None]
        unbiased = np.sqrt(counts / np.maximum(counts - 1, 1))[inverse, None]
        deviations = ((rows - means[inverse]) * unbiased)[counts[inverse] > 1]
        return cls._fit(deviations, means, float(np.mean(1 / counts)))

    @classmethod
    def fit_unlabelled(cls, vectors: Floats) -> SameProduct | None:
        """Fit the model to vectors (N, D) of unknown products, treating mutual nearest neighbours as the same product.

        None if there are too few of them.
        """
        rows = unit_rows(vectors)
        one, two = _mutual_neighbours(rows, min(NEIGHBOURS, len(rows) // 4))
        if len(one) < MIN_PRODUCTS:
            return None
        first, second = rows[one].astype(np.float64), rows[two].astype(np.float64)
        return cls._fit((first - second) / np.sqrt(2), (first + second) / 2, 0.5)

    @classmethod
    def _fit(cls, deviations: Wide, means: Wide, noise: float) -> SameProduct:
        """Fit the model to deviations of photos from their products, and to the products' means, whose own variance is
        `noise` times that of a photo."""
        centre = means.mean(0)
        within, turned = np.linalg.eigh(_shrunk(deviations))
        whitening = turned / np.sqrt(np.maximum(within, 1e-12))
        between, turned = np.linalg.eigh(_shrunk((means - centre) @ whitening))
        return cls(centre, whitening @ turned, np.maximum(between - noise, _MIN_BETWEEN))

    def coordinates(self, vectors: Floats) -> Floats:
        """The coordinates of vectors (N, D) as single photos, which can be summed up to `Sets`."""
        found: Floats = ((unit_rows(vectors) - self.centre) @ self.axes).astype(np.float32)
        return found

    def ratios(self, sets: Sets, others: Sets) -> Floats:
        """The log-likelihood ratio of one product against two, for each pair of sets: (S, T).

        Above 0, one product is more likely.
        """
        found = np.empty((len(sets), len(others)), np.float32)
        for rows in _by_size(sets.sizes):
            for columns in _by_size(others.sizes):
                found[np.ix_(rows, columns)] = self._ratios(sets.of(rows), others.of(columns))
        return found

    def _ratios(self, sets: Sets, others: Sets) -> Floats:
        """Like `ratios`, for sets of equal size and others of equal size."""
        one, other = self.between + self._noise(sets), self.between + self._noise(others)
        together = one * other - self.between**2
        of_one = (0.5 / one - 0.5 * other / together).astype(np.float32)
        of_other = (0.5 / other - 0.5 * one / together).astype(np.float32)
        means, other_means = sets.means, others.means
        ratios: Floats = (means * (self.between / together).astype(np.float32)) @ other_means.T
        ratios += (means**2 @ of_one)[:, None]
        ratios += (other_means**2 @ of_other)[None, :]
        ratios += np.float32(0.5 * np.log(one * other / together).sum())
        return ratios

    def _noise(self, sets: Sets) -> float:
        """The variance of the mean of a set."""
        return (1 - SHARED_VARIANCE) / float(sets.sizes[0]) + SHARED_VARIANCE


def group_photos(model: SameProduct, coordinates: Floats) -> Ints:
    """The group of each of N photos (N, D), shape (N,): sets are merged as long as one product is more likely than two.

    Each round merges all pairs of sets that are each other's most likely partners, as in reciprocal agglomerative
    clustering (Sumengen et al. 2021), without an N x N matrix. The number of groups is determined automatically. Groups
    are numbered by decreasing size, then by their first photo.
    """
    groups = _Groups(model, coordinates)
    while groups.merge_likeliest():
        pass
    return by_size(groups.member_of())


def best_threshold(same: Floats, different: Floats) -> float:
    """The ratio that best separates pairs of one product from pairs of two: it minimises the sum of the two error
    rates.

    Among equally good ratios, the middle of the highest gap. Both inputs need at least one value.
    """
    cuts = np.unique(np.concatenate([same, different]))
    missed = np.searchsorted(np.sort(same), cuts, side="right") / len(same)
    accepted = 1 - np.searchsorted(np.sort(different), cuts, side="right") / len(different)
    best = np.flatnonzero(missed + accepted == (missed + accepted).min())[-1]
    following = cuts[min(best + 1, len(cuts) - 1)]
    return float((cuts[best] + following) / 2)


def by_size(labels: Ints) -> Ints:
    """Renumber the groups of N items by decreasing size; ties by their earliest item."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    renumbered = np.empty(len(order), np.int64)
    renumbered[order] = np.arange(len(order))
    return renumbered[inverse]


class _Groups:
    """Sets that are merged over time; each is stored at the row of one of its photos."""

    def __init__(self, model: SameProduct, coordinates: Floats) -> None:
        count = len(coordinates)
        self.model = model
        self.sets = Sets(np.array(coordinates, np.float32), np.ones(count, np.int64))
        self.open: Bools = np.ones(count, np.bool_)
        self.joined_to = np.arange(count)
        self.partner = np.zeros(count, np.int64)
        self.ratio = np.full(count, -np.inf, np.float32)
        self._search(np.arange(count), np.arange(count))

    def merge_likeliest(self) -> bool:
        """Merge each pair of sets that are each other's most likely partners; False if no pair is likely the same."""
        likely = self.open & (self.ratio > 0)
        mutual = np.flatnonzero(likely & (self.partner[self.partner] == np.arange(len(likely))))
        kept = mutual[mutual < self.partner[mutual]]
        if not len(kept):
            if not likely.any():
                return False
            best = int(np.argmax(np.where(likely, self.ratio, -np.inf)))  # mutual except for rounding errors
            kept = np.array([min(best, int(self.partner[best]))])
            self.partner[kept] = max(best, int(self.partner[best]))
        self._join(kept, self.partner[kept])
        return True

    def member_of(self) -> Ints:
        """The row that stores each photo's set."""
        found = self.joined_to
        while not np.array_equal(found, found[found]):
            found = found[found]
        return found

    def _join(self, kept: Ints, gone: Ints) -> None:
        self.sets.sums[kept] += self.sets.sums[gone]
        self.sets.sizes[kept] += self.sets.sizes[gone]
        self.joined_to[gone] = kept
        self.open[gone] = False
        self.ratio[gone] = -np.inf
        changed = np.zeros(len(self.open), np.bool_)
        changed[kept] = changed[gone] = True
        lost = self.open & (changed | changed[self.partner])
        self.ratio[lost] = -np.inf
        self._search(np.flatnonzero(lost), np.flatnonzero(self.open))
        self._search(np.flatnonzero(self.open & ~lost), kept)

    def _search(self, rows: Ints, among: Ints) -> None:
        """Search for better partners for some sets."""
        others = self.sets.of(among)
        for chunk in row_chunks(len(rows), len(among), _CHUNK_VALUES):
            these = rows[chunk]
            ratios = self.model.ratios(self.sets.of(these), others)
            ratios[these[:, None] == among[None, :]] = -np.inf
            best = ratios.argmax(1)
            found = ratios[np.arange(len(these)), best]
            better = found > self.ratio[these]
            self.partner[these[better]] = among[best[better]]
            self.ratio[these[better]] = found[better]


def _mutual_neighbours(rows: Floats, count: int) -> tuple[Ints, Ints]:
    """Pairs of unit rows that are among each other's `count` nearest neighbours."""
    if count < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = [np.zeros((0, count), np.int64)]
    for chunk in row_chunks(len(rows), len(rows), _CHUNK_VALUES):
        similarities = rows[chunk] @ rows.T
        own = np.arange(len(rows))[chunk]
        similarities[np.arange(len(own)), own] = -np.inf
        found.append(np.argpartition(-similarities, count - 1, axis=1)[:, :count])
    one, two = np.repeat(np.arange(len(rows)), count), np.concatenate(found).ravel()
    codes, back = one * len(rows) + two, two * len(rows) + one
    mutual = np.isin(codes, back) & (one < two)
    return one[mutual], two[mutual]


def _by_size(sizes: Ints) -> list[Ints]:
    """The indices of the sets of each size."""
    order = np.argsort(sizes, kind="stable")
    starts = np.flatnonzero(np.diff(sizes[order])) + 1
    return [part for part in np.split(order, starts) if len(part)]


def _shrunk(centred: Wide) -> Wide:
    covariance: Wide = ledoit_wolf(centred, assume_centered=True)[0]
    return covariance
