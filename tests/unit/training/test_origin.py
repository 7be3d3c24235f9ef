"""A run that goes on with its own photos says where they were, if they are no longer there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    ("more", "file", "said"),
    [
        ({}, "soup.json", "was made from another run by soup"),
        ({"adapted": {"images": 16}}, None, "was made from another run by adapt"),
        ({}, None, r"state\.ckpt is missing"),
    ],
)
def test_a_trained_run_without_a_training_state_is_not_trained_again(
    more: dict[str, Any], file: str | None, said: str, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path)
    run.recipe.write_text("{}")
    origin = {"seed": 0, "data": {"path": str(tmp_path), "format": "folder"}}
    run.provenance.write_text(
        json.dumps({**origin, "command": {"max_minutes": None, "max_bad_fraction": 0.01}, **more})
    )
    if file is not None:
        (run.root / file).write_text("{}")
    run.write_log([{"epoch": 0, "progress": 0.5}, {"epoch": 1, "progress": 1.0}])
    with pytest.raises(UserError, match=f"{said}.*nothing to resume; .*evaluate"):
        resume(run.root)
    assert not run.last.exists()


def test_a_run_with_folded_in_products_takes_its_list_along(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "moved")
    run.root.mkdir()
    run.provenance.write_text(
        '{"seed": 0, "data": {"path": "/before/split.csv", "format": "csv"}, "fold_in": {}, '
        '"command": {"max_minutes": null, "max_bad_fraction": 0.01}}'
    )
    assert read_origin(run).data == run.split
