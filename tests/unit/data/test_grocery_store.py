"""The Grocery Store data set, with any of its lists missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data import open_catalog
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
