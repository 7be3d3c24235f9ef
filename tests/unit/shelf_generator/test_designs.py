"""Products drawn from a seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.shelf_generator.designs import Design, designs, hidden_designs
from shelfmind.shelf_generator.settings import Settings, make_settings
from shelfmind.shelf_generator.vocabulary import CATEGORIES

FORBIDDEN = set('/\\:*?"<>|\n\t')
TELLING = ("flavour", "wording", "strength", "size")


def of(seed: int, **values: Any) -> Settings:
    return make_settings({"classes": 400, "images": 4000, "seed": seed, **values})


@pytest.fixture(scope="module")
def many() -> tuple[Design, ...]:
    return designs(400, of(2))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(2, 60), seed=st.integers(0, 2**31))
def test_names_are_distinct_and_safe_as_file_names(count: int, seed: int) -> None:
    names = [design.name for design in designs(count, of(seed))]
    assert len(set(names)) == count
    for name in names:
        assert not FORBIDDEN & set(name)
        assert name == name.strip()
        assert not name.startswith(".")
        assert len(name.encode()) < 120


def test_names_say_brand_product_and_size(many: tuple[Design, ...]) -> None:
    for design in many:
        assert design.name.startswith(design.brand)
        assert design.name.endswith(design.size)
        assert design.title in design.name


def test_more_classes_only_append() -> None:
    assert designs(40, of(5))[:12] == designs(12, of(5))


def test_another_seed_gives_other_products() -> None:
    assert not set(designs(12, of(0))) & set(designs(12, of(1)))


def test_two_dozen_classes_show_most_kinds_of_packages() -> None:
    for seed in range(5):
        assert len({design.category.package for design in designs(24, of(seed))}) >= 4


def test_every_kind_of_goods_turns_up() -> None:
    assert {design.category for design in designs(1500, of(0))} == set(CATEGORIES)


def test_a_product_has_the_proportions_of_its_kind(many: tuple[Design, ...]) -> None:
    for design in many:
        low, high = design.category.proportions
        if design.differs != "size":
            assert low <= design.ratio <= high


def test_siblings_share_all_but_the_one_thing_that_tells_them_apart(many: tuple[Design, ...]) -> None:
    families: dict[int, list[Design]] = defaultdict(list)
    for design in many:
        families[design.line].append(design)
    seen: Counter[str] = Counter()
    for first, *others in families.values():
        assert first.differs == ""
        for other in others:
            assert (other.brand, other.palette, other.category) == (first.brand, first.palette, first.category)
            assert (other.line_seed, other.brand_latin) == (first.line_seed, first.brand_latin)
            unlike = [name for name in TELLING if getattr(other, name) != getattr(first, name)]
            assert unlike == [other.differs]
            assert (other.ratio != first.ratio) <= (other.differs == "size")
            assert (other.band != first.band) <= (other.differs == "flavour")
            assert (other.motif != first.motif) <= (other.differs == "flavour")
            seen[other.differs] += 1
    assert set(seen) == set(TELLING)
    assert min(seen.values()) >= 10


def test_some_spirits_differ_in_their_strength_alone() -> None:
    pairs = [design for design in designs(400, of(0)) if design.category.shape == "spirit"]
    numbers = {design.strength for design in pairs if design.differs == "strength"}
    assert numbers & {"42度", "52度"}


def test_family_size_is_kept() -> None:
    alone = designs(50, of(0, family_size=1))
    assert len({design.line for design in alone}) == 50
    families = Counter(design.line for design in designs(200, of(0, family_size=8)))
    assert max(families.values()) == 8
    assert np.mean(list(families.values())) == pytest.approx(4.5, abs=1)


def test_sibling_difference_sets_how_far_bands_and_pictures_differ() -> None:
    def spread(difference: float) -> tuple[float, int]:
        made = designs(200, of(0, sibling_difference=difference))
        first = {design.line: design for design in made if not design.differs}
        pairs = [(design, first[design.line]) for design in made if design.differs == "flavour"]
        distances = [abs(a - b) for one, other in pairs for a, b in zip(one.band, other.band, strict=True)]
        return sum(distances) / len(distances), sum(one.motif != other.motif for one, other in pairs)

    assert spread(0.0) == (0.0, 0)
    assert 0 < spread(0.4)[0] < spread(1.0)[0]
    assert spread(1.0)[1] > 20


def test_size_difference_sets_how_far_proportions_differ() -> None:
    def spread(difference: float) -> float:
        made = designs(200, of(0, size_difference=difference))
        first = {design.line: design.ratio for design in made if not design.differs}
        ratios = [design.ratio / first[design.line] for design in made if design.differs == "size"]
        return max(max(ratio, 1 / ratio) for ratio in ratios)

    assert spread(0.0) == 1.0
    assert spread(0.1) == pytest.approx(1.21, abs=0.02)  # two sizes apart
    assert spread(0.3) > 1.5


def test_hidden_products_are_none_of_the_classes() -> None:
    hidden = hidden_designs(100, of(0))
    assert len({design.name for design in hidden}) == 100
    assert not {design.name for design in hidden} & {design.name for design in designs(400, of(0))}
    assert not {design.line for design in hidden} & {design.line for design in designs(400, of(0))}


def test_thousands_of_classes_are_possible() -> None:
    assert len({design.name for design in designs(10_000, of(0))}) == 10_000
