"""Every kept image gets a place of its own, whatever the names and their order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.cleaning.rows import Row, drop_rows
from shelfmind.cleaning.target_paths import target_paths


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
