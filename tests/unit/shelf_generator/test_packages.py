"""Packages as they stand, before the camera."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.shelf_generator.artwork import front_panel, readable
from shelfmind.shelf_generator.designs import Design, designs
from shelfmind.shelf_generator.fonts import Fonts, system_fonts
from shelfmind.shelf_generator.foreign import OBJECTS, foreign_kind, foreign_object, foreign_objects
from shelfmind.shelf_generator.motifs import MOTIFS
from shelfmind.shelf_generator.package import LEVELS, LONG_SIDE
from shelfmind.shelf_generator.packages import KINDS, package
from shelfmind.shelf_generator.posing import posed
from shelfmind.shelf_generator.settings import make_settings
from shelfmind.shelf_generator.vocabulary import CATEGORIES

MADE = designs(300, make_settings({}))
EACH_KIND = {(design.category.package, design.category.shape): design for design in reversed(MADE)}


def test_every_kind_of_package_is_made() -> None:
    assert {kind for kind, _ in EACH_KIND} == set(KINDS) == {category.package for category in CATEGORIES}


@pytest.mark.parametrize("design", EACH_KIND.values(), ids=lambda design: design.category.shape)
@pytest.mark.parametrize("fonts", [Fonts(), system_fonts()], ids=["no font", "system"])
def test_every_package_turns_and_keeps_its_shape(design: Design, fonts: Fonts) -> None:
    product = package(design, fonts)
    poses = {}
    for yaw, pitch in ((-0.6, 0.0), (0.0, 0.0), (0.6, 0.3), (0.0, -0.3)):
        item = posed(product, yaw, pitch, 200, crumple=1)
        assert item.mode == "RGBA"
        alpha = np.asarray(item.getchannel("A"))
        assert alpha.mean() > 0.4 * 255
        assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
        poses[yaw, pitch] = item.tobytes()
    assert len(set(poses.values())) == 4
    straight = posed(product, 0.0, 0.0, LONG_SIDE, crumple=1)
    assert straight.height / straight.width == pytest.approx(design.body, rel=0.05)
    assert max(straight.size) == pytest.approx(LONG_SIDE, rel=0.05)


def test_smaller_photos_use_smaller_skins() -> None:
    product = package(EACH_KIND["can", "drink"], Fonts())
    heights = [posed(product, 0.0, 0.0, height, 1).height for height in (420, 290, 200, 140, 10)]
    assert heights == sorted(heights, reverse=True)
    assert heights[3] == heights[4]
    assert len(product.shapes) == LEVELS


def test_siblings_have_different_fronts() -> None:
    fronts = {front_panel(design, Fonts(), 120, 200).tobytes() for design in MADE[:60] if design.differs != "size"}
    assert len(fronts) == sum(design.differs != "size" for design in MADE[:60])


def test_ink_stands_out_from_its_ground() -> None:
    assert readable((0, 0, 0), (255, 255, 255)) == (0, 0, 0)
    assert max(readable((200, 200, 200), (230, 230, 230))) < 80
    assert min(readable((30, 30, 90), (20, 20, 20))) > 180


def test_every_flavour_has_its_picture() -> None:
    assert {flavour.motif for category in CATEGORIES for flavour in category.flavours} == set(MOTIFS)


def test_foreign_objects_are_few_and_all_different() -> None:
    made = [foreign_object(number, Fonts()) for number in range(foreign_objects())]
    assert len({one.name for one in made}) == foreign_objects()
    assert {foreign_kind(number) for number in range(foreign_objects())} == set(OBJECTS)
    for number in range(len(OBJECTS)):
        assert made[number].name.startswith(foreign_kind(number))
        item = posed(made[number], 0.2, 0.1, 200, 0)
        assert np.asarray(item).std() > 15
        assert item.tobytes() != posed(made[number + len(OBJECTS)], 0.2, 0.1, 200, 0).tobytes()
