"""Copies of one photo are grouped; siblings and other photos of the same thing are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from shelfmind.analysis.measuring.measurement import Measured, measure
from shelfmind.analysis.near_duplicates import groups as module
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.progress import count_silently


def measured(contents):
    records = np.stack([measure(io.BytesIO(content), len(content), ".jpg") for content in contents])
    return Measured(np.arange(len(records)), records["facts"], records["fingerprint"], ())


def groups(contents, limits=None):
    return [group.members for group in find_duplicates(measured(contents), limits or Limits(), count_silently)]


@pytest.fixture(scope="module")
def others(make_photo, encode):
    return [encode(make_photo(seed), quality=90) for seed in range(100, 120)]


ALTERATIONS = {
    "re-encoded": lambda photo, encode: encode(photo, quality=35),
    "another format": lambda photo, encode: encode(photo, "WEBP", quality=60),
    "smaller": lambda photo, encode: encode(photo.resize((97, 79), Image.Resampling.LANCZOS)),
    "larger": lambda photo, encode: encode(photo.resize((330, 270), Image.Resampling.BICUBIC)),
    "one side cropped": lambda photo, encode: encode(photo.crop((11, 0, 220, 180))),
    "all sides cropped": lambda photo, encode: encode(photo.crop((11, 9, 209, 171))),
    "darker": lambda photo, encode: encode(ImageEnhance.Brightness(photo).enhance(0.8)),
    "brighter": lambda photo, encode: encode(ImageEnhance.Brightness(photo).enhance(1.2)),
    "all at once": lambda photo, encode: encode(
        ImageEnhance.Brightness(photo.crop((4, 8, 215, 178)).resize((150, 120))).enhance(1.15), quality=50
    ),
}


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_copy_is_found_among_other_photos(alteration, make_photo, encode, others) -> None:
    for seed in range(3):
        photo = make_photo(seed)
        contents = [encode(photo, quality=90), *others, ALTERATIONS[alteration](photo, encode)]
        assert groups(contents) == [(0, len(contents) - 1)]


def test_the_same_pixels_are_exact_whatever_the_file(make_photo, encode) -> None:
    photo = make_photo(0)
    contents = [encode(photo, "PNG"), encode(make_photo(1), "PNG"), encode(photo, "PNG", compress_level=1)]
    assert contents[0] != contents[2]
    (group,) = find_duplicates(measured(contents), Limits(), count_silently)
    assert (group.members, group.exact) == ((0, 2), True)


def test_a_group_grows_over_copies_of_copies(make_photo, encode, others) -> None:
    photo = make_photo(0)
    contents = [encode(photo, quality=95), *others[:5], encode(photo, quality=95), encode(photo, quality=40)]
    (group,) = find_duplicates(measured(contents), Limits(), count_silently)
    assert group.members == (0, 6, 7)
    assert group.differences[0] == group.differences[1] == group.differences[2] > 0
    assert group.pixels[0] == group.pixels[1] != group.pixels[2]
    assert not group.exact
    assert group.least_difference == 0


def test_two_pairs_of_identical_files_are_not_exact_if_the_pairs_differ(make_photo, encode, others) -> None:
    photo = make_photo(0)
    good, poor = encode(photo, quality=95), encode(photo, quality=40)
    (group,) = find_duplicates(measured([good, poor, *others[:5], poor, good]), Limits(), count_silently)
    assert group.members == (0, 1, 7, 8)
    assert not group.exact
    assert min(group.differences) > 0
    assert group.pixels[0] == group.pixels[3] != group.pixels[1] == group.pixels[2]


def test_the_least_difference_is_that_of_the_nearest_two(make_photo, encode) -> None:
    photo = make_photo(0)
    (group,) = find_duplicates(measured([encode(photo, quality=each) for each in (95, 40)]), Limits(), count_silently)
    assert group.least_difference == group.differences[0] == group.differences[1] > 0


def package(colour: str, flavour: str, amount: str) -> Image.Image:
    """A drawn pack, of which siblings differ in a word, a number or a colour."""
    pack = Image.new("RGB", (160, 220), (200, 198, 190))
    draw = ImageDraw.Draw(pack)
    draw.rectangle((20, 10, 140, 210), fill=(235, 235, 230))
    draw.rectangle((20, 10, 140, 70), fill=(40, 60, 140))
    draw.text((40, 20), "MOLO", fill="white", font=ImageFont.load_default(30))
    draw.rectangle((20, 120, 140, 170), fill=colour)
    draw.text((30, 130), flavour, fill="white", font=ImageFont.load_default(26))
    draw.text((60, 178), amount, fill=(30, 30, 30), font=ImageFont.load_default(24))
    return pack


def test_siblings_are_no_copies(encode) -> None:
    """The same layout, camera and light: other flavour, other amount, other colour."""
    packs = [
        package("#b03020", "cherry", "250"),
        package("#b03020", "tomato", "250"),
        package("#b03020", "cherry", "1000"),
        package("#2f7d32", "cherry", "250"),
    ]
    assert groups([encode(pack, quality=92) for pack in packs]) == []


def test_a_copy_of_a_sibling_joins_its_own_original(encode) -> None:
    packs = [package(colour, "cherry", "250") for colour in ("#b03020", "#2f7d32", "#6030a0")]
    contents = [encode(pack, quality=92) for pack in packs]
    copy = encode(packs[1].crop((4, 6, 158, 215)), quality=60)
    assert groups([*contents, copy]) == [(1, 3)]


def test_another_photo_of_the_same_thing_is_no_copy(make_photo, encode) -> None:
    scene = make_photo(0, 600, 500)
    views = [scene.crop((40 * step, 30 * step, 400 + 40 * step, 340 + 30 * step)) for step in range(5)]
    turned = scene.rotate(7, Image.Resampling.BICUBIC).crop((40, 30, 440, 370))
    assert groups([encode(view, quality=92) for view in (*views, turned)]) == []


def test_blank_images_are_copies_only_if_their_pixels_are_the_same(encode) -> None:
    blanks = [Image.new("RGB", (60, 60), (value, value, value)) for value in (250, 252, 254, 250)]
    assert groups([encode(blank, "PNG") for blank in blanks]) == [(0, 3)]


def test_nothing_and_one_image(make_photo, encode) -> None:
    assert groups([encode(make_photo(0))]) == []
    empty = measured([encode(make_photo(0))])
    none = Measured(empty.indices[:0], empty.facts[:0], empty.fingerprints[:0], ())
    assert find_duplicates(none, Limits(), count_silently) == []


def test_progress_counts_the_images_compared(make_photo, encode, others) -> None:
    told = []

    def counter(what, total):
        told.append(total)
        return told.append

    find_duplicates(measured([*others, others[0]]), Limits(), counter)
    assert told[0] == sum(told[1:]) == 20


@pytest.fixture(scope="module")
def mixture(make_photo, encode):
    """Five photos with one to three copies each, and their truth."""
    contents, truth = [], []
    for seed, copies in enumerate((1, 2, 3, 1, 2)):
        photo = make_photo(seed)
        for number in range(copies):
            contents.append(encode(photo.crop((3 * number, 2 * number, 220, 180)), quality=90 - 15 * number))
            truth.append(seed)
    return measured(contents), np.array(truth)


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(9)), at_once=st.integers(1, 5))
def test_the_order_of_the_images_and_the_size_of_a_batch_change_nothing(order, at_once, mixture) -> None:
    whole, truth = mixture
    places = np.array(order)
    shuffled = Measured(np.arange(9), whole.facts[places], whole.fingerprints[places], ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAIRS_PER_TASK", at_once)
        patch.setattr(module, "_FINGERPRINTS_PER_CHUNK", at_once)
        found = find_duplicates(shuffled, Limits(), count_silently)
    named = {frozenset(places[list(group.members)].tolist()) for group in found}
    assert named == {frozenset(np.flatnonzero(truth == seed).tolist()) for seed in (1, 2, 4)}
