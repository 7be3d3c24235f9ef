"""Every measure of an audit gives a number of any image, and its rule, if it has one, can be told to people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.image_audit.quality import RULES, flag_quality
from shelfmind.analysis.measuring.measurement import FACTS
from shelfmind.analysis.measuring.measures import MEASURES, ImageFeatures
from shelfmind.analysis.measuring.oddities import ODDITIES, bit_of, code_of, found_in
from shelfmind.images.decoding import Stored

SIZES = [(1, 1), (1, 700), (700, 1), (3, 2), (64, 48), (500, 300)]


@pytest.fixture(params=sorted(MEASURES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_a_number_of_any_image_and_the_same_again(name: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size)
    noise = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    for pixels in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        image = Image.fromarray(pixels)
        found = [MEASURES[name].of(ImageFeatures(image)) for _ in range(2)]
        assert found[0] == found[1]
        assert math.isfinite(found[0])
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_it_is_kept_of_every_image(name: str) -> None:
    assert FACTS[name] == np.float32


def test_its_rule_has_its_bounds_in_order_and_says_what_is_wrong(name: str) -> None:
    rule = MEASURES[name].rule
    if rule is None:
        return
    assert rule.sign in (-1, 1)
    assert rule.sign * rule.never < rule.sign * rule.always
    assert rule.excess > 0
    assert all((rule.issue, rule.words, rule.title, rule.note))
    assert rule.issue.isidentifier()


def test_its_rule_flags_what_lies_beyond_its_bound_and_nothing_within(name: str) -> None:
    rule = MEASURES[name].rule
    if rule is None:
        return
    facts = np.zeros(20, FACTS)
    facts[name] = rule.never - 0.01 * rule.sign
    facts[name][7] = rule.always + 0.01 * rule.sign
    flagged = flag_quality(facts, np.zeros(20, np.int64), {name: rule})[rule.issue]
    assert flagged.images.tolist() == [7]
    assert 0.5 <= float(flagged.scores[0]) <= 1


def test_no_two_rules_name_one_issue() -> None:
    assert len({rule.issue for rule in RULES.values()}) == len(RULES) > 3


def test_oddities_come_back_as_they_were_kept() -> None:
    assert len(ODDITIES) <= 8
    plain = Stored("JPEG", "RGB", 10, 10, 1, False, False)
    odd = Stored("GIF", "I;16", 10, 10, 6, True, True)
    assert code_of(plain, ".jpg") == 0
    codes = np.array([code_of(plain, ".jpg"), code_of(odd, ".png"), *(bit_of(each) for each in ODDITIES)], np.uint8)
    for place, (each, found) in enumerate(found_in(codes).items()):
        assert each in ODDITIES
        assert found.tolist() == [False, each != "unusual colours", *(place == other for other in range(len(ODDITIES)))]
