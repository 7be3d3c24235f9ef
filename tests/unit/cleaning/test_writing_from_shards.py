"""A clean copy of shards consists of ordinary files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfmind.cleaning.writing import place_images
from shelfmind.errors import UserError


def test_members_are_copied_and_never_linked(tmp_path: Path, packing: Any, make_photo: Any, encode: Any) -> None:
    contents = [encode(make_photo(0)), encode(make_photo(1), "PNG")]
    tar = packing.pack_tar(tmp_path / "数据.tar", [("茶.jpg", contents[0]), ("b.png", contents[1])])
    sources, targets = [tar / "茶.jpg", tar / "b.png"], ["train/茶/1.jpg", "train/茶/2.jpg"]
    for link in ("auto", "copy"):
        placed = place_images(tmp_path / link, sources, targets, link=link, jpeg=False, progress=lambda done: None)
        assert placed == {"copied": 2}
        assert [(tmp_path / link / target).read_bytes() for target in targets] == contents
    placed = place_images(tmp_path / "jpeg", sources, targets, link="auto", jpeg=True, progress=lambda done: None)
    assert placed == {"copied": 1, "converted to JPEG": 1}
    with pytest.raises(
        UserError, match=r"茶\.jpg is in an archive or an object store, so it cannot be linked; use link="
    ):
        place_images(tmp_path / "hard", sources, targets, link="hard", jpeg=False, progress=lambda done: None)
