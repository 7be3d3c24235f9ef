"""Multiple appearances within a class (old and new design, front and back), found by clustering its embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from shelfmind.arrays import Bools, Floats, Ints, Wide, rows_by_label
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.progress import Counter, count_silently

MIN_PHOTOS = 10
"""Minimum images of a class to search for groups."""
MIN_GROUP_PHOTOS = 3
MIN_SHARE = 0.1
"""Minimum photos and minimum share of the class; a smaller group consists of outliers, not of an appearance."""
MIN_SILHOUETTE = 0.25
"""Kaufman and Rousseeuw, "Finding Groups in Data", 1990: below this, there is no substantial structure."""
FALSE_DISCOVERIES = 0.01
MAX_GROUPS = 4
_MAX_PHOTOS = 200
_DIMENSIONS = 8
_SIMULATIONS = 99
_ROUNDS = 8


Vectors = Callable[[Ints], Floats]
"""Returns the vectors (R, D) of the images in R rows."""


@dataclass(frozen=True)
class Appearances:
    """A class whose images fall into groups: the rows of each group's images, largest group first, typical images
    first.

    `silhouette` (0.25 to 1) measures how well the first two groups are separated. `adjusted_p` is the probability of an
    equally good split of a single Gaussian of the same covariance, after Benjamini-Hochberg correction over all
    classes.
    """

    class_id: int
    groups: tuple[Ints, ...]
    silhouette: float
    adjusted_p: float

    def to_json(self, class_names: Sequence[str]) -> dict[str, Any]:
        """For `audit.json`."""
        return {
            "class": class_names[self.class_id],
            "groups": [len(group) for group in self.groups],
            "silhouette": self.silhouette,
            "adjusted_p": self.adjusted_p,
        }


@dataclass(frozen=True)
class AppearancesFound:
    """The classes with multiple appearances, clearest first, out of `classes` classes with enough images to be
    analysed."""

    several: tuple[Appearances, ...]
    classes: int


@dataclass(frozen=True)
class Split:
    """A partition of points in two: membership of the second part (N,), and measures of the separation."""

    second: Bools
    silhouette: float
    p: float

    @property
    def substantial(self) -> bool:
        """Whether both parts are large enough and well separated."""
        smaller = min(int(self.second.sum()), int((~self.second).sum()))
        least = max(MIN_GROUP_PHOTOS, MIN_SHARE * len(self.second))
        return smaller >= least and self.silhouette >= MIN_SILHOUETTE


def find_appearances(
    vectors: Vectors, labels: Ints, counter: Counter = count_silently, seed: int = 0
) -> AppearancesFound:
    """The classes with multiple appearances, from the vectors of N images with `labels` (N,).

    Each class is split in two by 2-means along its directions of largest variance. The split is tested against 2-means
    splits of a single Gaussian of the same covariance (SigClust: Liu et al., "Statistical significance of clustering
    for high-dimension, low-sample size data", JASA 2008), so that a homogeneous class is not split, however elongated
    it is. The false discovery rate over all classes is at most 1% (Benjamini and Hochberg, 1995). Because classes are
    not Gaussian, the silhouette must also be at least 0.25. The parts of a split class are tested in the same way. At
    most 200 images of a class are used.

    Vectors are computed again for the classes with multiple appearances, so that those of one class at a time are in
    memory.
    """
    progress = counter("finding multiple appearances", len(np.unique(labels[labels >= 0])), "classes")
    found: list[tuple[int, Ints, Split]] = []
    for label, rows in rows_by_label(labels):
        if len(rows) < MIN_PHOTOS:
            continue
        if len(rows) > _MAX_PHOTOS:
            rows = rows[np.linspace(0, len(rows) - 1, _MAX_PHOTOS).round().astype(np.int64)]
        found.append((label, rows, parted(_points(vectors, rows), _generator(seed, label))))
        progress(1)
    progress(len(np.unique(labels[labels >= 0])) - len(found))  # those with too few images
    if not found:
        return AppearancesFound((), 0)
    adjusted = stats.false_discovery_control([split.p for *_, split in found], method="bh")
    several = [
        Appearances(
            label,
            _groups(rows, _points(vectors, rows), split, _generator(seed, label)),
            split.silhouette,
            float(p),
        )
        for (label, rows, split), p in zip(found, adjusted, strict=True)
        if p <= FALSE_DISCOVERIES and split.substantial
    ]
    return AppearancesFound(tuple(sorted(several, key=lambda each: -each.silhouette)), len(found))


def plain_vectors(fingerprints: npt.NDArray[np.void]) -> Floats:
    """Vectors of images without a network: luma and chroma of their fingerprints, each centred on its mean and about
    equally weighted."""
    count = len(fingerprints)
    luma = fingerprints["luma"].reshape(count, -1).astype(np.float32)
    chroma = fingerprints["chroma"].reshape(count, -1).astype(np.float32) - 128
    return np.concatenate([0.2 * (luma - luma.mean(1, keepdims=True)), 2 * chroma], axis=1)


def parted(points: Wide, rng: np.random.Generator) -> Split:
    """The best partition of points (N, D) in two, with its p-value from a normal approximation to the simulated null
    distribution."""
    coordinates = _principal(points)
    second = _two_means(coordinates[None])[0]
    simulated = rng.standard_normal((_SIMULATIONS, *coordinates.shape)) * coordinates.std(0)
    null_indices = _cluster_index(simulated, _two_means(simulated))
    index = float(_cluster_index(coordinates[None], second[None])[0])
    spread = float(null_indices.std(ddof=1))
    p = float(stats.norm.cdf((index - null_indices.mean()) / spread)) if spread > 0 else 1.0
    return Split(second, silhouette(coordinates, second), p)


def silhouette(points: Wide, second: Bools) -> float:
    """Rousseeuw's mean silhouette (1987) of points (N, D) in two parts; -1 if a part has fewer than two points."""
    if min(second.sum(), (~second).sum()) < 2:
        return -1.0
    squares = (points**2).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * points @ points.T, 0))
    sums = np.stack([apart[:, ~second].sum(1), apart[:, second].sum(1)])
    sizes = np.array([(~second).sum(), second.sum()])
    own = second.astype(np.int64)
    rows = np.arange(len(points))
    inside = sums[own, rows] / (sizes[own] - 1)
    outside = sums[1 - own, rows] / sizes[1 - own]
    return float(((outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)).mean())


def _points(vectors: Vectors, rows: Ints) -> Wide:
    """The vectors of the images in R rows as unit vectors in double precision, (R, D)."""
    return unit_rows(vectors(rows)).astype(np.float64)


def _groups(rows: Ints, points: Wide, split: Split, rng: np.random.Generator) -> tuple[Ints, ...]:
    """The parts of a class, split further while the split is clear, each with its most typical image first."""
    parts = [np.flatnonzero(~split.second), np.flatnonzero(split.second)]
    waiting = list(parts)
    while waiting and len(parts) < MAX_GROUPS:
        part = waiting.pop()
        if len(part) < MIN_PHOTOS:
            continue
        again = parted(points[part], rng)
        if again.p <= FALSE_DISCOVERIES / MAX_GROUPS and again.substantial:
            halves = [part[~again.second], part[again.second]]
            parts = [each for each in parts if each is not part] + halves
            waiting += halves
    parts.sort(key=lambda part: (-len(part), int(part[0])))
    return tuple(rows[part[np.argsort(-(points[part] @ points[part].mean(0)), kind="stable")]] for part in parts)


def _principal(points: Wide) -> Wide:
    """Points (N, D) along their directions of largest variance, (N, up to 8)."""
    centred = points - points.mean(0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray((left * lengths)[:, :_DIMENSIONS])


def _two_means(sets: Wide) -> Bools:
    """2-means of each of B sets of points (B, N, K), initialised by the sign along the first direction: (B, N)."""
    second = sets[:, :, 0] > np.median(sets[:, :, 0], axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        one, two = _means(sets, ~second), _means(sets, second)
        middle = ((one + two) / 2)[:, None]
        nearer = ((sets - middle) * (two - one)[:, None]).sum(2) > 0
        if (nearer == second).all():
            break
        second = nearer
    return np.asarray(second)


def _means(sets: Wide, members: Bools) -> Wide:
    counts = np.maximum(members.sum(1), 1)
    return np.asarray((sets * members[:, :, None]).sum(1) / counts[:, None])


def _cluster_index(sets: Wide, second: Bools) -> Wide:
    """The within-part scatter as a share of the total scatter, small for well-separated parts; (B,)."""
    total = ((sets - sets.mean(1, keepdims=True)) ** 2).sum((1, 2))
    within = np.zeros(len(sets))
    for members in (second, ~second):
        apart = (sets - _means(sets, members)[:, None]) ** 2
        within += (apart * members[:, :, None]).sum((1, 2))
    return np.asarray(within / np.maximum(total, 1e-12))


def _generator(seed: int, label: int) -> np.random.Generator:
    return np.random.default_rng([seed, label])
