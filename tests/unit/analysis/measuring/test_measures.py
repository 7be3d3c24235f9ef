"""Each measure grows with what it measures and is not fooled by what looks like it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from shelfmind.analysis.measuring.measures import (
    blur_effect,
    edge_share,
    entropy_bits,
    glare_share,
    measure_quality,
    whiteness,
    working_grey,
)


def blur_of(image):
    return measure_quality(image)["blur"]


def test_blur_grows_with_a_gaussian(make_photo) -> None:
    for seed in range(3):
        photo = make_photo(seed)
        blurs = [blur_of(photo.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 4, 8)]
        assert blurs == sorted(blurs)
        assert blurs[-1] - blurs[0] > 0.25


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_in_one_direction_is_blur(axis, make_photo) -> None:
    pixels = np.asarray(make_photo(0), np.float32)
    moved = np.mean([np.roll(pixels, step, axis) for step in range(12)], axis=0)
    assert blur_of(Image.fromarray(moved.astype(np.uint8))) > blur_of(make_photo(0)) + 0.15


def test_noise_does_not_hide_blur(make_photo) -> None:
    rng = np.random.default_rng(0)
    blurred = np.asarray(make_photo(0).filter(ImageFilter.GaussianBlur(4)), np.float32)
    noisy = Image.fromarray((blurred + rng.normal(0, 4, blurred.shape)).clip(0, 255).astype(np.uint8))
    assert blur_of(noisy) > blur_of(make_photo(0)) + 0.1


def test_a_larger_photo_of_the_same_is_as_sharp(make_photo) -> None:
    photo = make_photo(0, 480, 400)
    smaller = photo.resize((240, 200), Image.Resampling.BICUBIC)
    assert blur_of(photo) == pytest.approx(blur_of(smaller), abs=0.03)


def test_a_flat_image_is_fully_blurred() -> None:
    assert blur_effect(np.full((50, 50), 90, np.float32)) == 1.0


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (3000, 1), (2, 2), (5, 4)])
def test_any_size_can_be_measured(size) -> None:
    found = measure_quality(Image.new("RGB", size, (10, 200, 30)))
    assert found["blur"] == 1.0
    assert [found[name] for name in ("glare", "clipped", "entropy", "edges", "contrast")] == [0] * 5


def spotted(photo: Image.Image, strength: float = 1.6, wide: float = 0.3) -> Image.Image:
    """The photo with a reflection in its middle that fades out."""
    pixels = np.asarray(photo, np.float32)
    down, across = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    spot = np.clip(strength * np.exp(-(down**2 + across**2) / wide**2), 0, 1)[..., None]
    return Image.fromarray((pixels + (255 - pixels) * spot).astype(np.uint8))


def test_glare_is_a_spot_that_fades(make_photo) -> None:
    plain, shiny, shinier = make_photo(1), spotted(make_photo(1)), spotted(make_photo(1), wide=0.5)
    assert measure_quality(plain)["glare"] == 0
    assert 0.01 < measure_quality(shiny)["glare"] < measure_quality(shinier)["glare"]


def test_white_print_is_no_glare(make_photo) -> None:
    photo = make_photo(1)
    draw = ImageDraw.Draw(photo)
    draw.rectangle((60, 40, 150, 130), fill="white")  # a label with sharp borders
    assert measure_quality(photo)["clipped"] > 0.15
    assert measure_quality(photo)["glare"] == 0


def test_white_with_letters_in_it_is_no_glare(make_photo) -> None:
    shiny = spotted(make_photo(1), strength=4.0, wide=0.5)
    draw = ImageDraw.Draw(shiny)
    draw.rectangle((95, 80, 125, 100), fill="black")
    assert glare_share(whiteness(shiny)) == 0


def test_a_bright_background_is_no_glare(make_photo) -> None:
    photo = make_photo(1)
    photo.paste((255, 255, 255), (0, 0, 220, 60))
    assert measure_quality(photo)["glare"] == 0


def test_specks_are_no_glare() -> None:
    white = np.full((96, 96), 180, np.uint8)
    white[10:13, 10:13] = 255
    assert glare_share(white) == 0
    white[40:60, 40:60] = 255
    assert glare_share(white) == 400 / 96**2


def test_brightness_and_contrast_of_known_images() -> None:
    half = np.zeros((100, 100, 3), np.uint8)
    half[:, 50:] = 200
    found = measure_quality(Image.fromarray(half))
    assert [found[name] for name in ("luma", "contrast", "brightness", "entropy")] == [100, 100, 200, 1]
    assert found["edges"] == pytest.approx(4 / 98)  # the step is seen over two pixels, after a blur over three


def test_entropy_of_known_histograms() -> None:
    assert entropy_bits(np.full(256, 1 / 256)) == pytest.approx(8)
    assert entropy_bits(np.array([0.5, 0.25, 0.25, 0])) == pytest.approx(1.5)
    assert entropy_bits(np.array([1.0, 0.0])) == 0


def test_edges_of_known_patterns() -> None:
    stripes = np.tile(np.array([0, 0, 255, 255], np.float32), (20, 10))
    assert edge_share(stripes) == 1.0
    assert edge_share(np.tile(np.linspace(0, 100, 50, dtype=np.float32), (20, 1))) == 0.0
    assert edge_share(np.zeros((2, 9), np.float32)) == 0.0


def test_the_working_image_keeps_its_proportions_and_never_grows() -> None:
    assert working_grey(Image.new("RGB", (100, 50))).shape == (50, 100)
    tall = working_grey(Image.new("RGB", (500, 2000))).shape
    assert tall == (448, 112)
