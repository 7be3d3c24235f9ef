"""What cells train on: a frozen split, and labels made wrong at an exact rate."""

from __future__ import annotations

from pathlib import Path

from shelfmind.ablation.data import Source, TrainingData, with_wrong_labels
from shelfmind.data import open_catalog
from shelfmind.records import Catalog, Sample


def catalog(root: Path, named: frozenset[str] = frozenset({"train", "test", "val"})) -> Catalog:
    samples = [
        Sample(root / split / f"{label}-{index}.jpg", label, split)
        for split, count in (("train", 50), ("val", 5), ("test", 5))
        for label in range(4)
        for index in range(count)
    ]
    return Catalog(tuple(samples), ("可乐", "b", "c", "d"), root, "folder", named_splits=named)


def test_so_many_training_labels_are_wrong_and_no_others(tmp_path: Path) -> None:
    before = catalog(tmp_path)
    after = with_wrong_labels(before, 0.1)
    changed = [a.split for a, b in zip(before.samples, after.samples, strict=True) if a.label != b.label]
    assert changed == ["train"] * 20
    assert [sample.path for sample in after.samples] == [sample.path for sample in before.samples]
    assert after == with_wrong_labels(before, 0.1)
    more = with_wrong_labels(before, 0.9)
    wrong = [(a.label, b.label) for a, b in zip(before.samples, more.samples, strict=True) if a.label != b.label]
    assert len(set(wrong)) == 12  # every class becomes every other one


def test_a_data_set_with_a_split_is_taken_as_it_is(tmp_path: Path) -> None:
    own = Source(tmp_path, None)
    data = TrainingData(own, catalog(tmp_path), "d" * 64, tmp_path / "lists")
    assert data.source() == own
    assert not (tmp_path / "lists").exists()


def test_a_split_that_was_made_up_is_frozen_in_a_list(tmp_path: Path) -> None:
    made = catalog(tmp_path, frozenset({"train", "test"}))
    source = TrainingData(Source(tmp_path, None), made, "d" * 64, tmp_path / "lists").source()
    read = open_catalog(source.path, source.format, seed=7)
    assert {(s.path, s.split, read_name(read, s)) for s in read.samples} == {
        (s.path, s.split, read_name(made, s)) for s in made.samples
    }


def test_wrong_labels_are_trained_on_from_a_list_of_their_own(tmp_path: Path) -> None:
    data = TrainingData(Source(tmp_path, None), catalog(tmp_path), "d" * 64, tmp_path / "lists")
    five, ten = data.source(0.05), data.source(0.1)
    assert five.path != ten.path
    read = {sample.path: read_name(open_catalog(ten.path, "csv"), sample) for sample in open_catalog(ten.path).samples}
    wrong = [sample for sample in data.catalog.samples if read[sample.path] != read_name(data.catalog, sample)]
    assert len(wrong) == 20


def read_name(of: Catalog, sample: Sample) -> str:
    return of.class_names[sample.label]
