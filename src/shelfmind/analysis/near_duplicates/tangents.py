"""Rejects most pairs of fingerprints before they are aligned: the tangent distance of small pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.near_duplicates.alignment import blurred, centred, reduced
from shelfmind.arrays import Floats
from shelfmind.images.fingerprints import SIDE

_SMALL = 24
_WINDOW = 0.5
"""The weight of a pixel falls towards the borders, which a crop changes most, to exp(-this) at the middle of a side."""
_PAIRS_AT_ONCE = 64


def tangent_distances(first: npt.NDArray[np.void], second: npt.NDArray[np.void]) -> Floats:
    """The share of the contrast of P pairs of fingerprints that no small crop or relighting explains, shape (P,).

    Each picture and its derivatives by the four borders of a crop, by brightness and by contrast span a plane; the
    distance of the other picture to that plane is a lower bound of what an alignment leaves, as far as pictures are
    linear in the shift (Simard et al., "Efficient pattern recognition using a new transformation distance", NIPS 1992).
    The smaller distance of the two directions counts.
    """
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        (one, planes, energies), (two, other_planes, other_energies) = (
            _described(each[start : start + _PAIRS_AT_ONCE]) for each in (first, second)
        )
        found.append(np.minimum(_distance(planes, two, other_energies), _distance(other_planes, one, energies)))
    return np.concatenate(found)


def _described(fingerprints: npt.NDArray[np.void]) -> tuple[Floats, Floats, Floats]:
    """Weighted pictures (N, D), orthonormal bases of their planes (N, 6, D), and their weighted variances (N,)."""
    small = blurred(reduced(fingerprints["luma"].astype(np.float32), SIDE // _SMALL), 1)
    across = centred(_SMALL)
    edge = np.exp(-4 * _WINDOW * across**2)
    weight = np.sqrt(np.outer(edge, edge))
    total = float(np.square(weight).sum())
    mean = (small * np.square(weight)).sum((1, 2), keepdims=True) / total
    down_slope, across_slope = np.gradient(small, axis=1), np.gradient(small, axis=2)
    slopes = (down_slope, down_slope * across[:, None], across_slope, across_slope * across)
    spanned = np.stack([np.broadcast_to(np.float32(16), small.shape), small - mean, *slopes], axis=1) * weight
    spanned = spanned.reshape(len(small), len(slopes) + 2, -1)
    pictures = ((small - mean) * weight).reshape(len(small), -1)
    return pictures, _orthonormal(spanned), np.maximum(np.square(pictures).sum(1), total)


def _orthonormal(spanned: Floats) -> Floats:
    """Orthonormal rows that span the same plane, shape (N, K, D), by the Cholesky factor of the Gram matrices."""
    gram = np.einsum("nkd,nld->nkl", spanned, spanned).astype(np.float64)
    diagonal = np.arange(gram.shape[1])
    gram[:, diagonal, diagonal] += 1e-3 + 1e-6 * np.trace(gram, axis1=1, axis2=2)[:, None]
    factor = np.linalg.inv(np.linalg.cholesky(gram)).astype(np.float32)
    return np.asarray(factor @ spanned)


def _distance(planes: Floats, pictures: Floats, energies: Floats) -> Floats:
    explained = np.square((planes @ pictures[..., None])[..., 0]).sum(1)
    left = np.square(pictures).sum(1) - explained
    return np.asarray(np.sqrt(np.maximum(left, 0) / energies), np.float32)
