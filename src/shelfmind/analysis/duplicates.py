"""Finds images that are copies of one photo: the same bytes, the same pixels, or re-encoded, resized, cropped, lit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.alignment import Difference, difference, rough_fit
from shelfmind.analysis.close_pairs import close_pairs
from shelfmind.analysis.facts import Measured
from shelfmind.analysis.fingerprints import VIEWS, descriptors
from shelfmind.progress import Counter

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_VERIFIED_AT_ONCE = 256
_DESCRIBED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What two pictures may differ by and still be one photo; chosen in `benchmarks/duplicates.py`.

    `radius` bounds the distance of descriptors and `coarse` the forecast, both only to save work. `whole`, `local`,
    `colour` and (as a least) `likeness` are those of `Difference`, `moved` the share of a side that a border may have
    been moved by, `gain` the factor of brightness either way. Pictures with less contrast than `contrast` (standard
    deviation of luma) have nothing to compare and are never near-duplicates.
    """

    radius: float = 0.29
    coarse: float = 0.36
    whole: float = 0.14
    local: float = 0.5
    likeness: float = 0.45
    colour: float = 16.0
    moved: float = 0.085
    gain: float = 1.6
    contrast: float = 6.0


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one photo: positions of its images, ascending, and how far each is from its nearest copy.

    `differences` (one per member) is 0 for the same pixels, else `Difference.whole`.
    """

    members: tuple[int, ...]
    differences: tuple[float, ...]

    @property
    def exact(self) -> bool:
        """Whether all members have the same pixels."""
        return not any(self.differences)


def find_duplicates(measured: Measured, limits: Limits, counter: Counter) -> list[Group]:
    """All groups of two or more images that are copies of one photo, in the order of their first members."""
    facts, fingerprints = measured.facts, measured.fingerprints
    groups = _Union(len(facts))
    first_of = _first_with_same_pixels(facts["pixel_digest"])
    for place in np.flatnonzero(first_of != np.arange(len(facts))):
        groups.join(int(first_of[place]), int(place), 0.0)
    kept = np.flatnonzero((first_of == np.arange(len(facts))) & _has_contrast(fingerprints, limits.contrast))
    views = [_described(fingerprints, facts, kept, crop) for crop in VIEWS]
    progress = counter("comparing images", len(kept))
    pending: list[Ints] = []
    waiting = 0
    for here, there, done in close_pairs(views[0], tuple(views[1:]), limits.radius):
        pairs = kept[np.stack([here, there], axis=1)]
        open_pairs = pairs[[not groups.same(int(one), int(two)) for one, two in pairs]]
        pending.append(open_pairs)
        waiting += len(open_pairs)
        if waiting >= _VERIFIED_AT_ONCE:
            _verify(np.concatenate(pending), fingerprints, limits, groups)
            pending, waiting = [], 0
        progress(done)
    if waiting:
        _verify(np.concatenate(pending), fingerprints, limits, groups)
    return groups.listed()


def same_photo(found: Difference, limits: Limits) -> npt.NDArray[np.bool_]:
    """Which of P pairs are one photo, shape (P,)."""
    return np.asarray(
        (found.whole <= limits.whole)
        & (found.local <= limits.local)
        & (found.likeness >= limits.likeness)
        & (found.colour <= limits.colour)
        & (found.moved <= limits.moved)
        & (found.gain <= limits.gain)
        & (found.gain >= 1 / limits.gain)
    )


class _Union:
    """Groups that grow together (union-find), with each member's nearest copy."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)
        self._nearest = np.full(count, np.inf, np.float32)

    def root(self, place: int) -> int:
        while self._parents[place] != place:
            self._parents[place] = self._parents[self._parents[place]]
            place = int(self._parents[place])
        return place

    def same(self, one: int, two: int) -> bool:
        return self.root(one) == self.root(two)

    def join(self, one: int, two: int, apart: float) -> None:
        roots = sorted((self.root(one), self.root(two)))
        self._parents[roots[1]] = roots[0]
        for place in (one, two):
            self._nearest[place] = min(self._nearest[place], apart)

    def listed(self) -> list[Group]:
        joined = np.flatnonzero(np.isfinite(self._nearest))
        members: dict[int, list[int]] = {}
        for place in joined.tolist():
            members.setdefault(self.root(place), []).append(place)
        return [Group(tuple(each), tuple(float(self._nearest[place]) for place in each)) for each in members.values()]


def _verify(pairs: Ints, fingerprints: npt.NDArray[np.void], limits: Limits, groups: _Union) -> None:
    for part in _parts(pairs):
        first, second = fingerprints[part[:, 0]], fingerprints[part[:, 1]]
        start, forecast = rough_fit(first, second)
        promising = np.flatnonzero(forecast <= limits.coarse)
        if not len(promising):
            continue
        found = difference(first[promising], second[promising], start[promising])
        for place in np.flatnonzero(same_photo(found, limits)):
            one, two = part[promising[place]]
            groups.join(int(one), int(two), max(float(found.whole[place]), 1e-6))


def _parts(pairs: Ints) -> Iterator[Ints]:
    for start in range(0, len(pairs), _VERIFIED_AT_ONCE):
        yield pairs[start : start + _VERIFIED_AT_ONCE]


def _first_with_same_pixels(digests: npt.NDArray[np.void]) -> Ints:
    """The position of the first image with the same digest, for each image."""
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _has_contrast(fingerprints: npt.NDArray[np.void], least: float) -> npt.NDArray[np.bool_]:
    """Whether the picture shows anything, a part at a time because the fingerprints lie on disk."""
    starts = range(0, len(fingerprints), _DESCRIBED_AT_ONCE)
    parts = [fingerprints["luma"][start : start + _DESCRIBED_AT_ONCE].std((1, 2)) >= least for start in starts]
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def _described(fingerprints: npt.NDArray[np.void], facts: npt.NDArray[np.void], kept: Ints, crop: float) -> Floats:
    """Descriptors of the kept images with their shape as one more coordinate: copies have nearly the same."""
    starts = range(0, len(kept), _DESCRIBED_AT_ONCE)
    parts = [descriptors(fingerprints[kept[start : start + _DESCRIBED_AT_ONCE]], crop) for start in starts]
    if not parts:
        return np.zeros((0, 1), np.float32)
    shape = np.log(facts["height"][kept].astype(np.float32) / facts["width"][kept])
    return np.concatenate([np.concatenate(parts), shape[:, None]], axis=1)
