"""Ensembles: weights that make the labels most likely, and what each member adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation.ensemble import average_predictions, contributions, fit_weights
from shelfmind.records import Predictions

Maker = Callable[..., Predictions]


@pytest.fixture
def members(random_predictions: Maker) -> list[Predictions]:
    """A good member, another good one that errs elsewhere, and chance; on the same images."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 500)

    def member(skill: float) -> Predictions:
        scores = rng.exponential(size=(500, 6))
        scores[np.arange(500), labels] += np.where(rng.random(500) < skill, 5.0, 0.0)
        plain = random_predictions(500, 6, 0)
        return replace(plain, labels=labels, probabilities=(scores / scores.sum(1, keepdims=True)).astype(np.float32))

    return [member(0.8), member(0.8), member(0.0)]


def likelihood(members: list[Predictions], weights: np.ndarray) -> float:
    mixture = average_predictions(members, weights)
    return float(np.log(mixture.probabilities[np.arange(500), mixture.labels]).mean())


def test_weights_are_the_most_likely_ones(members: list[Predictions]) -> None:
    weights = fit_weights(members)
    assert weights.sum() == pytest.approx(1)
    assert weights[2] < 0.05
    best = likelihood(members, weights)
    for other in np.random.default_rng(1).dirichlet(np.ones(3), 200):
        assert likelihood(members, other) <= best + 1e-6


def test_a_mixture_is_the_weighted_mean(members: list[Predictions]) -> None:
    mixture = average_predictions(members, [2.0, 1.0, 1.0])
    expected = sum(w * member.probabilities for w, member in zip((0.5, 0.25, 0.25), members, strict=True))
    np.testing.assert_allclose(mixture.probabilities, expected, rtol=1e-5)
    assert mixture.embeddings.shape == (500, 3)


def test_embeddings_side_by_side_add_their_cosines(members: list[Predictions]) -> None:
    rng = np.random.default_rng(2)
    first, second = (replace(members[0], embeddings=rng.normal(size=(500, 4)).astype(np.float32)) for _ in range(2))
    joined = average_predictions([first, second], [0.75, 0.25]).embeddings

    def cosines(embeddings: np.ndarray) -> np.ndarray:
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return np.asarray(unit @ unit.T)

    expected = 0.75 * cosines(first.embeddings) + 0.25 * cosines(second.embeddings)
    np.testing.assert_allclose(cosines(joined), expected, atol=1e-5)


def test_contributions(members: list[Predictions]) -> None:
    good, other, chance = contributions("abc", members, np.array([0.4, 0.4, 0.2]))
    assert good.added > 0.02
    assert good.added_ci95.low > 0
    assert other.added > 0.02
    assert chance.added_ci95.low <= 0
    assert chance.alone < 0.4 < good.alone
    (single,) = contributions("a", members[:1], np.ones(1))
    assert single.added == pytest.approx(single.alone)


def test_strangers_are_refused(members: list[Predictions]) -> None:
    with pytest.raises(UserError, match="the same images in the same order"):
        average_predictions([members[0], replace(members[1], paths=members[1].paths[::-1])], [1, 1])
    with pytest.raises(UserError, match="classes of another member"):
        average_predictions([members[0], replace(members[1], class_names=tuple("uvwxyz"))], [1, 1])
