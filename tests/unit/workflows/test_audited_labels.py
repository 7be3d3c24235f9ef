"""A run that judges a data set is measured by what it has not seen there, not even as a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shelfmind.data import open_catalog
from shelfmind.progress import count_silently
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import read_history, write_history
from shelfmind.workflows.audited_labels import in_run_splits


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty photos of two classes, without a split of their own."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    for number in range(20):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        make_photo(number, 120, 90).save(path)  # type: ignore[attr-defined]
    return tmp_path / "photos"


def test_photos_are_in_the_groups_of_the_run_and_copies_count_as_trained_on(photos: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.root.mkdir()
    write_history(run, open_catalog(photos, seed=7), count_silently)
    history = read_history(run, count_silently)
    uses = {Path(row.name).name: row.split for row in history.rows}
    trained = photos / history.training_rows[0].name
    copy = trained.with_name("copy.png")
    copy.write_bytes(trained.read_bytes() + b"metadata")
    catalog = open_catalog(photos, seed=0)  # the split that would be made up today is another
    known, unseen = in_run_splits(catalog, catalog.samples, history, count_silently)
    assert [sample.path for sample in known] == [sample.path for sample in catalog.samples]
    assert {sample.path.name: sample.split for sample in known} == {**uses, "copy.png": "new"}
    expected = {name for name, use in uses.items() if use != "train"}
    assert {known[place].path.name for place in np.flatnonzero(unseen)} == expected
