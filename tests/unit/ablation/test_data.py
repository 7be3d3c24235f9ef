"""What cells train on: a frozen split, and labels made wrong at an exact rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.ablation.data import Source, TrainingData, with_wrong_labels
from shelfmind.data import open_catalog
from shelfmind.data.list_file import write_list
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


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_no_class_loses_its_last_training_photo_to_a_wrong_label(share: float, tmp_path: Path) -> None:
    """Ten classes of twenty photos and twenty of one: as many labels are wrong, and a list of them has all classes."""
    sizes = [20] * 10 + [1] * 20
    samples = [
        Sample(tmp_path / f"{label}-{number}.jpg", label, "train")
        for label, n in enumerate(sizes)
        for number in range(n)
    ]
    before = Catalog(tuple(samples), tuple(f"{label:02d}" for label in range(30)), tmp_path, "folder")
    after = with_wrong_labels(before, share)
    assert sum(a.label != b.label for a, b in zip(before.samples, after.samples, strict=True)) == round(share * 220)
    assert set(after.class_counts("train") > 0) == {True}
    assert after == with_wrong_labels(before, share)
    write_list(tmp_path / "list.csv", after.samples, after.class_names)
    assert open_catalog(tmp_path / "list.csv", "csv").class_names == before.class_names


def test_where_every_photo_is_its_classs_last_no_label_is_wrong(tmp_path: Path) -> None:
    samples = tuple(Sample(tmp_path / f"{label}.jpg", label, "train") for label in range(9))
    alone = Catalog(samples, tuple("abcdefghi"), tmp_path, "folder")
    assert with_wrong_labels(alone, 0.5) == alone


def test_wrong_labels_stay_the_same_where_no_class_would_be_lost(tmp_path: Path) -> None:
    """Published runs were trained on them."""
    before = catalog(tmp_path)
    pairs = zip(before.samples, with_wrong_labels(before, 0.02).samples, strict=True)
    wrong = [(at, after.label) for at, (own, after) in enumerate(pairs) if own.label != after.label]
    assert wrong == [(6, 1), (90, 3), (105, 3), (168, 1)]


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
