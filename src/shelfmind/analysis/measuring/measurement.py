"""All measurements of an image by an audit: computed in one decode, cached for the next audit."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.analysis.measuring.measures import MEASURES, measure_quality
from shelfmind.analysis.measuring.oddities import ODDITIES, code_of
from shelfmind.errors import UserError
from shelfmind.files import cache_folder
from shelfmind.images.archives import in_reading_order
from shelfmind.images.decoding import FILE_SUFFIXES, BadImage, open_stored, opened_file
from shelfmind.images.examining import examine_files, examine_on_cluster
from shelfmind.images.file_cache import FileCache
from shelfmind.images.fingerprints import FINGERPRINT, WORKING_SIDE, fingerprint
from shelfmind.machine.checksums import stream_sha256
from shelfmind.machine.cluster import Cluster
from shelfmind.progress import Counter, Progress
from shelfmind.records import BadFile

DIGEST_BYTES = 16
_AT_ONCE = 4096
_DRAFT = (WORKING_SIDE, WORKING_SIDE)
"""A JPEG much larger than this is decoded at half or a quarter of its size, never below twice this."""

_FORMATS = tuple(FILE_SUFFIXES)

FACTS = np.dtype(
    [
        ("width", "<u4"),
        ("height", "<u4"),
        ("bytes", "<u8"),
        ("format", "u1"),
        ("oddities", "u1"),
        ("mean", "<f4", 3),
        ("square", "<f4", 3),
        *((name, "<f4") for name in MEASURES),
        ("file_digest", f"V{DIGEST_BYTES}"),
        ("pixel_digest", f"V{DIGEST_BYTES}"),
    ]
)
"""One image: upright size in pixels, bytes, formats and oddities as codes, mean and mean square of each channel in
0..255, all of `MEASURES`, and digests of the file and of its decoded pixels."""

RECORD = np.dtype([("facts", FACTS), ("fingerprint", FINGERPRINT)])
_VERSION = 5
"""Increase when a measure or the readable formats change, so that old cache entries are recomputed."""
LAYOUT = zlib.crc32(repr((_VERSION, RECORD.descr, _FORMATS, *ODDITIES)).encode()) % 2**20
"""Layout of the cache; adding a measure, oddity or format changes it automatically."""


@dataclass(frozen=True)
class Measured:
    """N usable files: `indices` are their positions among the given paths, the arrays have shape (N,)."""

    indices: npt.NDArray[np.int64]
    facts: npt.NDArray[np.void]
    fingerprints: npt.NDArray[np.void]
    bad_files: tuple[BadFile, ...]

    def __len__(self) -> int:
        return len(self.indices)


def measure_files(
    paths: Sequence[Path], *, cache: Path | None, folder: Path, progress: Progress, workers: int | None = None
) -> Measured:
    """Measure every file, in threads; `folder` stores the fingerprints on disk (2.4 kB per image).

    Unchanged files in the cache at `cache` are not measured again. Raises `OSError` if the disk is full.
    """
    facts = np.zeros(len(paths), FACTS)
    indices = np.zeros(len(paths), np.int64)
    bad: dict[int, BadFile] = {}
    good = 0
    store = folder / "fingerprints.bin"
    order = in_reading_order(paths)
    with FileCache(cache, LAYOUT) as file_cache, open(store, "wb") as stream:
        examined = examine_files(
            [paths[index] for index in order],
            _measured_file,
            file_cache=file_cache,
            reuse=_is_whole,
            progress=progress,
            workers=workers,
        )
        for index, each in zip(order.tolist(), examined, strict=True):
            assert each.content is not None
            if len(each.content) != RECORD.itemsize:
                bad[index] = BadFile(each.path, each.content.decode())
                continue
            record = np.frombuffer(each.content, RECORD)[0]
            facts[good], indices[good] = record["facts"], index
            stream.write(record["fingerprint"].tobytes())
            good += 1
    fingerprints: npt.NDArray[np.void] = (
        np.memmap(store, FINGERPRINT, mode="r", shape=(good,)) if good else np.zeros(0, FINGERPRINT)
    )
    found = Measured(indices[:good], facts[:good], fingerprints, tuple(bad[index] for index in sorted(bad)))
    return found if (np.diff(found.indices) > 0).all() else _as_given(found, folder)


def _as_given(measured: Measured, folder: Path) -> Measured:
    """Measurements that were made in the order of an archive, in the order of the given paths."""
    order = np.argsort(measured.indices)
    store = folder / "fingerprints_as_given.bin"
    with open(store, "wb") as stream:
        for start in range(0, len(order), _AT_ONCE):
            stream.write(measured.fingerprints[order[start : start + _AT_ONCE]].tobytes())
    fingerprints = np.memmap(store, FINGERPRINT, mode="r", shape=(len(order),))
    return Measured(measured.indices[order], measured.facts[order], fingerprints, measured.bad_files)


def facts_path() -> Path:
    """Where measurements are cached."""
    return cache_folder() / "facts.sqlite"


def measure_on_cluster(cluster: Cluster, paths: Sequence[Path], counter: Counter) -> None:
    """Let a cluster measure the files that are not cached yet; `measure_files` then finds the results in the cache."""
    progress = counter("measuring images on the cluster", len(paths))
    with FileCache(facts_path(), LAYOUT) as file_cache:
        examine_on_cluster(cluster, paths, _measured_file, file_cache=file_cache, reuse=_is_whole, progress=progress)


@contextmanager
def temporary_measurements(
    paths: Sequence[Path], counter: Counter, cluster: Cluster | None = None
) -> Iterator[Measured]:
    """The measurements of these files as by `measure_files`, cached, with fingerprints available until the block ends.

    Raises `UserError` if they cannot be stored.
    """
    if cluster is not None:
        measure_on_cluster(cluster, paths, counter)
    progress = counter("measuring images", len(paths))
    try:
        scratch = tempfile.TemporaryDirectory(prefix="shelfmind-")
    except OSError as error:
        raise _no_space(error) from error
    with scratch as folder:
        try:
            measured = measure_files(paths, cache=facts_path(), folder=Path(folder), progress=progress)
        except OSError as error:
            raise _no_space(error) from error
        yield measured


def _no_space(error: OSError) -> UserError:
    return UserError(
        f"no space for the measurements: {error.strerror or error}; set TMPDIR to a folder with more space"
    )


def measure(file: IO[bytes], size_bytes: int, suffix: str) -> npt.NDArray[np.void]:
    """The record of one image from an open file; `suffix` is that of its name. Raises `BadImage`."""
    record = np.zeros((), RECORD)
    facts = record["facts"]
    facts["file_digest"] = np.void(stream_sha256(file)[:DIGEST_BYTES])
    file.seek(0)
    image, stored = open_stored(file, size_bytes, _DRAFT)
    facts["width"], facts["height"], facts["bytes"] = stored.width, stored.height, size_bytes
    facts["format"], facts["oddities"] = _FORMATS.index(stored.format), code_of(stored, suffix)
    facts["mean"], facts["square"] = _channel_moments(image)
    for name, value in measure_quality(image).items():
        facts[name] = value
    pixels = hashlib.sha256(b"%d" % stored.width)
    pixels.update(image.tobytes())
    facts["pixel_digest"] = np.void(pixels.digest()[:DIGEST_BYTES])
    record["fingerprint"] = fingerprint(image)
    return record


def format_names(codes: npt.NDArray[np.uint8]) -> dict[str, int]:
    """The number of images of each file format, most frequent first."""
    counts = np.bincount(codes, minlength=len(_FORMATS))
    return {_FORMATS[code]: int(counts[code]) for code in np.argsort(-counts, kind="stable") if counts[code]}


def _measured_file(index: int, path: Path) -> tuple[bytes, bool]:
    try:
        with opened_file(path) as (file, size_bytes):
            return measure(file, size_bytes, PurePath(path).suffix.lower()).tobytes(), True
    except BadImage as error:
        return error.reason.encode(), error.permanent


def _is_whole(content: bytes | None) -> bool:
    """A reason is always shorter than a record."""
    return content is not None and len(content) <= RECORD.itemsize


def _channel_moments(image: Image.Image) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and mean square of the three channels."""
    histogram = np.array(image.histogram(), np.float64).reshape(3, 256) / (image.width * image.height)
    levels = np.arange(256.0)
    return histogram @ levels, histogram @ levels**2
