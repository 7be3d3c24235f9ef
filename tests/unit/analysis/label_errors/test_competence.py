"""A network judges only if it beats guessing beyond chance; a constant answer and a lucky one do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from shelfmind.analysis.competence import Competence, competence, competence_warning, trusted_folds


def checked(labels: list[int], right: int, classes: int = 6) -> Competence:
    return competence(0, np.array(labels), np.arange(len(labels)) < right, classes)


@pytest.mark.parametrize(("right", "images"), [(0, 18), (3, 18), (7, 18), (18, 18), (400, 2000)])
def test_the_lower_end_is_clopper_and_pearsons(right: int, images: int) -> None:
    found = checked([place % 6 for place in range(images)], right)
    assert found.at_least == pytest.approx(binomtest(right, images).proportion_ci(method="exact").low)


def test_folds_at_chance_are_not_trusted() -> None:
    labels = [place % 6 for place in range(18)]
    assert not checked(labels, 1).trusted  # 5.6%
    assert not checked(labels, 3).trusted  # 16.7%
    assert not checked(labels, 6).trusted
    assert checked(labels, 9).trusted


def test_a_constant_answer_is_never_trusted_on_unbalanced_data() -> None:
    labels = np.array([0] * 900 + [1] * 60 + [2] * 40)
    constant = competence(0, labels, labels == 0, 3)
    assert constant.guessing == 0.9
    assert not constant.trusted
    assert competence(0, labels, np.arange(1000) < 950, 3).trusted


def test_too_few_images_prove_nothing() -> None:
    assert not checked([0, 1], 2, classes=2).trusted
    assert not checked([], 0).trusted
    assert checked([0, 1] * 4, 8, classes=2).trusted


def test_chance_passes_about_one_time_in_forty_at_most() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 6
    passed = [competence(0, labels, rng.integers(0, 6, 60) == labels, 6).trusted for _ in range(1000)]
    assert np.mean(passed) <= 0.04


def test_the_doubt_names_how_good_they_are_and_what_to_do() -> None:
    good = Competence(0, 60, 50, 0.7, 0.2)
    weak = Competence(1, 60, 9, 0.07, 0.2)
    assert trusted_folds([good, weak]) == [0]
    assert competence_warning([good, good], 0) is None
    some, none, one = (
        competence_warning([good, weak], 60),
        competence_warning([weak, weak], 120),
        competence_warning([weak], 60),
    )
    assert str(some).startswith("1 of 2 networks does not clearly beat guessing")
    assert "so 60 labels are not checked" in str(some)
    assert str(none).startswith("none of 2 networks clearly beats guessing")
    assert "9 of 60 right" in str(none)
    assert "no labels are checked" in str(one)
    assert "Train longer" in str(one)
    tiny = competence_warning([Competence(0, 5, 5, 0.478, 0.6)], 5)
    assert "it gets 5 of 5 right" in str(tiny)
    assert "even if every prediction were right. Add photos" in str(tiny)
    unmeasured = Competence(0, 0, 0, 0.0, 0.2)
    assert "no such images" in str(competence_warning([unmeasured], 60))
    assert "Use networks that were not trained on these images" in str(competence_warning([unmeasured], 60))
    assert "9 of 60 right" in str(competence_warning([unmeasured, Competence(1, 60, 9, 0.0, 0.2)], 120))
