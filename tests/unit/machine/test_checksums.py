"""Checksums are SHA-256 of everything in the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from shelfmind.machine.checksums import file_sha256, stream_sha256


def test_a_file_of_several_blocks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    with open(tmp_path / "file", "rb") as stream:
        stream.seek(100)
        assert stream_sha256(stream) == hashlib.sha256(content[100:]).digest()
