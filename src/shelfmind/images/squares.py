"""Photos as squares, the input of training and prediction, decoded once and cached."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import rows_by_label
from shelfmind.errors import UserError
from shelfmind.files import cache_folder, cache_limit_bytes
from shelfmind.images.archives import in_reading_order
from shelfmind.images.checking import OnImage, check_files, verdicts_path
from shelfmind.images.decoding import BadImage, Pixels, open_image
from shelfmind.images.fingerprinting import FingerprintRecorder
from shelfmind.images.photo_files import stream_ahead
from shelfmind.images.resize import RESIZES
from shelfmind.images.square_cache import ABSENT, ENTRY, MappedShards, SquareCache
from shelfmind.images.square_cache import Square as Square
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe
from shelfmind.records import BadFile, Sample
from shelfmind.urls import shown_url


class Squares(Protocol):
    """Images of shape (resize_to, resize_to, 3) by index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Square: ...


def square(
    source: Path | bytes | Image.Image | Pixels,
    data: DataRecipe,
    reduced: bool = False,
    most_pixels: int | None = None,
) -> Square:
    """Prepare a photo: decode it upright, then resize it as specified by the recipe.

    If `reduced`, a JPEG of at least four times the square's size is decoded at a half, a quarter or an eighth of its
    size. For `most_pixels` see `open_image`.
    """
    draft_size = (data.resize_to, data.resize_to) if reduced else None
    return resized(open_image(source, draft_size=draft_size, most_pixels=most_pixels), data)


def resized(image: Image.Image, data: DataRecipe) -> Square:
    """A decoded photo as a (resize_to, resize_to, 3) square."""
    return RESIZES[data.resize](image, data.resize_to, data.fill)


@dataclass(frozen=True)
class DecodedOnDemand:
    """Squares that are decoded on each access: for data sets larger than the cache."""

    paths: Sequence[Path]
    data: DataRecipe

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Square:
        try:
            return square(self.paths[index], self.data)
        except BadImage as error:
            reason = f"{error.reason}, although it passed the check"
            raise UserError(
                f"{shown_url(self.paths[index])}: {reason}; restore the file, or start a new run"
            ) from error


def in_order(squares: Squares, order: Iterable[int] | None = None) -> Iterator[Square]:
    """The squares in this order (their own if None); squares to decode are decoded ahead, in one thread per core."""
    order = range(len(squares)) if order is None else order
    if isinstance(squares, DecodedOnDemand):
        order = fetched_order(squares, order)
        return map_ahead(squares.__getitem__, order, ahead=4 * available_cores(), workers=available_cores())
    return (squares[index] for index in order)


def fetched_order(squares: Squares, order: Iterable[int]) -> Iterable[int]:
    """The indices in this order, while threads fetch the photos of the next ones from object stores."""
    return stream_ahead(order, squares.paths.__getitem__) if isinstance(squares, DecodedOnDemand) else order


def open_squares(
    samples: Sequence[Sample], data: DataRecipe, progress: Progress | None = None
) -> tuple[Squares, list[Sample], list[BadFile]]:
    """Squares of all good samples, those samples in the same order, and the bad files.

    Every file is decoded once for its check, its square and its fingerprint. All are cached, so that the next command
    on the same unchanged files decodes nothing, and a changed data set only its new and changed files. Squares of data
    sets larger than `cache_limit_bytes`, or whose new files need more than half of the free disk space, are not cached.
    """
    return open_splits([samples], data, progress)[0]


def open_splits(
    splits: Sequence[Sequence[Sample]], data: DataRecipe, progress: Progress | None = None
) -> list[tuple[Squares, list[Sample], list[BadFile]]]:
    """The result of `open_squares` for each of several splits that are used together.

    No split makes room for another: if they do not all fit into the cache, the first ones that do are cached.
    """
    cache = SquareCache(cache_folder() / "squares", data)
    # all are opened first, which marks their shards as used
    found = [CachedSquares([sample.path for sample in samples], data, cache) for samples in splits]
    kept: list[CachedSquares] = []
    opened = []
    for samples, cached in zip(splits, found, strict=True):
        squares, bad_files = _completed(cached, kept, progress)
        if squares is cached:
            kept.append(cached)
        opened.append(_good(squares, samples, bad_files))
    return opened


def _completed(
    squares: CachedSquares, kept: Sequence[CachedSquares], progress: Progress | None
) -> tuple[CachedSquares | DecodedOnDemand, list[BadFile]]:
    """The squares with those that were absent, if they fit into the cache beside those `kept`, and the bad files."""
    paths, data = squares.decoded.paths, squares.decoded.data
    cache, limit = squares.cache, cache_limit_bytes()
    absent = squares.absent[in_reading_order([paths[index] for index in squares.absent])]
    if progress is not None and len(absent) < len(paths):
        progress(len(paths) - len(absent))
    needed = len(absent) * cache.square_bytes
    used = sum(map(len, [squares, *kept])) * cache.square_bytes
    if needed and (used > limit or needed > shutil.disk_usage(cache_folder()).free // 2):
        bad_files = _checked([paths[index] for index in absent], progress)
        return squares.decoded, bad_files
    bad_files = []
    try:
        if needed:
            cache.make_room(limit - needed, [path for each in (squares, *kept) for path in each.shards.paths])
            for start in range(0, len(absent), cache.shard_size):
                part = [paths[index] for index in absent[start : start + cache.shard_size]]
                bad_files += _cache(part, cache, data, progress)
            squares.find()
    except OSError as error:
        raise UserError(
            f"the decoded images cannot be stored in {cache.root} ({error}); set SHELFMIND_CACHE to another folder"
        ) from error
    return squares, bad_files


def squares_of_some(
    samples: Sequence[Sample], rows: Sequence[int], data: DataRecipe, progress: Progress | None = None
) -> tuple[Squares, list[Sample]]:
    """Squares of the good samples among those in `rows`, and these samples."""
    found, chosen, _ = open_squares([samples[row] for row in rows], data, progress)
    return found, chosen


class CachedSquares:
    """Squares in the cache. The first access verifies each one's checksum; a damaged or deleted one is decoded again.

    Attributes:
        absent: the indices of squares that are not cached.
        shard: the number of each square's shard among `shards`, `ABSENT` if there is none.
    """

    def __init__(self, paths: Sequence[Path], data: DataRecipe, cache: SquareCache) -> None:
        self.cache = cache
        self.decoded = DecodedOnDemand(paths, data)
        self.shards = MappedShards(cache)
        self.shard = np.full(len(paths), ABSENT, np.int64)
        self.entries = np.zeros(len(paths), ENTRY)
        self.verified = np.zeros(len(paths), np.bool_)
        self.absent = np.arange(len(paths))
        self.find()

    def find(self) -> None:
        """Look for the absent squares in the cache."""
        places = self.cache.find([self.decoded.paths[index] for index in self.absent])
        for position, rows in rows_by_label(places.shard):
            number = self.shards.add(places.shards[position], int(places.entries["row"][rows].max()) + 1)
            if number is not None:
                self.shard[self.absent[rows]], self.entries[self.absent[rows]] = number, places.entries[rows]
        self.absent = np.flatnonzero(self.shard == ABSENT)

    def __len__(self) -> int:
        return len(self.shard)

    def __getitem__(self, index: int) -> Square:
        shard, entry = int(self.shard[index]), self.entries[index]
        mapped = self.shards.maps.get(shard)
        if mapped is None and shard != ABSENT:
            mapped = self.shards.mapped(shard)
        if mapped is None:
            return self.decoded[index]
        found: Square = mapped[entry["row"]]
        if not self.verified[index]:
            if zlib.crc32(found.data) != entry["crc"]:
                self.cache.forget(self.shards.paths[shard])
                return self.decoded[index]
            self.verified[index] = True
        return found


def _cache(paths: Sequence[Path], cache: SquareCache, data: DataRecipe, progress: Progress | None) -> list[BadFile]:
    """Decode files into a new shard; returns the bad ones."""
    with cache.new_shard(paths) as keep:
        return _checked(paths, progress, lambda index, image: keep(index, resized(image, data)))


def _checked(paths: Sequence[Path], progress: Progress | None, on_image: OnImage | None = None) -> list[BadFile]:
    """The bad files; files decoded in the process are also fingerprinted."""
    with FingerprintRecorder() as recorder:

        def count(done: int) -> None:
            recorder.keep()
            if progress is not None:
                progress(done)

        return check_files(
            paths,
            cache=verdicts_path(),
            progress=count,
            on_image=on_image,
            on_decoded=lambda index, image: recorder.record(paths[index], image),
        )


@dataclass(frozen=True)
class _Selected:
    """Some of the squares, by index."""

    squares: Squares
    positions: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Square:
        return self.squares[int(self.positions[index])]


def _good(
    squares: Squares, samples: Sequence[Sample], bad_files: list[BadFile]
) -> tuple[Squares, list[Sample], list[BadFile]]:
    """The squares of the good samples among all `squares`, and these samples."""
    bad = {bad_file.path for bad_file in bad_files}
    if not bad:
        return squares, list(samples), bad_files
    at = {sample.path: index for index, sample in enumerate(samples)}
    bad_files = sorted(bad_files, key=lambda bad_file: at[bad_file.path])  # archives are read in their own order
    positions = [index for index, sample in enumerate(samples) if sample.path not in bad]
    good = [samples[index] for index in positions]
    if isinstance(squares, DecodedOnDemand):
        return DecodedOnDemand([sample.path for sample in good], squares.data), good, bad_files
    return _Selected(squares, np.array(positions, np.int64)), good, bad_files
