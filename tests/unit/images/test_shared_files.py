"""Files that the workers of a cluster must see as the caller does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.images.shared_files import same_files


def test_files_that_a_worker_does_not_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("照片.jpg").write_bytes(b"1234")
    with same_files([("照片.jpg", 4), ("gone.jpg", None)], {}):
        pass
    for size, path, said in (
        (4, "gone.jpg", rf"cannot read {tmp_path}/gone\.jpg \(No such file or directory\); all hosts"),
        (5, "照片.jpg", rf"{tmp_path}/照片\.jpg has 4 bytes on {os.uname().nodename}, but 5 where the"),
    ):
        with pytest.raises(UserError, match=said), same_files([(path, size)], {}):
            pass
