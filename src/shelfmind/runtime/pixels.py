"""Photos as the squares that training and prediction start from, decoded once and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.data.checking import check_files
from shelfmind.data.images import open_image
from shelfmind.errors import UserError
from shelfmind.recipe import DataRecipe
from shelfmind.records import BadFile, Sample
from shelfmind.transforms.resize import RESIZES

Square = npt.NDArray[np.uint8]
Progress = Callable[[int], None]
LIMIT_BYTES = 8 * 2**30


class Squares(Protocol):
    """Images of shape (resize_to, resize_to, 3) by position."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Square: ...


def square(source: Path | bytes, data: DataRecipe) -> Square:
    """The one way in which any photo is prepared: decoded upright, then resized as the recipe says."""
    return resized(open_image(source), data)


def resized(image: Image.Image, data: DataRecipe) -> Square:
    """A decoded photo as a (resize_to, resize_to, 3) square."""
    return RESIZES[data.resize](image, data.resize_to, data.fill)


@dataclass(frozen=True)
class DecodedOnDemand:
    """Squares decoded each time they are asked for: for data sets larger than the cache."""

    paths: Sequence[Path]
    data: DataRecipe

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Square:
        return square(self.paths[index], self.data)


def cache_folder() -> Path:
    """Where decoded squares and verdicts on files are kept; ``SHELFMIND_CACHE`` or the user's cache folder."""
    given = os.environ.get("SHELFMIND_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(given) if given else base / "shelfmind"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the cache folder {folder} cannot be made ({error.strerror}); set SHELFMIND_CACHE") from error
    return folder


def open_squares(
    samples: Sequence[Sample], data: DataRecipe, progress: Progress | None = None
) -> tuple[Squares, list[Sample], list[BadFile]]:
    """Squares of all good samples, those samples in the same order, and the bad files.

    Every file is decoded once for its verdict and its square together. Both are kept, so that the next command on the
    same unchanged files decodes nothing. Data sets beyond `LIMIT_BYTES` or the free disk keep only the verdicts.
    """
    folder = cache_folder()
    paths = [sample.path for sample in samples]
    verdicts = folder / "verdicts.sqlite"
    packed = folder / "squares" / f"{_fingerprint(paths, data)}.npy"
    if packed.exists():
        bad_files = check_files(paths, cache=verdicts, progress=progress)
        squares = _mapped(packed, len(paths), data)
        if squares is not None:
            os.utime(packed)
            return _good(squares, samples, bad_files)
    size = len(paths) * data.resize_to**2 * 3
    if size > min(LIMIT_BYTES, shutil.disk_usage(folder).free // 2):
        bad_files = check_files(paths, cache=verdicts, progress=progress)
        return _good(DecodedOnDemand(paths, data), samples, bad_files)
    packed.parent.mkdir(exist_ok=True)
    _make_room(packed.parent, size)
    temporary = packed.with_name(f"{packed.stem}.{os.getpid()}.tmp")
    try:
        array = np.lib.format.open_memmap(temporary, "w+", np.uint8, (len(paths), data.resize_to, data.resize_to, 3))

        def keep(index: int, image: Image.Image) -> None:
            array[index] = resized(image, data)

        bad_files = check_files(paths, cache=verdicts, progress=progress, on_image=keep)
        array.flush()
        os.replace(temporary, packed)
    except OSError as error:
        raise UserError(f"{packed.parent} cannot hold the decoded images ({error}); set SHELFMIND_CACHE") from error
    finally:
        temporary.unlink(missing_ok=True)
    return _good(np.load(packed, mmap_mode="r"), samples, bad_files)


@dataclass(frozen=True)
class _Selected:
    """Some of the squares, by position."""

    squares: Squares
    positions: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Square:
        return self.squares[int(self.positions[index])]


def _good(
    squares: Squares, samples: Sequence[Sample], bad_files: list[BadFile]
) -> tuple[Squares, list[Sample], list[BadFile]]:
    if not bad_files:
        return squares, list(samples), []
    bad = {bad_file.path for bad_file in bad_files}
    positions = [index for index, sample in enumerate(samples) if sample.path not in bad]
    return _Selected(squares, np.array(positions, np.int64)), [samples[index] for index in positions], bad_files


def _mapped(path: Path, count: int, data: DataRecipe) -> Squares | None:
    try:
        squares = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
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


def _make_room(folder: Path, needed: int) -> None:
    """Delete the squares used longest ago until `needed` bytes fit into `LIMIT_BYTES`."""
    kept = sorted((entry for entry in folder.iterdir()), key=lambda entry: entry.stat().st_mtime)
    total = sum(entry.stat().st_size for entry in kept)
    for entry in kept:
        if total + needed <= LIMIT_BYTES:
            return
        total -= entry.stat().st_size
        entry.unlink(missing_ok=True)
