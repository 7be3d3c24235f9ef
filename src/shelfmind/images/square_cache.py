"""Decoded squares on disk, in shards: each square is found by its file, verified by its checksum, and kept for any data
set that contains the file."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints, new_array
from shelfmind.files import write_bytes
from shelfmind.images.photo_files import found_statuses, full_name
from shelfmind.machine.open_files import most_open_files
from shelfmind.recipe import DataRecipe

Square = npt.NDArray[np.uint8]
SHARD_BYTES = 128 * 2**20
"""The size of a full shard: what a killed command loses at most."""
ABANDONED_S = 24 * 3600.0
INDEX, SQUARES = ".index", ".npy"
ENTRY = np.dtype([("key", "<u8", 2), ("row", "<u4"), ("crc", "<u4")])
"""One square of a shard: the key of its file, its row, and the CRC-32 of its pixels."""
_DIGEST_BYTES = 32
ABSENT = -1


@dataclass(frozen=True)
class Places:
    """Where N squares are: the position of the shard among `shards` (N,), `ABSENT` if there is none, and their
    entries (N,)."""

    shards: list[Path]
    shard: Ints
    entries: npt.NDArray[np.void]


class SquareCache:
    """The squares of one preparation (resize, size, fill) in shards of up to `SHARD_BYTES`.

    A shard is a ``.npy`` of squares and an index, which is written last: squares without an index are ignored, so that
    a killed command leaves only whole shards. Processes that cache the same file at the same time both keep it. Users
    can share a folder that all of them may write into.
    """

    def __init__(self, root: Path, data: DataRecipe) -> None:
        preparation = hashlib.sha256(f"{data.resize}|{data.resize_to}|{data.fill}".encode()).hexdigest()[:16]
        self.root = root
        self.folder = root / preparation
        self.shape = (data.resize_to, data.resize_to, 3)
        self.square_bytes = data.resize_to**2 * 3

    @property
    def shard_size(self) -> int:
        """The number of squares of a full shard."""
        return max(1, SHARD_BYTES // self.square_bytes)

    def find(self, paths: Sequence[Path]) -> Places:
        """Where the squares of these files are, in their present version."""
        keys = keys_of(paths)
        shards, tables = self._indices()
        known = np.concatenate([np.zeros(0, ENTRY), *tables])
        of_shard = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        order = np.argsort(known["key"][:, 0], kind="stable")
        known, of_shard = known[order], of_shard[order]
        at = np.searchsorted(known["key"][:, 0], keys[:, 0])
        inside = at < len(known)
        at = np.where(inside, at, 0)
        if not len(known):
            return Places([], np.full(len(paths), ABSENT, np.int64), np.zeros(len(paths), ENTRY))
        same = inside & (known["key"][at] == keys).all(axis=1)
        return Places(shards, np.where(same, of_shard[at], ABSENT).astype(np.int64), known[at])

    def open(self, shard: Path, least: int) -> Square | None:
        """The squares of a shard, at least so many, mapped from disk and marked as used; None if there are none.

        A damaged shard is deleted; one that cannot be read now is left alone.
        """
        squares: Square | None
        try:
            squares = np.load(shard.with_suffix(SQUARES), mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            squares = None
        except OSError:  # no permission, too many open files
            return None
        except Exception:  # damaged: the header is Python text, whose parser can raise anything
            squares = None
        if squares is None or squares.dtype != np.uint8 or squares.shape[1:] != self.shape or len(squares) < least:
            self.forget(shard)
            return None
        with suppress(OSError):  # another user's
            os.utime(shard.with_suffix(INDEX))
        return squares

    def forget(self, shard: Path) -> None:
        """Delete a damaged shard, whose squares are then decoded again; it stays if that is not allowed."""
        for suffix in (INDEX, SQUARES):
            with suppress(OSError):
                shard.with_suffix(suffix).unlink()

    @contextmanager
    def new_shard(self, paths: Sequence[Path]) -> Iterator[Callable[[int, Square], None]]:
        """A shard for the squares of these files; keeps what is passed to the yielded function by index, once the
        context ends without an exception. The function may be called from several threads.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        shard = self.folder / uuid.uuid4().hex
        keys, temporary = keys_of(paths), shard.with_suffix(".tmp")
        checksums: dict[int, int] = {}

        def keep(index: int, image: Square) -> None:
            array[index] = image
            checksums[index] = zlib.crc32(np.ascontiguousarray(image).data)

        try:
            array = new_array(temporary, np.uint8, (len(paths), *self.shape))
            yield keep
            if not checksums:
                return
            array.flush()
            rows = np.array(sorted(checksums), np.int64)
            entries = np.zeros(len(rows), ENTRY)
            entries["key"], entries["row"] = keys[rows], rows
            entries["crc"] = [checksums[row] for row in rows.tolist()]
            os.replace(temporary, shard.with_suffix(SQUARES))
            content = entries.tobytes()
            whole = hashlib.sha256(content).digest() + content
            mode = stat.S_IMODE(shard.with_suffix(SQUARES).stat().st_mode)  # whoever reads one can read the other
            write_bytes(shard.with_suffix(INDEX), whole, mode)
        finally:
            temporary.unlink(missing_ok=True)

    def make_room(self, limit: int, used: Iterable[Path] = ()) -> None:
        """Delete the least recently used shards, of any preparation, until the rest take at most `limit` bytes, and
        leftovers of a crash. Shards in `used` stay."""
        kept = []
        for entry in self.root.rglob("*"):
            changed, size = _status(entry)
            if entry.suffix == SQUARES and entry.parent != self.root:
                if entry.with_suffix(INDEX).exists():
                    kept.append((_status(entry.with_suffix(INDEX))[0], size, entry))
                    continue
            elif (entry.suffix == INDEX and not entry.name.startswith(".")) or entry.is_dir():
                continue
            if time.time() - changed > ABANDONED_S or entry.parent == self.root:  # of a crash, or of an earlier layout
                with suppress(OSError):
                    entry.unlink()
        total, stay = sum(size for _, size, _ in kept), {shard.with_suffix(SQUARES) for shard in used}
        for _, size, entry in sorted(kept):
            if total <= limit:
                return
            if entry not in stay:
                self.forget(entry)
                total -= 0 if entry.exists() else size

    def _indices(self) -> tuple[list[Path], list[npt.NDArray[np.void]]]:
        """The shards with an intact index, and their entries."""
        shards, tables = [], []
        for path in sorted(self.folder.glob(f"[!.]*{INDEX}")):  # others are temporary
            try:
                content = path.read_bytes()
            except OSError:  # deleted by another process, or not ours to read
                continue
            if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
                self.forget(path)
                continue
            shards.append(path)
            tables.append(np.frombuffer(content, ENTRY, offset=_DIGEST_BYTES))
        return shards, tables


class MappedShards:
    """Shards in use, by number. Thread-safe.

    A map keeps its file open. Beyond a quarter of the files that this process may open, the shard that was mapped first
    makes room for the next one, and is mapped again when it is needed.

    Attributes:
        paths: the shards.
        maps: the squares of those that are mapped.
    """

    def __init__(self, cache: SquareCache) -> None:
        self.cache = cache
        self.paths: list[Path] = []
        self.maps: dict[int, Square] = {}
        self._sizes: list[int] = []
        self._most = max(1, most_open_files() // 4)
        self._lock = threading.Lock()

    def add(self, shard: Path, least: int) -> int | None:
        """The number of a shard; None if it cannot be used, or has not at least so many squares."""
        mapped = self.cache.open(shard, least)
        if mapped is None:
            return None
        self.paths.append(shard)
        self._sizes.append(len(mapped))
        self._keep(len(self.paths) - 1, mapped)
        return len(self.paths) - 1

    def mapped(self, number: int) -> Square | None:
        """The squares of a shard; None if they cannot be used any more."""
        found = self.maps.get(number)
        if found is None:
            found = self.cache.open(self.paths[number], self._sizes[number])
            if found is not None:
                self._keep(number, found)
        return found

    def _keep(self, number: int, mapped: Square) -> None:
        with self._lock:
            while len(self.maps) >= self._most:
                del self.maps[next(iter(self.maps))]
            self.maps[number] = mapped


def keys_of(paths: Sequence[Path]) -> npt.NDArray[np.uint64]:
    """The keys of the present versions of files, by path, size and modification time, shape (N, 2)."""
    keys = np.zeros((len(paths), 2), np.uint64)
    for row, (path, status) in enumerate(zip(paths, found_statuses(paths), strict=True)):
        text = full_name(path) + ("|missing" if status is None else f"|{status.size}|{status.mtime_ns}")
        digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        keys[row] = np.frombuffer(digest, "<u8")
    return keys


def _status(path: Path) -> tuple[float, int]:
    """Time of the last change or use and size in bytes; another process may have deleted the file."""
    try:
        status = path.stat()
    except OSError:
        return time.time(), 0
    return status.st_mtime, status.st_size
