"""The same photos under fewer names, from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data.broader import read_broader, with_broader_classes, write_broader
from shelfmind.errors import UserError
from shelfmind.records import UNLABELLED, Catalog, Sample

NAMES = ("可乐 1L", "可乐 500ml", "芬达（1L）", "雪碧")


@pytest.fixture
def catalog() -> Catalog:
    labels = (0, 1, 1, 2, 3, UNLABELLED)
    samples = tuple(Sample(Path(f"/data/{n}.jpg"), label, "train") for n, label in enumerate(labels))
    return Catalog(samples, NAMES, Path("/data"), "folder", ("a note",))


def table(folder: Path, text: str) -> Path:
    path = folder / "品牌.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_samples_keep_their_order_and_get_the_broader_class(catalog: Catalog, tmp_path: Path) -> None:
    path = table(
        tmp_path, "note,broader,class\nx,可乐,可乐 1L\n,可乐,可乐 500ml\n,汽水,芬达(1L)\n,汽水,雪碧\n,水,没有\n"
    )
    joined = with_broader_classes(catalog, read_broader(path), path)
    assert joined.class_names == ("可乐", "汽水")
    assert [sample.label for sample in joined.samples] == [0, 0, 0, 1, 1, UNLABELLED]
    assert [sample.path for sample in joined.samples] == [sample.path for sample in catalog.samples]
    assert joined.notes == ("a note", "4 classes were merged into 2 broader ones")


def test_what_is_written_is_read_back(catalog: Catalog, tmp_path: Path) -> None:
    broader = {"可乐 1L": "a", "可乐 500ml": "a", "芬达(1L)": "b,c", "雪碧": "b,c"}
    write_broader(catalog, broader, tmp_path / "broader.csv")
    assert read_broader(tmp_path / "broader.csv") == broader


def test_the_table_of_grocery_store_names_coarse_classes(tmp_path: Path) -> None:
    header = "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int)\n"
    assert read_broader(table(tmp_path, f"{header}Kiwi,11,Kiwi,4\nPink-Lady,2,Apple,0\n")) == {
        "Kiwi": "Kiwi",
        "Pink-Lady": "Apple",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a table of broader classes"),
        ("class,brand\na,b\n", "must have the columns class,broader"),
        ("class,broader\na,\n", "line 2: the broader class is empty"),
        ("class,broader\n\n,b\n", "line 3: the class is empty"),
        ("class,broader\na\n", "line 2: the broader class is empty"),
        ("class,broader\na,b\na,c\n", "line 3: 'a' already has the broader class 'b'"),
    ],
)
def test_tables_that_say_nothing_or_too_much_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_broader(table(tmp_path, text))


def test_every_class_needs_a_broader_one_and_there_must_be_two(catalog: Catalog) -> None:
    source = Path("品牌.csv")
    with pytest.raises(UserError, match="no broader class for 2 classes of the data: 芬达（1L）, 雪碧"):
        with_broader_classes(catalog, {"可乐 1L": "可乐", "可乐 500ml": "可乐"}, source)
    with pytest.raises(UserError, match="puts all classes into '饮料'"):
        with_broader_classes(catalog, dict.fromkeys(("可乐 1L", "可乐 500ml", "芬达(1L)", "雪碧"), "饮料"), source)
