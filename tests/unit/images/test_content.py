"""Digests are those of the bytes, and no unchanged file is read twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from shelfmind.images import content


def test_files_are_known_by_their_bytes_and_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    paths = [tmp_path / name for name in ("a", "b", "照片", "gone")]
    for path, text in zip(paths, ("one", "", "one"), strict=False):
        path.write_text(text)
    read: list[Path] = []

    def spy(path: Path) -> bytes | None:
        read.append(path)
        return digest(path)

    digest = content.sha256_of
    monkeypatch.setattr(content, "sha256_of", spy)
    one, empty = hashlib.sha256(b"one").digest(), hashlib.sha256().digest()
    assert content.hash_files(paths) == [one, empty, one, None]
    assert sorted(read) == sorted(paths)
    read.clear()
    paths[1].write_text("two")
    assert content.hash_files(paths) == [one, hashlib.sha256(b"two").digest(), one, None]
    assert sorted(read) == [paths[1], paths[3]]
