"""Rejects most pairs of fingerprints before they are aligned: the tangent distance of small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.near_duplicates.alignment import blurred, centred
from shelfmind.arrays import Floats, Ints
from shelfmind.images.fingerprints import SIDE

_SIDE = SIDE // 2
_WINDOW = 0.5
"""The weight of a pixel falls towards the borders, which a crop changes most, to exp(-this) at the middle of a side."""
_PAIRS_AT_ONCE = 256


@dataclass(frozen=True)
class _Planes:
    """For N pictures: pixels less their mean (N, D), their variances (N,), and the planes' vectors (N, K, D).

    `factors` (N, K, K) turn products with the vectors into coordinates on the plane.
    """

    pixels: Floats
    energies: Floats
    vectors: Floats
    factors: Floats

    def distances(self, rows: Ints, others: _Planes, columns: Ints) -> Floats:
        """The distance of each of the others' pictures to the plane of one of these, over the picture's contrast."""
        products = self.vectors[rows] @ others.pixels[columns][..., None]
        explained = np.square(self.factors[rows] @ products).sum((1, 2))
        energies = others.energies[columns]
        return np.asarray(np.sqrt(np.maximum(energies - explained, 0) / np.maximum(energies, _flat())), np.float32)


def tangent_distances(pairs: Ints, first: npt.NDArray[np.void], second: npt.NDArray[np.void]) -> Floats:
    """For P pairs (P, 2) of positions in two arrays of fingerprints, the share of the contrast that no small crop or
    relighting explains, shape (P,).

    Each picture and its derivatives by the four borders of a crop, by brightness and by contrast span a plane. The
    distance of the other picture to this plane is about what an alignment leaves, at a twentieth of the cost (Simard et
    al., "Efficient pattern recognition using a new transformation distance", NIPS 1992). The smaller of the two
    directions counts.
    """
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = pairs[start : start + _PAIRS_AT_ONCE]
        (here, rows), (there, columns) = (np.unique(side, return_inverse=True) for side in part.T)
        one, two = _planes(first[here]), _planes(second[there])
        found.append(np.minimum(one.distances(rows, two, columns), two.distances(columns, one, rows)))
    return np.concatenate(found)


def _planes(fingerprints: npt.NDArray[np.void]) -> _Planes:
    weight, across = _weights(), centred(_SIDE)
    small = blurred(_halved(fingerprints["luma"]), 1)
    small -= (small * np.square(weight)).sum((1, 2), keepdims=True) / np.square(weight).sum()
    down, along = (np.gradient(small, axis=axis) for axis in (1, 2))
    rows = (small, down, down * across[:, None], along, along * across, np.broadcast_to(np.float32(16), small.shape))
    weighted = np.empty((len(small), len(rows), _SIDE, _SIDE), np.float32)
    for place, row in enumerate(rows):
        np.multiply(row, weight, out=weighted[:, place])
    vectors = weighted.reshape(len(small), len(rows), -1)
    gram = (vectors @ vectors.transpose(0, 2, 1).copy()).astype(np.float64)  # a copy: see `_normal_equations`
    diagonal = np.arange(len(rows))
    energies = gram[:, 0, 0].astype(np.float32)
    gram[:, diagonal, diagonal] += 1e-3 + 1e-6 * np.trace(gram, axis1=1, axis2=2)[:, None]
    factors = np.linalg.inv(np.linalg.cholesky(gram)).astype(np.float32)
    return _Planes(vectors[:, 0], energies, vectors, factors)


def _halved(planes: npt.NDArray[np.uint8]) -> Floats:
    """Means of 2 by 2 pixels."""
    rows = planes[:, ::2].astype(np.uint16) + planes[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]).astype(np.float32) / 4)


@cache
def _weights() -> Floats:
    """The square root of each pixel's weight."""
    edge = np.exp(-4 * _WINDOW * centred(_SIDE) ** 2)
    return np.asarray(np.sqrt(np.outer(edge, edge)), np.float32)


@cache
def _flat() -> float:
    """The energy of a picture whose contrast is one grey level."""
    return float(np.square(_weights()).sum())
