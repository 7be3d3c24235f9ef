"""SHA-256 of file contents, cached so that unchanged files are hashed only once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.files import cache_folder
from shelfmind.images.archives import in_reading_order
from shelfmind.images.decoding import BadImage, opened_file
from shelfmind.images.examining import examine_files
from shelfmind.images.file_cache import FileCache
from shelfmind.machine.checksums import stream_sha256
from shelfmind.progress import Progress


def hash_files(paths: Sequence[Path], progress: Progress | None = None) -> list[bytes | None]:
    """The SHA-256 of every file (32 bytes), in the given order, by worker threads; None for unreadable files."""
    order = in_reading_order(paths).tolist()
    digests: list[bytes | None] = [None] * len(paths)
    with FileCache(hashes_path()) as file_cache:
        ordered = [paths[index] for index in order]
        examined = examine_files(ordered, _hash_file, file_cache=file_cache, progress=progress)
        for index, each in zip(order, examined, strict=True):
            digests[index] = each.content
    return digests


def sha256_of(path: Path) -> bytes | None:
    """The SHA-256 of one file; None if it cannot be read."""
    try:
        with opened_file(path) as (file, _):
            return stream_sha256(file)
    except BadImage:
        return None


def hashes_path() -> Path:
    """The cache file of digests."""
    return cache_folder() / "hashes.sqlite"


def _hash_file(index: int, path: Path) -> tuple[bytes | None, bool]:
    digest = sha256_of(path)
    return digest, digest is not None
