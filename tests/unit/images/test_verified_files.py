"""Shards with checksums are verified before they are used, and each version is read once."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.images import archives, verified_files
from shelfmind.images.photo_files import read_file
from shelfmind.images.verified_files import require_intact
from shelfmind.machine.checksum_lists import write_checksums
from shelfmind.machine.checksums import file_sha256

DAMAGED = r"train-0\.tar is damaged or edited: its checksum in SHA256SUMS does not match\. Copy it again; .*accept=True"


@pytest.fixture(autouse=True)
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The files that were read, with an empty cache that keeps small files, too."""
    found: list[Path] = []
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(verified_files, "_MIN_KEPT_BYTES", 0)
    monkeypatch.setattr(verified_files, "file_sha256", lambda path: found.append(path) or file_sha256(path))
    forget()
    yield found
    forget()


def forget() -> None:
    """What a new process does not know."""
    verified_files._known.clear()
    archives._indices.clear()


@pytest.fixture
def shard(tmp_path: Path, packing: Any) -> Path:
    path = packing.pack_tar(tmp_path / "data" / "train-0.tar", [("1.jpg", b"first"), ("2.jpg", b"other")])
    write_checksums(path.parent, {path.name: hashlib.sha256(path.read_bytes()).hexdigest()})
    return path


def flip(path: Path, later: bool = True) -> None:
    """Another letter in the photo, which no parser of archives can notice."""
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"first", b"fjrst"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + later))


def test_a_version_of_a_file_is_read_once(shard: Path, reads: list[Path]) -> None:
    for _ in range(2):
        assert read_file(shard / "1.jpg") == b"first"
        require_intact([shard])
        assert reads == [shard]
        forget()


def test_a_small_file_is_read_once_per_process(shard: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_files, "_MIN_KEPT_BYTES", 2**20)
    require_intact([shard])
    require_intact([shard])
    forget()
    require_intact([shard])
    assert reads == [shard, shard]


def test_damage_is_named_before_a_photo_is_used_until_it_is_repaired(shard: Path, reads: list[Path]) -> None:
    assert read_file(shard / "1.jpg") == b"first"
    copy = shutil.copy2(shard, shard.with_name("copy"))
    flip(shard)
    for _ in range(2):
        with pytest.raises(UserError, match=DAMAGED):
            read_file(shard / "1.jpg")
        forget()
    shutil.copy2(copy, shard)
    assert read_file(shard / "1.jpg") == b"first"
    assert len(reads) == 3 + 1  # once for the first version, twice for the damaged one, once for the copy


def test_a_replaced_file_of_the_same_time_and_size_is_read_again(shard: Path, reads: list[Path]) -> None:
    require_intact([shard])
    other = shutil.copy2(shard, shard.with_name("other"))
    flip(Path(other), later=False)
    assert (os.stat(other).st_mtime_ns, os.stat(other).st_size) == (shard.stat().st_mtime_ns, shard.stat().st_size)
    os.replace(other, shard)
    with pytest.raises(UserError, match=DAMAGED):
        require_intact([shard])


def test_all_damaged_files_are_named(shard: Path, packing: Any) -> None:
    others = [packing.pack_tar(shard.with_name(f"train-{number}.tar"), [("1.jpg", b"first")]) for number in (1, 2)]
    write_checksums(shard.parent, {path.name: file_sha256(path) for path in (shard, *others)})
    flip(shard)
    flip(others[1])
    with pytest.raises(UserError, match=r"train-0\.tar, \S+train-2\.tar are damaged or edited: their checksums .*PATH"):
        require_intact([shard, *others])


def test_files_without_a_checksum_are_not_read(shard: Path, reads: list[Path], packing: Any) -> None:
    other = packing.pack_tar(shard.with_name("train-1.tar"), [("1.jpg", b"first")])
    assert read_file(other / "1.jpg") == b"first"
    require_intact([other, Path("s3://bucket/a.tar"), shard.with_name("gone.tar")])
    (shard.parent / "SHA256SUMS").unlink()
    assert read_file(shard / "1.jpg") == b"first"
    assert reads == []


def test_a_file_that_cannot_be_read_is_named(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(verified_files, "file_sha256", fail)
    with pytest.raises(UserError, match=r"train-0\.tar cannot be read: Input/output error; copy it again"):
        require_intact([shard])


def test_progress_counts_the_bytes_of_the_files_to_read(shard: Path) -> None:
    counted: list[Any] = []

    def counter(what: str, total: int | None, unit: str = "images") -> Any:
        counted.append((what, total, unit))
        return counted.append

    require_intact([shard], counter)
    require_intact([shard], counter)
    size = shard.stat().st_size
    assert counted == [("verifying files", size, "bytes"), size]
