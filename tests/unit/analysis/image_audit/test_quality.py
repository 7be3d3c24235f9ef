"""An image is flagged for what it is beside its own class, within fixed bounds."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.analysis.image_audit.quality import RULES, above_class_median, flag_quality
from shelfmind.analysis.measuring.measurement import FACTS
from shelfmind.analysis.measuring.measures import Rule

RULE = Rule("it", 1, never=0.01, always=0.5, excess=0.05, words="glare")


def flagged(values, labels, rule=RULE, measure="glare"):
    facts = np.zeros(len(values), FACTS)
    facts[measure] = values
    return flag_quality(facts, np.array(labels), {measure: rule})["it"]


def test_white_packs_are_no_glare_but_a_burnt_one_of_another_class_is() -> None:
    white_packs, dark_packs = [0.20, 0.22, 0.21, 0.19, 0.2, 0.2], [0.0, 0.0, 0.0, 0.0, 0.0, 0.2]
    found = flagged(white_packs + dark_packs, [0] * 6 + [1] * 6)
    assert found.images.tolist() == [11]
    assert found.values.tolist() == pytest.approx([0.2])


def test_beyond_the_last_bound_a_whole_class_is_flagged_worst_first() -> None:
    found = flagged([0.6, 0.8, 0.7, 0.6, 0.65], [0] * 5)
    assert found.images.tolist() == [1, 2, 4, 0, 3]
    assert found.scores.tolist() == [1.0] * 5


def test_within_the_first_bound_nothing_is_flagged() -> None:
    assert flagged([0.0] * 9 + [0.009], [0] * 10).images.tolist() == []


def test_small_values_can_be_the_bad_ones() -> None:
    rule = Rule("it", -1, never=100, always=40, excess=30, words="dark")
    found = flagged([200, 190, 210, 95, 30, 180, 200], [0] * 7, rule, "brightness")
    assert found.images.tolist() == [4, 3]
    assert found.scores[0] == 1.0
    assert found.scores[1] == pytest.approx(0.5 + 0.5 * 5 / 60)


def test_a_class_that_varies_much_must_be_left_by_more() -> None:
    rng = np.random.default_rng(0)
    values = np.abs(rng.normal(0.15, 0.05, 200))
    values[0] = 0.25
    assert 0 not in flagged(values, [0] * 200).images
    values[0] = 0.45
    assert flagged(values, [0] * 200).images[0] == 0


def test_small_classes_are_compared_with_everything() -> None:
    apart = above_class_median(np.array([1, 1, 1, 1, 1, 9, 9], np.float32), np.array([0, 0, 0, 0, 0, 1, 1]))
    assert apart.tolist() == [0, 0, 0, 0, 0, 8, 8]


def test_every_rule_speaks_of_a_measure_and_has_its_bounds_in_order() -> None:
    for measure, rule in RULES.items():
        assert measure in FACTS.names
        assert rule.sign * rule.never < rule.sign * rule.always
        assert rule.excess > 0


def test_no_images_no_flags() -> None:
    assert flagged([], []).images.tolist() == []
