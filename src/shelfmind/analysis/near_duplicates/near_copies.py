"""Finds near-duplicates of many known images: re-encoded, resized, cropped or relit, by the audit's criteria."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.near_duplicates.close_pairs import close_pairs_across
from shelfmind.analysis.near_duplicates.groups import (
    PAIRS_PER_TASK,
    Limits,
    differences,
    has_contrast,
    principal_axes,
    search_vectors,
)
from shelfmind.arrays import Ints
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Counter

Records = npt.NDArray[np.void]


def near_copies(queries: Records, known: Records, limits: Limits, counter: Counter) -> Ints:
    """For each of N images, the index in `known` of its near-duplicate, shape (N,); -1 for none.

    Both are arrays of `fingerprinting.FINGERPRINTED`; `known` may be on disk.
    """
    found = np.full(len(queries), -1, np.int64)
    indices = [_comparable(records, limits) for records in (queries, known)]
    if not all(map(len, indices)):
        return found
    axes = principal_axes(known["fingerprint"], known, indices[1])
    views = [
        search_vectors(records["fingerprint"], records, kept, axes)
        for records, kept in zip((queries, known), indices, strict=True)
    ]
    progress = counter("comparing images", len(indices[0]))
    compare = partial(_apart, queries["fingerprint"], known["fingerprint"], limits)
    with ThreadPoolExecutor(available_cores()) as threads:
        for here, there, done in close_pairs_across(views[0], views[1], limits.radius):
            pairs = np.stack([indices[0][here], indices[1][there]], axis=1)
            parts = [pairs[start : start + PAIRS_PER_TASK] for start in range(0, len(pairs), PAIRS_PER_TASK)]
            apart = np.concatenate([*threads.map(compare, parts), np.zeros(0, np.float32)])
            for index in np.argsort(-apart, kind="stable"):  # the nearest is written last
                if np.isfinite(apart[index]):
                    found[pairs[index, 0]] = pairs[index, 1]
            progress(done)
    return found


def _comparable(records: Records, limits: Limits) -> Ints:
    usable = np.asarray(records["width"]) > 0
    return np.flatnonzero(usable & has_contrast(records["fingerprint"], limits.contrast))


def _apart(queries: Records, known: Records, limits: Limits, pairs: Ints) -> npt.NDArray[np.float32]:
    return differences(pairs, queries, known, limits)
