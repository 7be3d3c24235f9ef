"""Products drawn from a seed."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.data.shelf_generator.designs import designs

FORBIDDEN = set('/\\:*?"<>|\n\t')


@settings(max_examples=20, deadline=None)
@given(count=st.integers(2, 60), seed=st.integers(0, 2**31))
def test_names_are_distinct_and_safe_as_file_names(count: int, seed: int) -> None:
    names = [design.name for design in designs(count, seed)]
    assert len(set(names)) == count
    for name in names:
        assert not FORBIDDEN & set(name)
        assert name == name.strip()
        assert not name.startswith(".")
        assert len(name.encode()) < 120


def test_names_read_as_chinese_products_with_a_size() -> None:
    for design in designs(30, 0):
        assert design.name.startswith(design.brand)
        assert design.name.endswith(("ml", "g", "L"))
        assert design.title in design.name


def test_more_classes_only_append() -> None:
    assert designs(40, 5)[:12] == designs(12, 5)


def test_another_seed_gives_other_products() -> None:
    assert designs(12, 0) != designs(12, 1)


def test_a_dozen_classes_show_every_kind_of_package_and_siblings() -> None:
    for seed in range(5):
        twelve = designs(12, seed)
        assert {"bottle", "can", "carton"} <= {design.category.package for design in twelve}
        lines = [design.line_seed for design in twelve]
        assert len(set(lines)) <= 6


def test_siblings_share_brand_and_palette_and_differ_in_something_printed() -> None:
    for one, other in combinations(designs(60, 2), 2):
        if one.line_seed == other.line_seed:
            assert (one.brand, one.palette, one.category) == (other.brand, other.palette, other.category)
            assert (one.flavour, one.strength, one.size) != (other.flavour, other.strength, other.size)


def test_thousands_of_classes_are_possible() -> None:
    made = designs(3000, 0)
    assert len({design.name for design in made}) == 3000
    assert len({(design.brand, design.brand_latin) for design in made}) == len({design.brand for design in made})
