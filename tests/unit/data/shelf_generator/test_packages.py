"""Packages as they stand, before the camera."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.data.shelf_generator.artwork import front_panel, readable
from shelfmind.data.shelf_generator.designs import CATEGORIES, Design, designs
from shelfmind.data.shelf_generator.fonts import Fonts, system_fonts
from shelfmind.data.shelf_generator.motifs import MOTIFS
from shelfmind.data.shelf_generator.packages import LONG_SIDE, package, posed

EACH_KIND = {(design.category.package, design.category.chinese): design for design in designs(60, 0)}


@pytest.mark.parametrize("design", EACH_KIND.values(), ids=lambda design: design.category.latin.lower())
@pytest.mark.parametrize("fonts", [Fonts(), system_fonts()], ids=["no font", "system"])
def test_every_package_turns_and_keeps_its_shape(design: Design, fonts: Fonts) -> None:
    product = package(design, fonts)
    for yaw in (-0.6, 0.0, 0.6):
        item = posed(product, yaw, crumple=1)
        assert item.mode == "RGBA"
        assert 0.75 * LONG_SIDE < max(item.size) < 1.3 * LONG_SIDE
        alpha = np.asarray(item.getchannel("A"))
        assert alpha.mean() > 0.5 * 255
        assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
    straight = posed(product, 0.0, crumple=1)
    assert straight.width / straight.height == pytest.approx(design.aspect, rel=0.13)


def test_turning_shows_another_part() -> None:
    for design in EACH_KIND.values():
        product = package(design, Fonts())
        assert posed(product, 0.0, 1).tobytes() != posed(product, 0.4, 1).tobytes()


def test_siblings_have_different_fronts() -> None:
    made = designs(40, 0)
    fronts = {front_panel(design, Fonts(), 120, 200).tobytes() for design in made}
    assert len(fronts) == len(made)


def test_ink_stands_out_from_its_ground() -> None:
    assert readable((0, 0, 0), (255, 255, 255)) == (0, 0, 0)
    assert max(readable((200, 200, 200), (230, 230, 230))) < 80
    assert min(readable((30, 30, 90), (20, 20, 20))) > 180


def test_every_flavour_has_its_picture() -> None:
    named = {flavour.motif for category in CATEGORIES for flavour in category.flavours}
    assert named == set(MOTIFS)
