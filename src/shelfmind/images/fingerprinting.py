"""Fingerprints of files, computed whenever a photo is decoded anyway, and cached."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.files import cache_folder
from shelfmind.images.content import hashes_path, sha256_of
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.examining import examine_files
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.images.fingerprints import FINGERPRINT, WORKING_SIDE, fingerprint
from shelfmind.images.photo_files import file_status, full_name
from shelfmind.progress import Progress

LAYOUT = 1
"""Layout of the cache; increase it when the fingerprint changes."""
FINGERPRINTED = np.dtype([("width", "<u4"), ("height", "<u4"), ("fingerprint", FINGERPRINT)])
"""An image's fingerprint, and its upright size, because the fingerprint lacks the aspect ratio: 2.6 kB. A `width` of 0
marks an unusable file."""
_DRAFT = (WORKING_SIDE, WORKING_SIDE)
_MIN_BATCH = 512
_UNUSABLE = bytes(FINGERPRINTED.itemsize)


def fingerprinted(image: Image.Image) -> npt.NDArray[np.void]:
    """An upright RGB image as a scalar of type `FINGERPRINTED`."""
    made = np.zeros((), FINGERPRINTED)
    made["width"], made["height"] = image.size
    made["fingerprint"] = fingerprint(image)
    return made


def write_fingerprints(paths: Sequence[Path], out: Path, progress: Progress | None = None) -> None:
    """Write the `FINGERPRINTED` of every file, in the given order, as one ``.npy``, in constant memory.

    Files that are not cached are decoded, in threads. Raises `OSError` if the disk is full.
    """
    with FileCache(_cache_path(), LAYOUT) as file_cache, open(out, "wb") as stream:
        description = np.lib.format.dtype_to_descr(FINGERPRINTED)
        header = {"descr": description, "fortran_order": False, "shape": (len(paths),)}
        np.lib.format.write_array_header_1_0(stream, header)
        for each in examine_files(paths, _fingerprint_file, file_cache=file_cache, reuse=_is_whole, progress=progress):
            stream.write(each.content or _UNUSABLE)


class FingerprintRecorder:
    """Caches fingerprint and SHA-256 of files that are decoded for another purpose.

    `record` may be called from any thread, `keep` and the context manager only from the thread that created it.
    """

    def __init__(self) -> None:
        self._fingerprints = FileCache(_cache_path(), LAYOUT)
        self._hashes = FileCache(hashes_path())
        self._fresh: deque[tuple[bytes, CacheEntry, CacheEntry]] = deque()

    def __enter__(self) -> FingerprintRecorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.keep(least=1)
        self._fingerprints.close()
        self._hashes.close()

    def record(self, path: Path, image: Image.Image) -> None:
        """Record the decoded image of the file at `path`, whose bytes are still in the system's cache."""
        with suppress(OSError, ValueError):
            status = file_status(path)
            made = CacheEntry(status.size, status.mtime_ns, fingerprinted(image).tobytes())
            digest = CacheEntry(status.size, status.mtime_ns, sha256_of(path))
            self._fresh.append((os.fsencode(full_name(path)), made, digest))

    def keep(self, least: int = _MIN_BATCH) -> None:
        """Store the records if there are at least `least` files."""
        if len(self._fresh) < least:
            return
        records = [self._fresh.popleft() for _ in range(len(self._fresh))]
        self._fingerprints.keep((key, made) for key, made, _ in records)
        self._hashes.keep((key, digest) for key, _, digest in records if digest.content is not None)


def _cache_path() -> Path:
    return cache_folder() / "fingerprints.sqlite"


def _fingerprint_file(index: int, path: Path) -> tuple[bytes | None, bool]:
    try:
        return fingerprinted(open_image(path, draft_size=_DRAFT)).tobytes(), True
    except BadImage as error:
        return b"", error.permanent


def _is_whole(content: bytes | None) -> bool:
    return content is not None and len(content) in (0, FINGERPRINTED.itemsize)
