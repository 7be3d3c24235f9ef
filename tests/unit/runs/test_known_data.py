"""A data set is matched to a run's classes by name, in whatever order the run has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.known_data import open_with_run_classes


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run whose classes came one after the other."""
    folder = RunFolder(tmp_path / "run")
    folder.root.mkdir()
    folder.write_classes(["tea", "milk", "cola"], [2, 2, 1])
    return folder


def listed(path: Path, *names: str) -> Path:
    """A list of a photo of each of these classes."""
    path.write_text("path,label,split\n" + "".join(f"{name}.jpg,{name},train\n" for name in names), encoding="utf-8")
    return path


def test_class_ids_are_the_runs(run: RunFolder, tmp_path: Path) -> None:
    catalog = open_with_run_classes(run, listed(tmp_path / "photos.csv", "cola", "milk", "tea"), None, 0)
    assert catalog.class_names == ("tea", "milk", "cola")
    assert {sample.path.stem: sample.label for sample in catalog.samples} == {"tea": 0, "milk": 1, "cola": 2}


def test_other_classes_are_refused(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 missing in the data \(cola\)"):
        open_with_run_classes(run, listed(tmp_path / "photos.csv", "milk", "tea"), None, 0)
    with pytest.raises(UserError, match=r"1 unknown to the run \(beer\)"):
        open_with_run_classes(run, listed(tmp_path / "photos.csv", "beer", "cola", "milk", "tea"), None, 0)


def test_the_list_of_the_run_itself_may_lack_a_class_without_images(run: RunFolder) -> None:
    catalog = open_with_run_classes(run, listed(run.split, "milk", "tea"), "csv", 0)
    assert catalog.class_names == ("tea", "milk", "cola")
    assert any("missing: cola" in note for note in catalog.notes)


def test_the_data_may_have_further_classes_without_images(run: RunFolder, tmp_path: Path) -> None:
    """A folder without photos gives the data a class that a run trained on a list of them does not have."""
    for name in ("alpha", "cola", "milk", "tea"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        if name != "alpha":
            (tmp_path / "photos" / name / "0.jpg").touch()
    catalog = open_with_run_classes(run, tmp_path / "photos", "folder", 0)
    assert catalog.class_names == ("tea", "milk", "cola")
    assert {(each.path.parent.name, each.label) for each in catalog.samples} == {("tea", 0), ("milk", 1), ("cola", 2)}
