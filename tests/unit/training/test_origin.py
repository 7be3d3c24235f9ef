"""A run that goes on with its own photos says where they were, if they are no longer there."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.runs.folder import RunFolder
from shelfmind.training.run import Origin, read_origin, resume


def test_photos_that_were_moved_are_missed_by_name(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "照片", "folder", 0, None, 0.01)
    with pytest.raises(UserError, match=r"that .*first was trained on are no longer at .*照片: .* a link"):
        origin.require_data(RunFolder(tmp_path / "first"))
    (tmp_path / "照片").mkdir()
    origin.require_data(RunFolder(tmp_path / "first"))


def test_a_training_whose_photos_are_gone_is_not_resumed(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.recipe.write_text("{}")
    run.provenance.write_text(
        '{"seed": 0, "data": {"path": "/gone", "format": "folder"}, '
        '"command": {"max_minutes": null, "max_bad_fraction": 0.01}}'
    )
    with pytest.raises(UserError, match="no longer at /gone"):
        resume(run.root)


def test_a_run_with_folded_in_products_takes_its_list_along(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "moved")
    run.root.mkdir()
    run.provenance.write_text(
        '{"seed": 0, "data": {"path": "/before/split.csv", "format": "csv"}, "fold_in": {}, '
        '"command": {"max_minutes": null, "max_bad_fraction": 0.01}}'
    )
    assert read_origin(run).data == run.split
