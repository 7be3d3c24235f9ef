"""Measures photos by content, independent of their location; cached results are not decoded again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.measurement import DIGEST_BYTES, LAYOUT, RECORD, Measured, measure
from shelfmind.images.decoding import BadImage
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.records import BadFile

_AT_ONCE = 1024
_TIMELESS = 0
"""Modification time in the cache key: content never changes, so it is constant."""


@dataclass(frozen=True, slots=True)
class Content:
    """A photo by the SHA-256 of its bytes (hexadecimal), with its file name."""

    sha256: str
    name: str


def measure_contents(
    contents: Sequence[Content], read: Callable[[str], bytes], *, cache: Path | None, progress: Progress
) -> Measured:
    """Measure photos as `measure_files` does files; `read` returns the bytes of one by its SHA-256, from any thread.

    Fingerprints stay in memory, 2.4 kB per photo. Photos in the cache at `cache`, measured before under any name, are
    neither read nor decoded. Raises whatever `read` raises.
    """
    made: list[bytes] = []
    pool = ThreadPoolExecutor(available_cores(), thread_name_prefix="measure")
    try:
        with FileCache(cache, LAYOUT) as file_cache:
            for start in range(0, len(contents), _AT_ONCE):
                made += _part(contents[start : start + _AT_ONCE], read, file_cache, pool)
                progress(len(made) - start)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C or an error, do not wait for the rest
    return _measured(made, contents)


def _part(
    contents: Sequence[Content], read: Callable[[str], bytes], file_cache: FileCache, pool: ThreadPoolExecutor
) -> list[bytes]:
    """A record of each photo, or the reason why there is none."""
    known = {key: each.content for key, each in file_cache.recall([_key(each) for each in contents]).items()}
    unknown = [each for each in contents if known.get(_key(each)) is None]
    new = dict(zip(unknown, pool.map(lambda each: _measure_content(each, read), unknown), strict=True))
    file_cache.keep((_key(each), _entry(record)) for each, (record, permanent) in new.items() if permanent)
    return [new[each][0] if each in new else known[_key(each)] or b"" for each in contents]


def cache_by_content(measured: Measured, cache: Path | None) -> None:
    """Also cache measurements of files by content, for `measure_contents`."""
    with FileCache(cache, LAYOUT) as file_cache:
        file_cache.keep(_by_content(measured))


def _by_content(measured: Measured) -> Iterable[tuple[bytes, CacheEntry]]:
    record = np.zeros((), RECORD)
    for facts, fingerprint in zip(measured.facts, measured.fingerprints, strict=True):
        record["facts"], record["fingerprint"] = facts, fingerprint
        yield _digest_key(facts["file_digest"].tobytes().hex()), _entry(record.tobytes())


def _measure_content(content: Content, read: Callable[[str], bytes]) -> tuple[bytes, bool]:
    """A record, or the reason why there is none, and whether the result is final for these bytes."""
    photo = read(content.sha256)
    try:
        return measure(io.BytesIO(photo), len(photo), PurePath(content.name).suffix.lower()).tobytes(), True
    except BadImage as error:
        return error.reason.encode(), error.permanent


def _measured(made: Sequence[bytes], contents: Sequence[Content]) -> Measured:
    good = [index for index, each in enumerate(made) if len(each) == RECORD.itemsize]
    records: npt.NDArray[np.void] = np.frombuffer(b"".join(made[index] for index in good), RECORD)
    bad = [(index, each) for index, each in enumerate(made) if len(each) != RECORD.itemsize]
    return Measured(
        np.array(good, np.int64),
        records["facts"],
        records["fingerprint"],
        tuple(BadFile(Path(contents[index].name), each.decode()) for index, each in bad),
    )


def _key(content: Content) -> bytes:
    return _digest_key(content.sha256[: 2 * DIGEST_BYTES])


def _digest_key(digest: str) -> bytes:
    """A key that no path can start with; truncated to the digest length that is stored for a measured file."""
    return b"sha256:" + digest.encode()


def _entry(record: bytes) -> CacheEntry:
    return CacheEntry(len(record), _TIMELESS, record)
