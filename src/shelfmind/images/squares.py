"""Photos as squares, the input of training and prediction, decoded once and cached."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.errors import UserError
from shelfmind.files import cache_folder
from shelfmind.images.checking import OnImage, check_files, verdicts_path
from shelfmind.images.decoding import BadImage, Pixels, open_image
from shelfmind.images.fingerprinting import FingerprintRecorder
from shelfmind.images.resize import RESIZES
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe
from shelfmind.records import BadFile, Sample

Square = npt.NDArray[np.uint8]
DEFAULT_CACHE_GB = 8.0
ABANDONED_S = 24 * 3600.0


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
            raise UserError(f"{self.paths[index]}: {reason}; restore the file, or start a new run") from error


def in_order(squares: Squares, order: Iterable[int] | None = None) -> Iterator[Square]:
    """The squares in this order (their own if None); squares to decode are decoded ahead, in one thread per core."""
    order = range(len(squares)) if order is None else order
    if isinstance(squares, DecodedOnDemand):
        return map_ahead(squares.__getitem__, order, ahead=4 * available_cores(), workers=available_cores())
    return (squares[index] for index in order)


def cache_limit_bytes() -> int:
    """The maximum size of the decoded squares: ``SHELFMIND_CACHE_GB``, 8 by default."""
    given = os.environ.get("SHELFMIND_CACHE_GB", "")
    try:
        limit_gb = float(given or DEFAULT_CACHE_GB)
    except ValueError:
        limit_gb = -1.0
    if not 0 <= limit_gb < float("inf"):
        raise UserError(f"SHELFMIND_CACHE_GB must be a number of gigabytes such as 100, got '{given}'")
    return int(limit_gb * 2**30)


def open_squares(
    samples: Sequence[Sample], data: DataRecipe, progress: Progress | None = None
) -> tuple[Squares, list[Sample], list[BadFile]]:
    """Squares of all good samples, those samples in the same order, and the bad files.

    Every file is decoded once for its check, its square and its fingerprint. All are cached, so that the next command
    on the same unchanged files decodes nothing. Squares of data sets larger than `cache_limit_bytes` or half of the
    free disk space are not cached.
    """
    folder = cache_folder()
    paths = [sample.path for sample in samples]
    squares_folder = folder / "squares"
    fingerprint = _fingerprint(paths, data)
    if any(_mapped(packed, len(paths), data) is not None for packed in squares_folder.glob(f"{fingerprint}-*.npy")):
        bad_files = _checked(paths, progress)
        packed = squares_folder / _packed_name(fingerprint, bad_files)
        squares = _mapped(packed, len(paths), data)
        if squares is not None:
            os.utime(packed)
            return _good(squares, data, samples, bad_files)
        progress = None  # all files have been counted
    size, limit = len(paths) * data.resize_to**2 * 3, cache_limit_bytes()
    if size > min(limit, shutil.disk_usage(folder).free // 2):
        bad_files = _checked(paths, progress)
        return _good(None, data, samples, bad_files)
    temporary = squares_folder / f"{fingerprint}.{os.getpid()}.tmp"
    try:
        squares_folder.mkdir(exist_ok=True)
        _make_room(squares_folder, limit - size)
        array = np.lib.format.open_memmap(temporary, "w+", np.uint8, (len(paths), data.resize_to, data.resize_to, 3))

        def keep(index: int, image: Image.Image) -> None:
            array[index] = resized(image, data)

        bad_files = _checked(paths, progress, keep)
        array.flush()
        packed = squares_folder / _packed_name(fingerprint, bad_files)
        os.replace(temporary, packed)
    except OSError as error:
        raise UserError(
            f"the decoded images cannot be stored in {squares_folder} ({error}); set SHELFMIND_CACHE to another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return _good(np.load(packed, mmap_mode="r"), data, samples, bad_files)


def squares_of_some(
    samples: Sequence[Sample], rows: Sequence[int], data: DataRecipe, progress: Progress | None = None
) -> tuple[Squares, list[Sample]]:
    """Squares of the good samples among those in `rows`, and these samples.

    Nothing is decoded if the squares of all `samples` are cached, as those of a run's training images are.
    """
    paths = [sample.path for sample in samples]
    for packed in (cache_folder() / "squares").glob(f"{_fingerprint(paths, data)}-*.npy"):
        squares = _mapped(packed, len(paths), data)
        if squares is not None:
            bad = {each.path for each in check_files([paths[row] for row in rows], cache=verdicts_path())}
            good = [row for row in rows if paths[row] not in bad]
            return _Selected(squares, np.array(good, np.int64)), [samples[row] for row in good]
    found, chosen, _ = open_squares([samples[row] for row in rows], data, progress)
    return found, chosen


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
    """Some of the packed squares, by index."""

    squares: Squares
    positions: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Square:
        return self.squares[int(self.positions[index])]


def _good(
    packed: Squares | None, data: DataRecipe, samples: Sequence[Sample], bad_files: list[BadFile]
) -> tuple[Squares, list[Sample], list[BadFile]]:
    """The squares of the good samples: selected from `packed`, which contains all, or decoded on demand."""
    bad = {bad_file.path for bad_file in bad_files}
    positions = [index for index, sample in enumerate(samples) if sample.path not in bad]
    good = [samples[index] for index in positions]
    if packed is None:
        return DecodedOnDemand([sample.path for sample in good], data), good, bad_files
    return (_Selected(packed, np.array(positions, np.int64)) if bad else packed), good, bad_files


def _mapped(path: Path, count: int, data: DataRecipe) -> Squares | None:
    try:
        squares = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # the header is Python text, whose parser can raise anything
        return None
    return squares if squares.shape == (count, data.resize_to, data.resize_to, 3) else None


def _fingerprint(paths: Sequence[Path], data: DataRecipe) -> str:
    digest = hashlib.sha256(f"{data.resize}|{data.resize_to}|{data.fill}\n".encode())
    for path in paths:
        try:
            status = path.stat()
            digest.update(
                f"{path.absolute()}|{status.st_size}|{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
            )
        except OSError:
            digest.update(f"{path.absolute()}|missing\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _packed_name(fingerprint: str, bad_files: Sequence[BadFile]) -> str:
    """The file name depends on the bad files: a temporarily unreadable file has no square, and gets one once it is
    readable."""
    paths = "\n".join(str(bad_file.path) for bad_file in bad_files)
    return f"{fingerprint}-{hashlib.sha256(paths.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}.npy"


def _make_room(folder: Path, limit: int) -> None:
    """Delete the least recently used squares until the rest take at most `limit` bytes, and leftovers of a crash."""
    for leftover in folder.glob("*.tmp"):
        if time.time() - _status(leftover)[0] > ABANDONED_S:
            leftover.unlink(missing_ok=True)
    kept = sorted((*_status(entry), entry) for entry in folder.glob("*.npy"))
    total = sum(size for _, size, _ in kept)
    for _, size, entry in kept:
        if total <= limit:
            return
        total -= size
        entry.unlink(missing_ok=True)


def _status(path: Path) -> tuple[float, int]:
    """Time of the last change or use and size in bytes; another process may have deleted the file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return time.time(), 0
    return status.st_mtime, status.st_size
