"""Checks of arguments that several verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.requests.shared import RUN_FILE, require_path, require_run


def test_a_wrong_path_suggests_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "商品照片").mkdir()
    with pytest.raises(UserError, match=r"closest existing folder: .*; did you mean 商品照片\?\)"):
        require_path(tmp_path / "商品照" / "train")
    with pytest.raises(UserError, match=r"closest existing folder: [^;]*\)$"):
        require_path(tmp_path / "elsewhere")


def test_a_wrong_run_suggests_a_similar_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"there is no run at runs/frist; create one with"):
        require_run(Path("runs/frist"))
    (tmp_path / "runs" / "first" / RUN_FILE).touch()
    for wrong in ("runs/frist", "rnus/first"):
        with pytest.raises(UserError, match=rf"there is no run at {wrong}; did you mean runs/first\? Otherwise"):
            require_run(Path(wrong))
    with pytest.raises(UserError, match=r"there is no run at \S+/frist; did you mean \S+/runs/first\?"):
        require_run(tmp_path / "runs" / "frist")
    with pytest.raises(UserError, match="there is no run at runs/note; create one with"):
        require_run(Path("runs/note"))
