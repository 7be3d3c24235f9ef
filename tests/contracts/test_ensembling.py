"""Every ensembling rule of the table makes one opinion of several that is fair to its members."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shelfmind.evaluation.ensemble import ENSEMBLING, EnsemblingRule, average_predictions
from shelfmind.records import Predictions

IMAGES, CLASSES = 200, 5


@pytest.fixture(params=sorted(ENSEMBLING))
def rule(request: pytest.FixtureRequest) -> EnsemblingRule:
    return ENSEMBLING[request.param]


@pytest.fixture
def members() -> list[Predictions]:
    """Three members that are right about 80%, 60% and 20% of the time, of the same images."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, CLASSES, IMAGES)

    def member(skill: float) -> Predictions:
        scores = rng.exponential(size=(IMAGES, CLASSES))
        scores[np.arange(IMAGES), labels] += np.where(rng.random(IMAGES) < skill, 5.0, 0.0)
        return Predictions(
            paths=tuple(f"{place}.jpg" for place in range(IMAGES)),
            labels=labels,
            probabilities=(scores / scores.sum(1, keepdims=True)).astype(np.float32),
            embeddings=rng.normal(size=(IMAGES, 4)).astype(np.float32),
            class_names=tuple("abcde"),
        )

    return [member(0.75), member(0.5), member(0.0)]


def weights_of(rule: EnsemblingRule, members: list[Predictions]) -> np.ndarray:
    return np.full(len(members), 1 / len(members)) if rule.weigh is None else rule.weigh(members)


def test_weights_are_shares(rule: EnsemblingRule, members: list[Predictions]) -> None:
    weights = weights_of(rule, members)
    assert weights.shape == (3,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


def test_what_comes_out_are_probabilities(rule: EnsemblingRule, members: list[Predictions]) -> None:
    members = [*members, replace(members[0], probabilities=np.eye(CLASSES, dtype=np.float32)[members[0].labels])]
    before = [member.probabilities.copy() for member in members]
    together = average_predictions(members, weights_of(rule, members), rule.pool).probabilities
    assert together.dtype == np.float32
    assert together.shape == (IMAGES, CLASSES)
    assert (together >= 0).all()
    np.testing.assert_allclose(together.sum(1), 1, rtol=1e-5)
    for member, unchanged in zip(members, before, strict=True):
        np.testing.assert_array_equal(member.probabilities, unchanged)


def test_one_opinion_however_often_keeps_its_guesses(rule: EnsemblingRule, members: list[Predictions]) -> None:
    for several in (members[:1], [members[0]] * 3):
        together = average_predictions(several, weights_of(rule, several), rule.pool)
        np.testing.assert_array_equal(together.probabilities.argmax(1), members[0].probabilities.argmax(1))


def test_neither_the_order_of_members_nor_that_of_classes_matters(
    rule: EnsemblingRule, members: list[Predictions]
) -> None:
    weights = weights_of(rule, members)
    together = average_predictions(members, weights, rule.pool).probabilities
    np.testing.assert_allclose(weights_of(rule, members[::-1]), weights[::-1], atol=1e-3)
    np.testing.assert_allclose(
        average_predictions(members[::-1], weights[::-1], rule.pool).probabilities, together, rtol=1e-4
    )
    turned = [replace(each, probabilities=each.probabilities[:, ::-1]) for each in members]
    np.testing.assert_allclose(
        average_predictions(turned, weights, rule.pool).probabilities[:, ::-1], together, rtol=1e-4
    )


def test_what_all_agree_on_is_what_comes_out(rule: EnsemblingRule, members: list[Predictions]) -> None:
    guesses = np.stack([member.probabilities.argmax(1) for member in members])
    agreed = (guesses == guesses[0]).all(0)
    together = average_predictions(members, weights_of(rule, members), rule.pool).probabilities.argmax(1)
    assert 0 < agreed.sum() < IMAGES
    np.testing.assert_array_equal(together[agreed], guesses[0][agreed])
