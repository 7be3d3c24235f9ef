"""Array types, and arrays in new files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
"""Single precision: outputs of networks, images."""
Wide = npt.NDArray[np.float64]
"""Double precision: sums, statistics, decisions."""


def new_array(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """A memory-mapped ``.npy`` of zeros. Its space is allocated now: a full disk that is detected later, through the
    memory map, would kill the process.

    Raises:
        OSError: it cannot be created, or the disk is full.
    """
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    return array


def rows_by_label(labels: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, Ints]]:
    """Each label that occurs in (N,), ascending, and its rows, ascending; negative labels are skipped."""
    order = np.argsort(labels, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(rows) and labels[rows[0]] >= 0:
            yield int(labels[rows[0]]), rows
