"""Every kept image gets a place of its own, whatever the names and their order."""

from __future__ import annotations

import os
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.cleaning import target_paths as naming
from shelfmind.cleaning.names import clean_name
from shelfmind.cleaning.rows import Row, drop_rows
from shelfmind.cleaning.target_paths import target_paths
from shelfmind.data.listing import natural_key


def rows_of(*sources: str) -> list[Row]:
    return [Row(source, "可乐", "train", "可乐", "train") for source in sources]


def test_names_are_kept_and_clashes_numbered_in_natural_order():
    rows = rows_of("b/10.jpg", "b/2.jpg", "a/2.jpg", "a/2.JPG", "c/图 （1）.png")
    assert target_paths(rows, jpeg=False) == [
        "train/可乐/10.jpg",
        "train/可乐/2_3.jpg",
        "train/可乐/2_2.jpg",
        "train/可乐/2.JPG",
        "train/可乐/图(1).png",
    ]


def test_an_image_from_another_class_does_not_take_the_name_of_one_that_stays():
    rows = [Row("雪碧/1.jpg", "雪碧", "train", "可乐", "train"), *rows_of("可乐/1.jpg")]
    assert target_paths(rows, jpeg=False) == ["train/可乐/1_2.jpg", "train/可乐/1.jpg"]


def test_as_jpeg_all_end_alike_and_a_dropped_image_has_no_place():
    rows = drop_rows(rows_of("a.png", "a.jpg", "a.JPEG", "b.webp"), {"a.jpg": "over the cap"})
    assert target_paths(rows, jpeg=True) == ["train/可乐/a_2.jpg", "", "train/可乐/a.jpg", "train/可乐/b.jpg"]


def test_a_number_that_a_name_has_of_its_own_is_passed_over():
    rows = rows_of("a/1.jpg", "a/1_3.jpg", "b/1.jpg", "c/1.JPG", "d/1.jpg", "e/1_3.jpg")
    assert target_paths(rows, jpeg=True) == [
        "train/可乐/1.jpg",
        "train/可乐/1_3.jpg",
        "train/可乐/1_2.jpg",
        "train/可乐/1_4.jpg",
        "train/可乐/1_5.jpg",
        "train/可乐/1_3_2.jpg",
    ]


def test_many_images_of_one_name_are_not_all_counted_again(monkeypatch):
    formatted = 0

    class Name(str):
        def __format__(self, how: str) -> str:
            nonlocal formatted
            formatted += 1
            return str(self)

    monkeypatch.setattr(naming, "clean_name", Name)
    targets = target_paths(rows_of(*(f"{number}/front.jpg" for number in range(1000))), jpeg=False)
    assert targets[-1] == "train/可乐/front_1000.jpg"
    assert formatted <= 3 * 1000


def tried_from_the_start(names: list[str]) -> list[str]:
    """The place of each file of a class, found by trying all numbers."""
    taken: list[str] = []
    for name in sorted(names, key=natural_key):
        stem, suffix = os.path.splitext(name.rsplit("/", 1)[-1])
        numbers = ("" if number == 1 else f"_{number}" for number in count(1))
        paths = (f"train/可乐/{clean_name(stem)}{number}{suffix}" for number in numbers)
        taken.append(next(path for path in paths if path.casefold() not in {other.casefold() for other in taken}))
    return taken


FILES = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["1", "1_2", "1_3", "1。a", "ß"]), st.sampled_from(["", ".a", ".A"])
)


@settings(deadline=None)
@given(st.lists(FILES, min_size=1, max_size=40, unique=True))
def test_numbers_are_those_found_by_trying_all(files):
    names = sorted((f"{folder}/{stem}{suffix}" for folder, stem, suffix in files), key=natural_key)
    assert target_paths(rows_of(*names), jpeg=False) == tried_from_the_start(names)


NAMES = st.text(st.characters(codec="utf-8") | st.sampled_from("aA1_.（"), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=30, unique=True), st.booleans(), st.randoms())
def test_no_two_images_share_a_place_and_their_order_does_not_matter(names, jpeg, random):
    rows = rows_of(*(f"{name}.jpg" for name in names))
    targets = target_paths(rows, jpeg)
    assert len({target.casefold() for target in targets}) == len(rows)
    assert all(target.count("/") == 2 and not target.rsplit("/", 1)[1].startswith(".") for target in targets)
    order = list(range(len(rows)))
    random.shuffle(order)
    assert target_paths([rows[place] for place in order], jpeg) == [targets[place] for place in order]
