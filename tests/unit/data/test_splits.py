"""Splits are stratified, seeded and can be written down."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.data.splits import SplitRow, complete_splits, read_split, stratified_split, with_split, write_split
from shelfmind.errors import UserError
from shelfmind.records import Catalog, Sample

FRACTIONS = {"val": 0.1, "test": 0.1}
LABELS = st.lists(st.integers(0, 8), max_size=200).map(lambda labels: np.array(labels, np.int64))


@settings(deadline=None)  # a busy machine is not a failure
@given(LABELS, st.integers(0, 2**32 - 1), st.floats(0, 0.45), st.floats(0, 0.45))
def test_every_class_is_shared_out_fairly(labels: npt.NDArray[np.int64], seed: int, val: float, test: float) -> None:
    splits = stratified_split(labels, {"val": val, "test": test}, seed)
    assert splits.shape == labels.shape
    assert set(splits.tolist()) <= {"train", "val", "test"}
    for label in np.unique(labels):
        mine = splits[labels == label]
        assert (mine == "train").any()
        assert (mine == "val").sum() <= len(mine) * val + 1
        assert (mine == "test").sum() <= len(mine) * test + 1
        if len(mine) > 10:  # smaller ones may have to leave an image to train
            assert (mine == "val").sum() >= len(mine) * val - 1
            assert (mine == "test").sum() >= len(mine) * test - 1
    assert (splits == stratified_split(labels, {"val": val, "test": test}, seed)).all()


def test_small_classes_are_not_passed_over_as_a_whole() -> None:
    labels = np.repeat(np.arange(500), 4)
    splits = stratified_split(labels, FRACTIONS, seed=1)
    assert abs(int((splits == "val").sum()) - 200) <= 1
    assert abs(int((splits == "test").sum()) - 200) <= 1


@pytest.mark.parametrize(("size", "expected"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (50, (40, 5, 5))])
def test_with_a_floor_rare_classes_are_held_out_too(size: int, expected: tuple[int, int, int]) -> None:
    splits = stratified_split(np.repeat(np.arange(30), size), {"test": 0.1, "val": 0.1}, seed=0, floor=1)
    for of_class in splits.reshape(30, size):
        found = tuple(int((of_class == name).sum()) for name in ("train", "test", "val"))
        if size == 50:
            assert np.abs(np.subtract(found, expected)).max() <= 2
        else:
            assert found == expected


def test_another_seed_gives_another_split() -> None:
    labels = np.repeat(np.arange(5), 40)
    first, second = (stratified_split(labels, FRACTIONS, seed) for seed in (0, 1))
    assert (first != second).any()


@pytest.mark.parametrize("fractions", [{"val": 0.5, "test": 0.5}, {"val": -0.1}])
def test_impossible_fractions(fractions: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fractions"):
        stratified_split(np.zeros(3, np.int64), fractions, 0)


@pytest.mark.parametrize(
    ("given_splits", "counts"),
    [
        ([None] * 100, {"train": 80, "val": 10, "test": 10}),
        (["train"] * 100, {"train": 80, "val": 10, "test": 10}),
        (["train"] * 80 + ["test"] * 20, {"train": 72, "val": 8, "test": 20}),
        (["train"] * 80 + ["val"] * 20, {"train": 80, "val": 20, "test": 0}),
        (["test"] * 100, {"train": 0, "val": 0, "test": 100}),
        ([], {"train": 0, "val": 0, "test": 0}),
    ],
)
def test_what_is_missing_is_filled_in(given_splits: list[str | None], counts: dict[str, int]) -> None:
    labels = np.arange(len(given_splits), dtype=np.int64) % 2
    splits, notes = complete_splits(given_splits, labels, seed=3)
    assert {name: splits.count(name) for name in counts} == counts
    made = counts["val"] in (8, 10)
    assert len(notes) == made
    for before, after in zip(given_splits, splits, strict=True):
        assert before in (None, "train") or before == after


def catalog(root: Path, names: list[str]) -> Catalog:
    samples = [Sample(root / name, place % 2, "val" if place == 1 else "train") for place, name in enumerate(names)]
    return Catalog(tuple(samples), ("可乐（大）", 'b, "quoted"'), root, "folder")


def content(number: int) -> bytes:
    return bytes([number]) * 32


def digests_of(data: Catalog) -> list[bytes | None]:
    return [content(place) for place in range(len(data.samples))]


NAMES = ["a/1.jpg", "可乐（大）/截屏 7.49.21.png", " odd name .jpg", 'q"uote,.png']


def test_a_split_written_down_comes_back(tmp_path: Path) -> None:
    outside = Sample(Path("/elsewhere/x.jpg"), -1, "test")
    before = catalog(tmp_path / "data", NAMES)
    before = Catalog((*before.samples, outside), before.class_names, before.root, before.format)
    digests = digests_of(before)
    write_split(before, tmp_path / "run" / "split.csv", digests)
    first, second = (tmp_path / "run" / "split.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert (first, second) == ("path,label,split,sha256", f"a/1.jpg,可乐（大）,train,{'00' * 32}")
    row = read_split(tmp_path / "run" / "split.csv")[-1]
    assert row == SplitRow("/elsewhere/x.jpg", "", "test", digests[-1])
    all_train = tuple(Sample(sample.path, sample.label, "train") for sample in before.samples)
    after = with_split(
        Catalog(all_train, before.class_names, before.root, before.format), tmp_path / "run" / "split.csv", digests
    )
    assert after == before


def test_names_that_are_not_utf_8_come_back(tmp_path: Path) -> None:
    before = catalog(tmp_path, [os.fsdecode(b"\xff.jpg")])
    write_split(before, tmp_path / "split.csv", [None])
    assert with_split(before, tmp_path / "split.csv", [None]) == before


def test_images_that_came_went_or_changed_are_noted(tmp_path: Path) -> None:
    before = catalog(tmp_path, NAMES)
    write_split(before, tmp_path / "split.csv", digests_of(before))
    now = catalog(tmp_path, [NAMES[0], "new.jpg", NAMES[2]])
    after = with_split(now, tmp_path / "split.csv", [content(0), content(8), content(9)])
    assert [sample.path.name for sample in after.samples] == ["1.jpg"]
    assert "new.jpg" in after.notes[0]
    assert "changed" in after.notes[1]
    assert NAMES[2] in after.notes[1]
    assert "3 images" in after.notes[2]


def test_images_under_other_names_keep_their_split_and_order(tmp_path: Path) -> None:
    before = catalog(tmp_path, NAMES)
    write_split(before, tmp_path / "split.csv", digests_of(before))
    after = with_split(catalog(tmp_path, ["d", "c", "b", "a"]), tmp_path / "split.csv", digests_of(before)[::-1])
    assert [(sample.path.name, sample.split) for sample in after.samples] == [
        ("a", "train"),
        ("b", "val"),
        ("c", "train"),
        ("d", "train"),
    ]
    assert after.notes == ()


def test_images_with_the_same_bytes_keep_a_row_each(tmp_path: Path) -> None:
    """Two are listed: both stay, by their names where these are the same; a third copy came later."""
    before = catalog(tmp_path, ["a", "b"])
    write_split(before, tmp_path / "split.csv", [content(1)] * 2)
    after = with_split(catalog(tmp_path, ["b", "c", "d"]), tmp_path / "split.csv", [content(1)] * 3)
    assert [(sample.path.name, sample.split) for sample in after.samples] == [("c", "train"), ("b", "val")]
    assert "1 image is not in" in after.notes[0]


def test_a_list_without_digests_goes_by_names(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("path,label,split\na,x,val\nb,x,train\n")
    after = with_split(catalog(tmp_path, ["a", "c"]), tmp_path / "split.csv", [content(1), content(2)])
    assert [(sample.path.name, sample.split) for sample in after.samples] == [("a", "val")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "path,reason\na,b\n",
        "path,label,split\na,b\n",
        "path,label,split\na,b,vall\n",
        "path,label,split,sha256\na,b,val,digest\n",
    ],
)
def test_what_is_not_a_list_of_splits_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError, match="split"):
        read_split(tmp_path / "split.csv")
