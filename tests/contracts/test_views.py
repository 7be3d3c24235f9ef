"""Every test-time view of the table adds looks to the plain image, and every look is a part of it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from shelfmind.inference import views
from shelfmind.inference.views import VIEWS, View, seen

NAMES = sorted(VIEWS)
SIDES = [16, 33, 64]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_keeps_the_plain_image_first_and_adds_others(name: str) -> None:
    looks = VIEWS[name]([View()])
    assert looks[0] == View()
    assert len(set(looks)) == len(looks) > 1
    assert VIEWS[name]([View()]) == looks


def test_every_look_has_possible_values(name: str) -> None:
    for look in views.test_time_views([name]):
        assert 0 < look.share <= 1
        assert all(0 <= place <= 1 for place in look.place)
        assert look.scale > 0
        assert look.brightness > 0


@pytest.mark.parametrize("side", SIDES)
def test_every_look_is_a_square_part_of_any_image(name: str, side: int) -> None:
    image = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    before = image.copy()
    for look in views.test_time_views([name]):
        part = seen(image, look)
        assert part.dtype == np.uint8
        assert part.shape == (round(side * look.share), round(side * look.share), 3)
        assert part.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(image, before)


def test_the_order_of_two_names_makes_no_other_looks(name: str) -> None:
    for one, other in permutations(NAMES, 2):
        if name == one and {one, other} != {"centre", "crops"}:  # both cut, and the later one decides where
            assert set(views.test_time_views([one, other])) == set(views.test_time_views([other, one]))
