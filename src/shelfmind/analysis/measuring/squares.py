"""Measures photos on the squares that a network sees, which are already decoded."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.measures import MEASURES, measure_quality
from shelfmind.errors import UserError
from shelfmind.files import cache_folder, scratch_in_cache
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.images.fingerprinting import write_fingerprints
from shelfmind.images.photo_files import ask_stores, file_status, full_name
from shelfmind.images.resize import RESTORED
from shelfmind.images.squares import Square, Squares
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Counter
from shelfmind.recipe import DataRecipe

SEEN = np.dtype([("width", "<u4"), ("height", "<u4"), *((name, "<f4") for name in MEASURES)])
"""A photo's upright size, and all `MEASURES` of its square."""
_VERSION = 1
"""Increase when a measure changes."""
_LAYOUT = zlib.crc32(repr((_VERSION, SEEN.descr)).encode()) % 2**20
_AT_ONCE = 1024


def measure_squares(
    squares: Squares, paths: Sequence[Path], data: DataRecipe, counter: Counter
) -> npt.NDArray[np.void]:
    """Measure N photos by their squares, in threads; shape (N,) of type `SEEN`.

    The network's input counts: a photo that is blurred at full size may be sharp here. Results are cached by file
    (path, size, time) and recipe, and photo sizes are known from decoding. Raises `UserError` if the disk is full.
    """
    found = np.zeros(len(paths), SEEN)
    found["width"], found["height"] = _sizes(paths, counter)
    progress = counter("measuring squares", len(paths))
    with FileCache(cache_folder() / "squares_facts.sqlite", _LAYOUT) as file_cache:
        for start in range(0, len(paths), _AT_ONCE):
            part = range(start, min(start + _AT_ONCE, len(paths)))
            _fill(found, part, squares, paths, data, file_cache)
            progress(len(part))
    return found


def _fill(
    found: npt.NDArray[np.void],
    part: range,
    squares: Squares,
    paths: Sequence[Path],
    data: DataRecipe,
    file_cache: FileCache,
) -> None:
    """Measure some photos, or recall their measurements, and cache new ones."""
    keys = {index: _key(paths[index], data) for index in part}
    known = file_cache.recall(list(keys.values()))
    unknown = []
    ask_stores([paths[index] for index in part])
    for index in part:
        entry, status = known.get(keys[index]), file_status(paths[index])
        unchanged = entry is not None and (entry.size, entry.mtime_ns) == (status.size, status.mtime_ns)
        if unchanged and entry is not None and entry.content is not None:
            found[index] = np.frombuffer(entry.content, SEEN)[0]
        else:
            unknown.append(index)

    def measured(index: int) -> dict[str, float]:
        return _measured(squares[index], int(found["width"][index]), int(found["height"][index]), data)

    fresh = []
    for index, values in zip(
        unknown, map_ahead(measured, unknown, 4 * available_cores(), available_cores()), strict=True
    ):
        for name, value in values.items():
            found[name][index] = value
        status = file_status(paths[index])
        fresh.append((keys[index], CacheEntry(status.size, status.mtime_ns, found[index].tobytes())))
    file_cache.keep(fresh)


def _measured(square: Square, width: int, height: int, data: DataRecipe) -> dict[str, float]:
    return measure_quality(RESTORED[data.resize](np.asarray(square), width, height))


def _sizes(paths: Sequence[Path], counter: Counter) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Widths and heights, which are cached with the fingerprints."""
    try:
        with scratch_in_cache() as scratch:
            file = scratch / "sizes.npy"
            write_fingerprints(paths, file, counter("recalling sizes", len(paths)))
            known = np.load(file, mmap_mode="r")
            return np.array(known["width"]), np.array(known["height"])
    except OSError as error:
        raise UserError(
            f"no space for fingerprints: {error.strerror or error}; set SHELFMIND_CACHE to a folder with more space"
        ) from error


def _key(path: Path, data: DataRecipe) -> bytes:
    """The cache key of a file prepared by this recipe."""
    return os.fsencode(full_name(path)) + f"\0{data.resize}|{data.resize_to}".encode()
