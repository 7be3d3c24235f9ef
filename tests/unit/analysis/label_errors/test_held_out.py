"""No network judges an image that it was trained on, and nothing is lost or checked twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.analysis.label_errors.held_out import hold_out, read_held_out, write_held_out
from shelfmind.errors import UserError
from shelfmind.records import Catalog, Sample
from shelfmind.tables import read_table

ROOT = Path("/data")
NAMES = ("a", "b", "c", "d")


def catalog(*counts: dict[str, int]) -> Catalog:
    """Images of each class by split."""
    samples = [
        Sample(ROOT / split / NAMES[label] / f"{place}.jpg", label, split)
        for label, splits in enumerate(counts)
        for split, count in splits.items()
        for place in range(count)
    ]
    return Catalog(tuple(samples), NAMES[: len(counts)], ROOT, "folder")


splits = st.fixed_dictionaries({"train": st.integers(0, 7), "val": st.integers(0, 2), "test": st.integers(0, 3)})


@given(st.lists(splits, min_size=2, max_size=4), st.integers(2, 6))
def test_every_image_is_judged_once_by_a_network_that_did_not_see_it(counts: list[dict[str, int]], folds: int) -> None:
    data = catalog(*counts)
    pool = [each["train"] + each["val"] for each in counts]
    if sum(count > 0 for count in pool) < 2 or max(pool) < 2:
        with pytest.raises(UserError, match="cannot be checked"):
            hold_out(data, folds)
        return
    held_out = hold_out(data, folds)
    assert sorted(held_out.samples, key=str) == sorted(data.samples, key=str)
    assert (held_out.folds[: held_out.checkable] >= 0).all()
    assert (held_out.folds[held_out.checkable :] == -1).all()
    for fold in held_out.used_folds:
        trained = held_out.trains(fold)
        assert not (trained & (held_out.folds == fold)).any()
        assert not any(sample.split == "test" for sample, own in zip(held_out.samples, trained, strict=True) if own)
        # every class that the network is to know keeps an image to learn it from
        assert set(held_out.labels[trained]) == set(range(len(held_out.class_names)))
    for sample, fold in zip(held_out.samples, held_out.folds.tolist(), strict=True):
        alone = pool[sample.label] < (1 if sample.split == "test" else 2)
        assert (fold == -1) == alone
    for place, name in enumerate(held_out.given):
        if held_out.labels[place] >= 0:
            assert held_out.class_names[held_out.labels[place]] == name


@given(st.lists(splits, min_size=2, max_size=4), st.integers(2, 6), st.data())
def test_no_network_judges_a_photo_of_which_it_saw_a_copy(
    counts: list[dict[str, int]], folds: int, draw: st.DataObject
) -> None:
    data = catalog(*counts)
    kinds = draw.draw(st.lists(st.integers(0, 8), min_size=len(data.samples), max_size=len(data.samples)))
    copies = [[place for place, kind in enumerate(kinds) if kind == each] for each in range(4)]
    copies = [members for members in copies if len(members) > 1]
    try:
        held_out = hold_out(data, folds, copies)
    except UserError:
        return
    place_of = {sample: place for place, sample in enumerate(held_out.samples)}
    for fold in held_out.used_folds:
        trained = held_out.trains(fold)
        assert set(held_out.labels[trained]) == set(range(len(held_out.class_names)))
        for members in copies:
            places = np.array([place_of[data.samples[member]] for member in members])
            checked = held_out.folds[places] == fold
            held = places[~checked & (held_out.folds[places] != -1)]
            assert not (checked.any() and trained[held].any())


def test_copies_share_the_fold_of_the_first_and_take_those_of_test_along() -> None:
    data = catalog({"train": 10, "test": 3}, {"train": 10})
    names = [sample.path.name for sample in data.samples]
    alone, together = hold_out(data, 5), hold_out(data, 5, [(0, 9, 11, 22)])
    assert names[9] == "9.jpg"
    before, after = (
        {(s.split, s.label, s.path.name): f for s, f in zip(each.samples, each.folds.tolist(), strict=True)}
        for each in (alone, together)
    )
    first = before["train", 0, "0.jpg"]
    assert before["train", 0, "9.jpg"] != first
    moved = {(data.samples[place].split, data.samples[place].label, names[place]) for place in (0, 9, 11, 22)}
    assert {after[key] for key in moved} == {first}
    assert all(after[key] == before[key] for key in before if key not in moved)


def test_a_class_that_is_one_photo_twice_cannot_be_judged() -> None:
    held_out = hold_out(catalog({"train": 2}, {"train": 6}), 3, [(0, 1)])
    assert [sample.label for sample in held_out.samples[held_out.checkable :]] == [0, 0]
    for fold in held_out.used_folds:
        assert set(held_out.labels[held_out.trains(fold)]) == {0, 1}


def test_what_was_written_is_read_back_for_the_same_images_only(tmp_path: Path) -> None:
    data = catalog({"train": 4, "val": 1, "test": 2}, {"train": 3}, {"train": 1}, {"test": 1})
    held_out = hold_out(data, 3, [(0, 2)])
    write_held_out(tmp_path / "images.csv", held_out)
    again = read_held_out(tmp_path / "images.csv", data)
    assert again is not None
    assert again.names == held_out.names
    assert again.class_names == held_out.class_names
    np.testing.assert_array_equal(again.folds, held_out.folds)
    np.testing.assert_array_equal(again.labels, held_out.labels)
    fewer = Catalog(data.samples[1:], data.class_names, data.root, data.format)
    assert read_held_out(tmp_path / "images.csv", fewer) is None


def test_the_order_is_written_with_folds_and_given_names(tmp_path: Path) -> None:
    held_out = hold_out(catalog({"train": 2}, {"train": 1}, {"test": 1}), 5)
    write_held_out(tmp_path / "images.csv", held_out)
    rows = [row for _, row in read_table(tmp_path / "images.csv", exact=True)]
    assert rows == [
        ["path", "label", "split", "fold"],
        ["train/a/0.jpg", "a", "train", "0"],
        ["train/a/1.jpg", "a", "train", "2"],
        ["train/b/0.jpg", "b", "train", ""],
        ["test/c/0.jpg", "c", "test", ""],
    ]
    assert held_out.class_names == ("a", "b")
    assert held_out.labels.tolist() == [0, 0, 1, -1]


def test_images_of_test_are_dealt_out_evenly_over_the_folds_in_use() -> None:
    held_out = hold_out(catalog({"train": 2, "test": 4}, {"train": 2, "test": 4}), 5)
    in_test = np.array([sample.split == "test" for sample in held_out.samples])
    used, counts = np.unique(held_out.folds[in_test], return_counts=True)
    assert used.tolist() == held_out.used_folds
    assert counts.max() - counts.min() <= 1
