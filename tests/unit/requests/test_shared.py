"""Checks of arguments that several verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.requests.shared import require_path


def test_a_wrong_path_suggests_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "商品照片").mkdir()
    with pytest.raises(UserError, match=r"closest existing folder: .*; did you mean 商品照片\?\)"):
        require_path(tmp_path / "商品照" / "train")
    with pytest.raises(UserError, match=r"closest existing folder: [^;]*\)$"):
        require_path(tmp_path / "elsewhere")
