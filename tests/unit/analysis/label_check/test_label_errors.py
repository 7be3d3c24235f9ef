"""Planted errors come first, foreign objects fit no class, and hopeless input gives figures that say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

from shelfmind.analysis.confident_learning import NO_CLASS
from shelfmind.analysis.label_errors import check_labels
from shelfmind.errors import UserError


def checked(data, probabilities=None, embeddings=None, counter=None):
    places = data.embeddings if embeddings is None else embeddings
    return check_labels(data.probabilities if probabilities is None else probabilities, data.held_out, lambda _: places)


def test_planted_errors_are_ranked_first_and_flagged(planted):
    check = checked(planted)
    assert average_precision_score(planted.wrong, check.score) > 0.98
    assert check.flagged[planted.wrong].mean() > 0.9
    assert check.flagged[~planted.wrong].mean() < 0.02
    assert check.ranking()[0] == check.score.argmax()


def test_the_true_class_is_suggested_and_none_for_foreign_objects(planted):
    check = checked(planted)
    foreign = planted.true == NO_CLASS
    swapped = planted.wrong & ~foreign
    assert (check.suggested[swapped] == planted.true[swapped]).mean() > 0.9
    assert (check.suggested[foreign] == NO_CLASS).all()
    assert (check.outlier[~planted.wrong] < 4).mean() > 0.98


@pytest.mark.parametrize("noise", [0.5, 0.8, 1.1])
def test_neighbours_that_know_no_more_than_the_network_do_no_harm(plant, noise):
    data = plant(noise=noise, errors=20)  # the made-up network knows the true classes' very distributions
    theirs = 1 - get_label_quality_scores(data.held_out.labels, data.probabilities, method="self_confidence")
    ours = checked(data).score
    assert average_precision_score(data.wrong, ours) > average_precision_score(data.wrong, theirs) - 0.01


def test_neighbours_make_up_for_a_network_that_has_learnt_little(plant):
    data = plant(noise=0.5, errors=20)
    labels = data.held_out.labels
    rng = np.random.default_rng(0)
    blurred = np.exp(np.log(data.probabilities) * 0.15 + rng.normal(size=data.probabilities.shape))
    blurred /= blurred.sum(axis=1, keepdims=True)
    theirs = 1 - get_label_quality_scores(labels, blurred, method="self_confidence")
    check = checked(data, blurred.astype(np.float32))
    assert average_precision_score(data.wrong, theirs) < 0.75
    assert average_precision_score(data.wrong, check.score) > 0.95
    assert check.scales[1] > 0


def test_each_image_is_compared_in_the_eyes_of_its_own_folds_network(planted):
    asked = []

    def embeddings(fold):
        asked.append(fold)
        return planted.embeddings if fold != 1 else np.zeros_like(planted.embeddings)

    check = check_labels(planted.probabilities, planted.held_out, embeddings)
    assert asked == [0, 1, 2]
    blind = planted.held_out.folds == 1
    whole = checked(planted)
    assert np.array_equal(check.nearness[~blind], whole.nearness[~blind])
    assert (check.nearness[blind] == 0).all()


def test_scores_are_finite_and_in_range_without_any_neighbour(plant):
    data = plant(classes=24, each=1, errors=0, foreign=0)
    check = checked(data)
    assert np.isnan(check.outlier).sum() == 0  # other classes can be compared with, the own cannot
    assert np.isfinite(check.score).all()
    assert ((check.score >= 0) & (check.score <= 1)).all()


def test_uniform_probabilities_and_equal_embeddings_flag_nothing(planted):
    uniform = np.full_like(planted.probabilities, 1 / planted.probabilities.shape[1])
    check = checked(planted, uniform, np.ones_like(planted.embeddings))
    assert not check.flagged.any()
    assert np.ptp(check.score) < 1e-6
    assert check.odds == pytest.approx(np.zeros(len(check.odds)), abs=1e-6)


def test_two_classes_are_enough(plant):
    check = checked(plant(classes=2, errors=4, foreign=0))
    assert average_precision_score(plant(classes=2, errors=4, foreign=0).wrong, check.score) > 0.9


def test_images_that_nobody_judges_are_neighbours_but_are_not_scored(planted):
    judged = len(planted.wrong) - 10
    folds = planted.held_out.folds.copy()
    folds[judged:] = -1
    held_out = replace(planted.held_out, folds=folds)
    check = check_labels(planted.probabilities[:judged], held_out, lambda _: planted.embeddings)
    assert len(check.score) == judged


def test_not_a_number_is_refused(planted):
    damaged = planted.probabilities.copy()
    damaged[5, 2] = np.nan
    with pytest.raises(UserError, match="row 5 "):
        checked(planted, damaged)
