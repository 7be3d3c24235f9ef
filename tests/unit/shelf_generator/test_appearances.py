"""Old and new designs, fronts and backs: who has them, what they change, and that nothing changes without them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind import generate
from shelfmind.shelf_generator.appearances import APPEARANCES, BACK, FIRST, NEW_DESIGN, appearing
from shelfmind.shelf_generator.artwork import front_panel
from shelfmind.shelf_generator.designs import designs
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.packages import KINDS, package
from shelfmind.shelf_generator.plan import make_plan
from shelfmind.shelf_generator.settings import make_settings
from shelfmind.shelf_generator.studio import Studio

LARGE: dict[str, Any] = {"classes": 200, "images": 8000, "tail": 0.3}
SMALL: dict[str, Any] = {"classes": 6, "images": 60, "seed": 1, "long_side": (48, 64), "fonts": ("none",)}


def test_without_the_settings_every_product_has_one_appearance() -> None:
    assert not make_plan(make_settings(LARGE)).appearance.any()


def test_as_many_products_as_asked_have_them_in_a_quarter_to_half_of_their_photos() -> None:
    plan = make_plan(make_settings({**LARGE, "redesigned": 0.5, "backs": 0.2}))
    products = len(plan.products)
    for code, share in ((1, 0.5), (2, 0.2)):
        per_class = [plan.appearance[plan.true == product] == code for product in range(products)]
        have = [shown.mean() for shown in per_class if shown.any()]
        assert abs(len(have) / products - share) < 0.1
        assert 0.2 < np.mean(have) < 0.5
    others = plan.true == products
    assert others.any()
    assert not plan.appearance[others].any()


def test_a_setting_changes_nothing_but_the_photos_that_show_it() -> None:
    plain, with_backs = (Studio(make_settings({**SMALL, "backs": share})) for share in (0.0, 1.0))
    same = [number for number in range(60) if not with_backs.plan.appearance[number]]
    other = [number for number in range(60) if with_backs.plan.appearance[number]]
    assert 3 < len(other) < 30
    assert all(plain.photo(number) == with_backs.photo(number) for number in same[::9])
    assert all(plain.photo(number)[0] != with_backs.photo(number)[0] for number in other[:3])


def test_a_near_copy_shows_what_its_original_does() -> None:
    plan = make_plan(make_settings({**LARGE, "redesigned": 0.5, "duplicates": 0.2}))
    assert (plan.source != np.arange(plan.photos)).sum() == 1600
    np.testing.assert_array_equal(plan.appearance, plan.appearance[plan.source])


def test_each_appearance_looks_different_and_names_one_product() -> None:
    for design in designs(40, make_settings({})):
        shown = [appearing(design, appearance) for appearance in APPEARANCES]
        assert len({each.name for each in shown}) == 1
        fronts = {front_panel(each, Fonts(), 120, 200).tobytes() for each in shown}
        assert len(fronts) == 3
    assert appearing(design, FIRST) == design


def test_every_kind_of_package_can_be_seen_from_behind_and_anew() -> None:
    missing = dict.fromkeys(KINDS)
    for design in designs(120, make_settings({})):
        if missing.pop(design.category.package, 0) is None:
            for appearance in (NEW_DESIGN, BACK):
                made = package(appearing(design, appearance), Fonts())
                assert made.ratio == package(design, Fonts()).ratio
    assert not missing


def test_the_truth_says_which_photo_shows_what(tmp_path: Path) -> None:
    generate(tmp_path / "set", **SMALL, redesigned=1.0, backs=1.0, workers=1)
    with (tmp_path / "set" / "truth.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    plan = make_plan(make_settings({**SMALL, "redesigned": 1.0, "backs": 1.0}))
    assert [row["appearance"] for row in rows] == [APPEARANCES[code] for code in plan.appearance]
    assert {row["appearance"] for row in rows} == set(APPEARANCES)
