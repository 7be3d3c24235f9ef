"""What a fold-in takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.requests.improving import FoldInRequest


def test_only_what_was_begun_can_be_gone_on_with(tmp_path: Path) -> None:
    request = FoldInRequest(run=tmp_path / "run", gallery=tmp_path / "products", out=tmp_path / "out")
    assert request.advice_when_stopped() is None
    request.out.mkdir()
    (request.out / "recipe.yaml").touch()
    assert "Run the same command again to resume" in str(request.advice_when_stopped())


def test_run_and_photos_must_be_there(tmp_path: Path) -> None:
    run = tmp_path / "run"
    request = FoldInRequest(run=run, gallery="s3://shop/products", out=tmp_path / "out", data=tmp_path / "moved")
    with pytest.raises(UserError, match="there is no run at"):
        request.require_inputs()
    run.mkdir()
    (run / "recipe.yaml").touch()
    with pytest.raises(UserError, match=r"no such file or folder: .*moved"):
        request.require_inputs()


def test_epochs_and_minutes_exclude_each_other_and_one_photo_must_be_left() -> None:
    with pytest.raises(UserError, match="epochs and max_minutes cannot be combined"):
        FoldInRequest(run="run", gallery="products", out="out", epochs=1, max_minutes=1)
    with pytest.raises(UserError, match="held_out"):
        FoldInRequest(run="run", gallery="products", out="out", held_out=1)
