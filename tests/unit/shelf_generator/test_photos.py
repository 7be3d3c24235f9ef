"""The camera: every factor at its level, and what it does to a photo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from shelfmind.shelf_generator.camera import encoded, near_copy, take_photo
from shelfmind.shelf_generator.designs import designs
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.packages import package
from shelfmind.shelf_generator.scene import Scene, compose
from shelfmind.shelf_generator.settings import make_settings
from shelfmind.shelf_generator.shot import Shot, sample_shot

SHOTS = 400
HARDER = {
    "angle": ("yaw_deg", "pitch_deg", "tilt_deg"),
    "perspective": ("perspective",),
    "glare": ("glare",),
    "blur": ("blur_px", "motion_px"),
    "exposure": ("tint", "unevenness"),
    "occlusion": ("occlusion",),
    "noise": ("noise",),
    "clutter": ("neighbours",),
}
STUDIO = sample_shot(make_settings({"difficulty": 0, "long_side": (160, 160)}), np.random.default_rng(0))
PRODUCT = package(designs(1, make_settings({}))[0], Fonts())


def shots(**values: Any) -> list[Shot]:
    made = make_settings(values)
    return [sample_shot(made, np.random.default_rng([7, number])) for number in range(SHOTS)]


def scene(shot: Shot, seed: int = 0) -> Scene:
    return compose(PRODUCT, [PRODUCT], shot, Fonts(), np.random.default_rng(seed))


@pytest.mark.parametrize(("factor", "columns"), HARDER.items())
def test_a_factor_grows_with_its_level_from_none(factor: str, columns: tuple[str, ...]) -> None:
    for column in columns:
        means = [
            np.mean([abs(getattr(shot, column)) for shot in shots(**{factor: level})]) for level in (0, 0.25, 0.5, 1.0)
        ]
        assert means[0] == 0
        assert means == sorted(means)
        assert means[3] > 1.5 * means[1]


def test_exposure_and_jpeg_get_worse_too() -> None:
    spread = [np.std(np.log([shot.exposure for shot in shots(exposure=level)])) for level in (0, 0.3, 1)]
    assert spread[0] == 0 < spread[1] < spread[2]
    quality = [np.mean([shot.jpeg_quality for shot in shots(jpeg=level)]) for level in (0, 0.3, 1)]
    assert quality[0] == 95 > quality[1] > quality[2] > 9


def test_a_level_changes_its_own_factor_only() -> None:
    for mild, hard in zip(shots(glare=0.1), shots(glare=1.0), strict=True):
        assert replace(mild, glare=0.0) == replace(hard, glare=0.0)


def test_long_sides_are_within_their_range() -> None:
    sides = {shot.long_side_px for shot in shots(long_side=(100, 110))}
    assert sides == set(range(100, 111))


def test_a_studio_photo_shows_the_product_alone_and_straight() -> None:
    found = scene(STUDIO)
    picture = found.picture
    assert (found.hidden, found.turned_deg, found.askew_deg) == (0, 0, 0)
    assert max(picture.size) == 160
    assert picture.height / picture.width == pytest.approx(PRODUCT.ratio, rel=0.12)


def test_the_hidden_share_is_measured_and_near_what_was_asked() -> None:
    asked = 0.2
    found = [scene(replace(STUDIO, occlusion=asked), seed).hidden for seed in range(24)]
    assert np.mean(found) == pytest.approx(asked, abs=0.07)
    assert max(found) < 0.4
    assert sum(share > 0.02 for share in found) > 18


def test_turning_is_not_askew_and_moved_corners_are() -> None:
    turned = scene(replace(STUDIO, tilt_deg=9.0))
    assert turned.turned_deg == pytest.approx(9)
    assert turned.askew_deg == pytest.approx(0, abs=1e-9)
    askew = [scene(replace(STUDIO, perspective=share), seed).askew_deg for share in (0.1, 0.2) for seed in range(12)]
    assert 2 < np.mean(askew[:12]) < 0.6 * np.mean(askew[12:])


def test_neighbours_change_what_is_beside_the_product_only() -> None:
    alone = scene(STUDIO, 5).picture
    crowded = scene(replace(STUDIO, neighbours=3), 5).picture
    assert alone.size == crowded.size
    assert alone.tobytes() != crowded.tobytes()


def test_the_camera_does_what_its_factors_say() -> None:
    picture = scene(STUDIO).picture
    rng = np.random.default_rng

    def seen(**factors: Any) -> np.ndarray[Any, Any]:
        return np.asarray(take_photo(picture, replace(STUDIO, **factors), rng(1)), float)

    plain = seen()
    np.testing.assert_allclose(plain, np.asarray(picture, float), atol=1)
    assert seen(exposure=0.5).mean() == pytest.approx(0.5 * plain.mean(), rel=0.02)
    assert seen(glare=0.9).mean() > plain.mean() + 2
    assert np.ptp(seen(tint=0.3).mean((0, 1)) / plain.mean((0, 1))) == pytest.approx(0.3, abs=0.06)
    assert (seen(noise=8.0) - plain).std() == pytest.approx(8, rel=0.3)
    for factors in ({"blur_px": 2.0}, {"motion_px": 4.0}):
        edges = [
            np.asarray(Image.fromarray(one.astype(np.uint8)).filter(ImageFilter.FIND_EDGES)).mean()
            for one in (plain, seen(**factors))
        ]
        assert edges[1] < 0.8 * edges[0]


def test_worse_jpeg_is_smaller_and_further_from_the_original() -> None:
    picture = scene(STUDIO).picture
    assert len(encoded(picture, 20)) < len(encoded(picture, 90))


def test_a_near_copy_is_much_the_same() -> None:
    picture = scene(STUDIO).picture
    again = near_copy(picture, np.random.default_rng(0))
    assert again.size != picture.size
    first, second = (np.asarray(one.convert("L").resize((20, 20)), float).ravel() for one in (picture, again))
    assert np.corrcoef(first, second)[0, 1] > 0.9
