"""What an alignment finds is what was done to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from shelfmind.analysis.near_duplicates.alignment import Difference, closer_fit, difference, rough_fit
from shelfmind.analysis.near_duplicates.groups import Limits, same_photo
from shelfmind.images.fingerprints import FINGERPRINT, SIDE, descriptors, fingerprint


def prints(*images):
    return np.array([fingerprint(image) for image in images], FINGERPRINT)


def compared(one, two):
    return fitted(prints(one), prints(two))


def fitted(first, second):
    start, forecast = rough_fit(first, second)
    start, closer = closer_fit(first, second, start)
    return difference(first, second, start), np.maximum(forecast, closer)


def test_the_same_picture_leaves_nothing(make_photo) -> None:
    found, forecast = compared(make_photo(0), make_photo(0))
    assert found.whole[0] < 0.005
    assert found.local[0] < 0.01
    assert found.moved[0] < 0.001
    assert found.gain[0] == pytest.approx(1, abs=0.01)
    assert forecast[0] < 0.01


@pytest.mark.parametrize("shares", [(0.05, 0, 0, 0), (0, 0.05, 0.05, 0), (0.05, 0.05, 0.05, 0.05), (0, 0, 0.02, 0.04)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_crop_is_laid_back(shares, backwards, make_photo) -> None:
    photo = make_photo(3, 400, 400)
    left, top, right, bottom = (round(400 * share) for share in shares)
    crop = photo.crop((left, top, 400 - right, 400 - bottom))
    found, _ = compared(crop, photo) if backwards else compared(photo, crop)
    assert found.whole[0] < 0.08
    assert found.moved[0] == pytest.approx(max(shares), abs=0.015)
    assert same_photo(found, Limits()).all()


@pytest.mark.parametrize("factor", [0.7, 0.8, 1.2])
def test_brightness_is_a_gain(factor, make_photo) -> None:
    dim = ImageEnhance.Brightness(make_photo(1)).enhance(0.7)
    found, _ = compared(dim, ImageEnhance.Brightness(dim).enhance(factor))
    assert found.gain[0] == pytest.approx(factor, abs=0.02)
    assert found.whole[0] < 0.03


def test_what_was_burnt_by_brightness_is_no_difference(make_photo) -> None:
    photo = make_photo(2)
    draw = ImageDraw.Draw(photo)
    draw.rectangle((30, 30, 110, 110), fill=(225, 225, 225))
    draw.text((60, 60), "500", fill=(60, 60, 60))
    found, _ = compared(photo, ImageEnhance.Brightness(photo).enhance(1.2))
    assert same_photo(found, Limits()).all()


def test_a_changed_place_is_a_local_difference(make_photo) -> None:
    """A sibling: the same pack with another patch of print."""
    photo = make_photo(4)
    sibling = photo.copy()
    ImageDraw.Draw(sibling).rectangle((80, 70, 120, 100), fill=(250, 250, 250))
    ImageDraw.Draw(photo).rectangle((80, 70, 120, 100), fill=(20, 20, 20))
    found, _ = compared(photo, sibling)
    assert found.local[0] > Limits().local
    assert found.local[0] > 2 * found.whole[0]
    assert not same_photo(found, Limits()).any()


def test_another_colour_of_the_same_brightness_is_a_difference(make_photo) -> None:
    photo = make_photo(5)
    sibling = photo.copy()
    ImageDraw.Draw(photo).rectangle((60, 50, 150, 130), fill=(200, 40, 40))
    ImageDraw.Draw(sibling).rectangle((60, 50, 150, 130), fill=(40, 105, 80))  # the same luma, 87
    found, _ = compared(photo, sibling)
    assert found.whole[0] < Limits().whole
    assert found.colour[0] > 2 * Limits().colour
    assert not same_photo(found, Limits()).any()


@pytest.mark.parametrize("degrees", [-1.5, 1.0])
def test_a_turn_betrays_a_second_shot(degrees, make_photo) -> None:
    photo = make_photo(6, 400, 400)
    inside = (12, 12, 388, 388)
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC).crop(inside)
    found, _ = compared(photo.crop(inside), turned)
    assert found.turned[0] == pytest.approx(np.radians(abs(degrees)) * SIDE / 2, rel=0.3)
    assert not same_photo(found, Limits()).any()
    copy, _ = compared(photo.crop(inside), photo.crop((16, 10, 388, 380)))
    assert copy.turned[0] < 0.5 * Limits().turned
    assert same_photo(copy, Limits()).all()


def test_light_that_changes_across_the_picture_betrays_a_second_shot(make_photo) -> None:
    photo = ImageEnhance.Brightness(make_photo(6, 400, 400)).enhance(0.7)
    light = np.linspace(0.8, 1.2, 400)[None, :, None]
    other = Image.fromarray(np.clip(np.asarray(photo) * light, 0, 255).astype(np.uint8))
    found, _ = compared(photo, other)
    even, _ = compared(photo, ImageEnhance.Brightness(photo).enhance(1.2))
    assert found.shaped[0] > Limits().shaped > 2 * even.shaped[0]
    assert found.turned[0] < Limits().turned


def test_a_colour_cast_is_a_tint(make_photo) -> None:
    photo = ImageEnhance.Brightness(make_photo(6)).enhance(0.7)
    warm = Image.fromarray(np.clip(np.asarray(photo) * [1.15, 1.0, 0.85], 0, 255).astype(np.uint8))
    found, _ = compared(photo, warm)
    relit, _ = compared(photo, ImageEnhance.Brightness(photo).enhance(1.15))
    assert found.tint[0] > Limits().tint > 3 * relit.tint[0]


def test_many_pairs_at_once_are_as_one_by_one(make_photo) -> None:
    photos = [make_photo(seed) for seed in range(6)]
    others = [make_photo(seed).crop((5, 5, 215, 172)) for seed in (0, 1, 2, 9, 10, 11)]
    first, second = prints(*photos), prints(*others)
    together, forecast = fitted(first, second)
    for place in range(6):
        found, alone = compared(photos[place], others[place])
        assert found.whole[0] == pytest.approx(together.whole[place], abs=2e-3)
        assert alone[0] == pytest.approx(forecast[place], abs=2e-3)
    assert same_photo(together, Limits()).tolist() == [True] * 3 + [False] * 3


def test_flat_and_extreme_pictures_end_in_finite_figures() -> None:
    images = [Image.new("RGB", (40, 40), colour) for colour in ("black", "white", "red")]
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB")
    for one in (*images, checks):
        for two in (*images, checks):
            found, forecast = compared(one, two)
            for values in (*(getattr(found, name) for name in Difference.__slots__), forecast):
                assert np.isfinite(values).all()


def test_descriptors_of_copies_are_close_and_of_others_are_not(make_photo) -> None:
    photo = make_photo(7, 400, 300)
    copies = [photo.resize((133, 100)), ImageEnhance.Brightness(photo).enhance(0.8), photo.crop((8, 6, 392, 294))]
    others = [make_photo(seed) for seed in range(20, 60)]
    vectors = descriptors(prints(photo, *copies, *others), 0.0)
    distances = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
    assert distances[:3].max() < Limits().radius < distances[3:].min()


def test_the_cropped_view_of_a_picture_is_that_of_its_crop(make_photo) -> None:
    photo = make_photo(8, 500, 500)
    crop = photo.crop((15, 15, 485, 485))
    inner, whole, cropped = (
        descriptors(prints(photo), 0.03),
        descriptors(prints(photo), 0.0),
        descriptors(prints(crop), 0.0),
    )
    assert np.linalg.norm(inner - cropped) < 0.5 * np.linalg.norm(whole - cropped)
    assert prints(crop)["luma"].shape == (1, SIDE, SIDE)
