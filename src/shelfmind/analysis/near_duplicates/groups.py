"""Groups near-duplicates: identical bytes or pixels, or re-encoded, resized, cropped or relit versions of one photo."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.measurement import Measured
from shelfmind.analysis.near_duplicates.alignment import Difference, closer_fit, difference, rough_fit
from shelfmind.analysis.near_duplicates.close_pairs import Vectors, close_pairs
from shelfmind.analysis.near_duplicates.tangents import tangent_distances
from shelfmind.arrays import Floats, Ints
from shelfmind.disjoint_sets import DisjointSets
from shelfmind.images.fingerprints import VIEWS, descriptors
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Counter

PAIRS_PER_TASK, _TASKS_PER_BATCH = 256, 16
"""Pairs verified by one thread at a time, and the number of such parts distributed at once; independent of the number
of cores."""
_ALIGNED_AT_ONCE = 64
"""Pairs aligned at once: their planes fit in the processor's cache."""
_FINGERPRINTS_PER_CHUNK = 1024
_AXES, _SAMPLED = 32, 20_000
"""Principal axes of the descriptors that the search uses, and the fingerprints that they are computed from."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest differences of near-duplicates; chosen as described in `benchmarks/RESULTS.md`.

    `radius` bounds the distance of descriptors, `tangent` that of `tangent_distances`, `coarse` and `closer` the
    estimates; all four only save work. `moved` is the largest border shift as a share of the side, `gain` the
    brightness factor in either direction, and `likeness` a minimum; these and the others refer to `Difference`.
    Pictures with less contrast than `contrast` (standard deviation of luma) have no content to compare and are never
    near-duplicates.
    """

    radius: float = 0.29
    tangent: float = 0.40
    coarse: float = 0.36
    closer: float = 0.2
    whole: float = 0.16
    local: float = 0.5
    likeness: float = 0.45
    colour: float = 16.0
    tint: float = 3.0
    moved: float = 0.085
    gain: float = 1.3
    turned: float = 0.15
    shaped: float = 0.055
    contrast: float = 6.0


@dataclass(frozen=True, slots=True)
class Group:
    """A group of near-duplicates: positions of its images, ascending, and how each one differs from the others.

    `differences` (one per member) is `Difference.whole` to the nearest near-duplicate with other pixels, and 0 if all
    members have identical pixels. `pixels` (one per member) are numbers that are equal for members with identical
    pixels.
    """

    members: tuple[int, ...]
    differences: tuple[float, ...]
    pixels: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether all members have identical pixels."""
        return len(set(self.pixels)) == 1

    @property
    def least_difference(self) -> float:
        """The difference of the two nearest members: 0 if they have identical pixels."""
        return min(self.differences) if len(set(self.pixels)) == len(self.pixels) else 0.0


def find_duplicates(measured: Measured, limits: Limits, counter: Counter) -> list[Group]:
    """All groups of two or more near-duplicates, in the order of their first members."""
    facts, fingerprints = measured.facts, measured.fingerprints
    first_of = _first_with_same_pixels(facts["pixel_digest"])
    groups = _Groups(first_of)
    kept = np.flatnonzero((first_of == np.arange(len(facts))) & has_contrast(fingerprints, limits.contrast))
    views = search_vectors(fingerprints, facts, kept)
    progress = counter("comparing images", len(kept))
    waiting: list[Ints] = []
    compare = partial(_verified, fingerprints=fingerprints, limits=limits)
    with ThreadPoolExecutor(available_cores()) as threads:

        def verify() -> None:
            parts = _parts(waiting)
            for part, apart in zip(parts, threads.map(compare, parts), strict=True):
                for index in np.flatnonzero(np.isfinite(apart)):
                    groups.join(int(part[index, 0]), int(part[index, 1]), float(apart[index]))
            waiting.clear()

        for here, there, done in close_pairs(views[0], tuple(views[1:]), limits.radius):
            pairs = kept[np.stack([here, there], axis=1)]
            waiting.append(pairs[[not groups.same(one, two) for one, two in pairs.tolist()]])
            if sum(map(len, waiting)) >= PAIRS_PER_TASK * _TASKS_PER_BATCH:
                verify()
            progress(done)
        verify()
    return groups.listed()


def same_photo(found: Difference, limits: Limits) -> npt.NDArray[np.bool_]:
    """Which of P pairs are near-duplicates, shape (P,)."""
    return np.asarray(
        (found.whole <= limits.whole)
        & (found.local <= limits.local)
        & (found.likeness >= limits.likeness)
        & (found.colour <= limits.colour)
        & (found.tint <= limits.tint)
        & (found.moved <= limits.moved)
        & (found.turned <= limits.turned)
        & (found.shaped <= limits.shaped)
        & (found.gain <= limits.gain)
        & (found.gain >= 1 / limits.gain)
    )


class _Groups:
    """Groups that merge as pairs are added to those of identical pixels, with the difference to the nearest
    near-duplicate with other pixels; images in no group take no memory.

    `first_of` (N,) is the first image with the same pixels as each. The pairs that are added are of first images.
    """

    def __init__(self, first_of: Ints) -> None:
        self._first_of = first_of
        self._joined: DisjointSets[int] = DisjointSets()
        self._nearest: dict[int, float] = {}
        for index in np.flatnonzero(first_of != np.arange(len(first_of))).tolist():
            self._merge(int(first_of[index]), index)

    def same(self, one: int, two: int) -> bool:
        known = one in self._joined and two in self._joined
        return known and self._joined.connected(one, two)

    def join(self, one: int, two: int, apart: float) -> None:
        for index in (one, two):
            self._nearest[index] = min(self._nearest.get(index, np.inf), apart)
        self._merge(one, two)

    def listed(self) -> list[Group]:
        return [self._group(members) for members in sorted(sorted(members) for members in self._joined.subsets())]

    def _merge(self, one: int, two: int) -> None:
        self._joined.add(one)
        self._joined.add(two)
        self._joined.merge(one, two)

    def _group(self, members: list[int]) -> Group:
        pixels = tuple(self._first_of[members].tolist())
        return Group(tuple(members), tuple(self._nearest.get(first, 0.0) for first in pixels), pixels)


def differences(pairs: Ints, first: npt.NDArray[np.void], second: npt.NDArray[np.void], limits: Limits) -> Floats:
    """For P pairs (P, 2) of positions in two arrays of fingerprints, the difference if they are near-duplicates, else
    infinity, shape (P,)."""
    apart = np.full(len(pairs), np.inf, np.float32)
    near = np.flatnonzero(tangent_distances(pairs, first, second) <= limits.tangent)
    for start in range(0, len(near), _ALIGNED_AT_ONCE):
        part = near[start : start + _ALIGNED_AT_ONCE]
        apart[part] = _aligned_differences(first[pairs[part, 0]], second[pairs[part, 1]], limits)
    return apart


def _aligned_differences(first: npt.NDArray[np.void], second: npt.NDArray[np.void], limits: Limits) -> Floats:
    apart = np.full(len(first), np.inf, np.float32)
    start, forecast = rough_fit(first, second)
    left = np.flatnonzero(forecast <= limits.coarse)
    if len(left):
        start, forecast = closer_fit(first[left], second[left], start[left])
        near = forecast <= limits.closer
        left, start = left[near], start[near]
    if len(left):
        found = difference(first[left], second[left], start)
        same = same_photo(found, limits)
        apart[left[same]] = np.maximum(found.whole[same], 1e-6)
    return apart


def _verified(pairs: Ints, fingerprints: npt.NDArray[np.void], limits: Limits) -> Floats:
    return differences(pairs, fingerprints, fingerprints, limits)


def _parts(pairs: Iterable[Ints]) -> list[Ints]:
    together = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
    return [together[start : start + PAIRS_PER_TASK] for start in range(0, len(together), PAIRS_PER_TASK)]


def _first_with_same_pixels(digests: npt.NDArray[np.void]) -> Ints:
    """For each image, the position of the first image with the same digest."""
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def has_contrast(fingerprints: npt.NDArray[np.void], least: float) -> npt.NDArray[np.bool_]:
    """Whether each picture has content, processed in parts because the fingerprints are on disk."""
    starts = range(0, len(fingerprints), _FINGERPRINTS_PER_CHUNK)
    parts = [fingerprints["luma"][start : start + _FINGERPRINTS_PER_CHUNK].std((1, 2)) >= least for start in starts]
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def search_vectors(
    fingerprints: npt.NDArray[np.void], facts: npt.NDArray[np.void], kept: Ints, axes: Floats | None = None
) -> tuple[Vectors, ...]:
    """Compact vectors of the kept images for `close_pairs`, one array per view: 64 bytes per image.

    They are descriptors with the aspect ratio as an additional coordinate, which near-duplicates nearly share, on their
    principal axes (`principal_axes` by default). `facts` has the fields `width` and `height`.
    """
    if not len(kept):
        return tuple(np.zeros((0, _AXES), np.float16) for _ in VIEWS)
    turned = principal_axes(fingerprints, facts, kept) if axes is None else axes
    views = tuple(np.empty((len(kept), turned.shape[1]), np.float16) for _ in VIEWS)
    for start in range(0, len(kept), _FINGERPRINTS_PER_CHUNK):
        part = kept[start : start + _FINGERPRINTS_PER_CHUNK]
        for view, crop in zip(views, VIEWS, strict=True):
            view[start : start + len(part)] = _shaped_descriptors(fingerprints, facts, part, crop) @ turned
    return views


def principal_axes(fingerprints: npt.NDArray[np.void], facts: npt.NDArray[np.void], kept: Ints) -> Floats:
    """The principal axes of the descriptors of one or more kept images as orthonormal columns, widest first."""
    sample = kept[:: max(1, len(kept) // _SAMPLED)]
    starts = range(0, len(sample), _FINGERPRINTS_PER_CHUNK)
    parts = [
        _shaped_descriptors(fingerprints, facts, sample[start : start + _FINGERPRINTS_PER_CHUNK], VIEWS[0])
        for start in starts
    ]
    vectors = np.concatenate(parts).astype(np.float64)
    centred = vectors - vectors.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(axes[:, ::-1][:, :_AXES], np.float32)


def _shaped_descriptors(
    fingerprints: npt.NDArray[np.void], facts: npt.NDArray[np.void], part: Ints, crop: float
) -> Floats:
    shape = np.log(facts["height"][part].astype(np.float32) / facts["width"][part])
    return np.concatenate([descriptors(fingerprints[part], crop), shape[:, None]], axis=1)
