"""Measures photos that are known by their content, wherever that lies; what is remembered is not decoded again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.measuring.measurement import DIGEST_BYTES, LAYOUT, RECORD, Measured, measure
from shelfmind.files import cache_folder
from shelfmind.images.decoding import BadImage
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.records import BadFile

_AT_ONCE = 1024
_TIMELESS = 0
"""Of a content: it never changes, so that it needs no time to be known by."""


@dataclass(frozen=True, slots=True)
class Content:
    """A photo by the SHA-256 of its bytes (hexadecimal), and the name of its file."""

    sha256: str
    name: str


def measure_contents(
    contents: Sequence[Content], read: Callable[[str], bytes], *, cache: Path | None, progress: Progress
) -> Measured:
    """Measure photos as `measure_files` does files; `read` gives the bytes of one by its SHA-256, in any thread.

    Fingerprints stay in memory, 2.4 kB a photo. What is remembered at `cache`, of photos or of files with the same
    bytes, is neither read nor decoded. Raises what `read` raises.
    """
    made: list[bytes] = []
    with FileCache(cache, LAYOUT) as file_cache, ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(contents), _AT_ONCE):
            part = contents[start : start + _AT_ONCE]
            known = {key: each.content for key, each in file_cache.recall([_key(each.sha256) for each in part]).items()}
            unknown = [each for each in part if known.get(_key(each.sha256)) is None]
            looked = dict(zip(unknown, pool.map(lambda each: _look(each, read), unknown), strict=True))
            fresh = ((_key(each.sha256), record) for each, (record, lasting) in looked.items() if lasting)
            file_cache.keep((key, _entry(record)) for key, record in fresh)
            made += [looked[each][0] if each in looked else known[_key(each.sha256)] or b"" for each in part]
            progress(len(part))
    return _measured(made, contents)


def remember(measured: Measured, cache: Path | None) -> None:
    """Keep what was measured of files under their content, too, for `measure_contents`."""
    with FileCache(cache, LAYOUT) as file_cache:
        file_cache.keep(_by_content(measured))


def facts_path() -> Path:
    """Where what is measured is remembered."""
    return cache_folder() / "facts.sqlite"


def _by_content(measured: Measured) -> Iterable[tuple[bytes, CacheEntry]]:
    record = np.zeros((), RECORD)
    for facts, fingerprint in zip(measured.facts, measured.fingerprints, strict=True):
        record["facts"], record["fingerprint"] = facts, fingerprint
        yield _key(facts["file_digest"].tobytes().hex()), _entry(record.tobytes())


def _look(content: Content, read: Callable[[str], bytes]) -> tuple[bytes, bool]:
    """A record, or why there is none, and whether the same bytes give the same tomorrow."""
    photo = read(content.sha256)
    try:
        return measure(io.BytesIO(photo), len(photo), PurePath(content.name).suffix.lower()).tobytes(), True
    except BadImage as error:
        return error.reason.encode(), error.lasting


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


def _key(sha256: str) -> bytes:
    """No path begins like this; as many digits as are kept of a file that was measured."""
    return b"sha256:" + sha256[: 2 * DIGEST_BYTES].encode()


def _entry(record: bytes) -> CacheEntry:
    return CacheEntry(len(record), _TIMELESS, record)
