"""Keeps memory-mapped files out of a process's resident memory."""

from __future__ import annotations

import mmap
from typing import Any

import numpy.typing as npt

from shelfmind.top_probabilities import Probabilities, TopProbabilities


def release_pages(array: npt.NDArray[Any] | Probabilities) -> None:
    """Drop the pages of a memory-mapped array that were read; its content is unchanged and may stay in the system's
    cache.

    Otherwise a file that was read once from start to end counts as resident until the system runs short of memory. No
    effect on other arrays, or on systems without support.
    """
    if isinstance(array, TopProbabilities):
        release_pages(array.ids)
        release_pages(array.values)
        return
    source = array.base
    if isinstance(source, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        source.madvise(mmap.MADV_DONTNEED)
