"""Keeps memory-mapped files out of the memory that a process is charged with."""

from __future__ import annotations

import mmap
from typing import Any

import numpy.typing as npt


def release_pages(array: npt.NDArray[Any]) -> None:
    """Drop the pages of a memory-mapped array that were read; its content stays, and the system may still cache it.

    Without this a file read once from beginning to end counts as resident until the system runs short. Nothing happens
    to other arrays, nor where the system cannot do it.
    """
    source = array.base
    if isinstance(source, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        source.madvise(mmap.MADV_DONTNEED)
