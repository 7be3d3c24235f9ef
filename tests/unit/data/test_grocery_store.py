"""The Grocery Store data set, with any of its lists missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data import grocery_store, open_catalog
from shelfmind.errors import UserError

CLASSES = (
    "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int)\nPear,0,Fruit,0\nApple,1,Fruit,0\n"
)


def shop(root: Path, **lists: str) -> Path:
    (root / "classes.csv").write_text(CLASSES)
    for name, text in lists.items():
        (root / f"{name}.txt").write_text(text)
    return root


def lines(split: str, count: int) -> str:
    return "".join(f"{split}/Fruit, fresh/{number}.jpg, {number % 2}, 0\n" for number in range(count))


def test_ids_follow_the_sorted_names(tmp_path: Path) -> None:
    catalog = open_catalog(shop(tmp_path, train=lines("train", 4), val=lines("val", 2)))
    assert (catalog.format, catalog.class_names, catalog.notes) == ("grocery_store", ("Apple", "Pear"), ())
    assert [(sample.path.name, sample.label) for sample in catalog.split("val")] == [("1.jpg", 0), ("0.jpg", 1)]
    assert catalog.split("val")[0].path == tmp_path / "val" / "Fruit, fresh" / "1.jpg"


def test_a_missing_val_is_carved_out(tmp_path: Path) -> None:
    catalog = open_catalog(shop(tmp_path, train=lines("train", 40) + "\n", test=lines("test", 6)))
    assert [len(catalog.split(name)) for name in ("train", "val", "test")] == [36, 4, 6]


def test_the_test_list_alone(tmp_path: Path) -> None:
    assert len(open_catalog(shop(tmp_path, test=lines("test", 6))).split("test")) == 6


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg, x, 0", "a.jpg, 7, 0"])
def test_mistakes_in_a_list_are_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 5"):
        open_catalog(shop(tmp_path, train=lines("train", 4) + line))


def test_repeated_lines_are_read_once(tmp_path: Path) -> None:
    train = lines("train", 4)
    catalog = open_catalog(shop(tmp_path, train=train + train, val=lines("val", 2), test=lines("test", 2) + "\n"))
    assert [len(catalog.split(name)) for name in ("train", "val", "test")] == [4, 2, 2]
    assert catalog.notes == ("4 lines of train.txt repeat an earlier one",)


@pytest.mark.parametrize(
    ("lists", "where"),
    [
        (
            {"train": lines("train", 4) + "train/Fruit, fresh/2.jpg, 1, 0"},
            r"line 3 of train\.txt and line 5 of train\.txt",
        ),
        ({"train": lines("a", 4), "test": "\n" + lines("a", 1)}, r"line 1 of train\.txt and line 2 of test\.txt"),
    ],
)
def test_lines_that_contradict_each_other_are_named(tmp_path: Path, lists: dict[str, str], where: str) -> None:
    with pytest.raises(UserError, match=where + r" give .*\.jpg different labels or splits; keep one of them"):
        open_catalog(shop(tmp_path, **lists))


def test_a_class_is_not_compared_with_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(self)
            return str.__eq__(self, other)

    shop(tmp_path, train=lines("train", 4))
    header = (1, ["Class Name (str)", "Class ID (int)"])
    table = [header, *((number + 2, [Name(f"Class {number}"), str(number)]) for number in range(200))]
    monkeypatch.setattr(grocery_store, "read_table", lambda path: table)
    assert len(open_catalog(tmp_path, "grocery_store").class_names) == 200
    assert len(compared) < 10 * 200


@pytest.mark.parametrize("line", ["Pear,2,Fruit,0", "Plum,1,Fruit,0", "Plum", "Plum,x,Fruit,0"])
def test_mistakes_in_the_classes_are_named(line: str, tmp_path: Path) -> None:
    shop(tmp_path, train=lines("train", 4))
    (tmp_path / "classes.csv").write_text(CLASSES + line)
    with pytest.raises(UserError, match="line 4"):
        open_catalog(tmp_path)


def test_other_columns_or_no_lists(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of train\.txt"):
        open_catalog(shop(tmp_path), "grocery_store")
    shop(tmp_path, train=lines("train", 4))
    (tmp_path / "classes.csv").write_text("name,id\nPear,0\n")
    with pytest.raises(UserError, match="Class Name"):
        open_catalog(tmp_path)
