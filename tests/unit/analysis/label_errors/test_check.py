"""Planted errors come first, foreign objects fit no class, and hopeless input gives figures that say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

from shelfmind.analysis.label_errors.check import check_labels
from shelfmind.analysis.label_errors.confident_learning import NO_CLASS
from shelfmind.errors import UserError
from shelfmind.top_probabilities import TopProbabilities


def checked(data, probabilities=None, embeddings=None, counter=None):
    places = data.embeddings if embeddings is None else embeddings
    return check_labels(data.probabilities if probabilities is None else probabilities, data.held_out, lambda _: places)


def test_planted_errors_are_ranked_first_and_flagged(planted):
    check = checked(planted)
    assert average_precision_score(planted.wrong, check.score) > 0.98
    suspected = check.flagged | check.outliers
    assert suspected[planted.wrong].mean() > 0.9
    assert suspected[~planted.wrong].mean() < 0.03
    assert not (check.flagged & check.outliers).any()
    assert (check.flagged | (check.score <= 0.5) | check.outliers).all()
    assert check.checked.all()
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


def test_networks_at_chance_judge_nothing(planted):
    rng = np.random.default_rng(0)
    uniform = np.full_like(planted.probabilities, 1 / planted.probabilities.shape[1])
    lucky = rng.dirichlet(np.full(uniform.shape[1], 0.1), len(uniform)).astype(np.float32)  # certain at random
    for probabilities in (uniform, lucky):
        check = checked(planted, probabilities)
        assert not check.checked.any()
        assert not [judge for judge in check.competences if judge.trusted]
        assert not check.flagged.any()
        assert not check.outliers.any()
        assert np.isnan(check.score).all()
        assert (check.suggested == NO_CLASS).all()
        assert check.noise.wrong.sum() == 0


def test_only_the_images_of_good_folds_are_judged(planted):
    spoilt = planted.probabilities.copy()
    weak = planted.held_out.folds == 1
    spoilt[weak] = np.random.default_rng(0).permutation(spoilt[weak])
    check = checked(planted, spoilt)
    assert [judge.trusted for judge in check.competences] == [True, False, True]
    assert np.array_equal(check.checked, ~weak)
    assert np.isnan(check.score[weak]).all()
    assert np.isfinite(check.score[~weak]).all()
    assert (check.flagged | check.outliers)[planted.wrong & ~weak].mean() > 0.9
    assert not (check.flagged | check.outliers)[weak].any()
    assert set(check.ranking()[-weak.sum() :].tolist()) == set(np.flatnonzero(weak).tolist())


def test_a_run_is_measured_by_what_it_was_not_trained_on(planted):
    learnt = planted.probabilities.copy()
    unseen = np.arange(len(learnt)) % 4 == 0
    learnt[unseen] = np.random.default_rng(0).permutation(learnt[unseen])  # at chance where it counts
    held_out = replace(planted.held_out, folds=np.zeros(len(learnt), np.int64))
    assert not check_labels(learnt, held_out, lambda _: planted.embeddings, unseen=unseen).checked.any()
    assert check_labels(planted.probabilities, held_out, lambda _: planted.embeddings, unseen=unseen).checked.all()
    nothing = np.zeros(len(learnt), np.bool_)
    assert not check_labels(planted.probabilities, held_out, lambda _: planted.embeddings, unseen=nothing).checked.any()


def test_a_label_that_is_likelier_than_any_other_is_not_suspected_however_easy_its_class(plant):
    data = plant(noise=0.25, errors=8, foreign=0)
    labels, probabilities, places = data.held_out.labels, data.probabilities.copy(), data.embeddings.copy()
    unsure = np.flatnonzero(~data.wrong)[::20]
    for row in unsure:  # a little nearer to its own class than to another one
        other = (labels[row] + 1) % 8
        probabilities[row] = 0.01 / 6
        probabilities[row, labels[row]], probabilities[row, other] = 0.52, 0.47
        mean = [places[(labels == label) & ~data.wrong].mean(axis=0) for label in (labels[row], other)]
        places[row] = 0.52 * mean[0] + 0.48 * mean[1]
    check = checked(data, probabilities, places)
    assert (check.odds[unsure] < 0).all()
    assert not check.flagged[unsure].any()
    assert (check.score[unsure] <= 0.5).all()
    assert check.flagged[data.wrong].all()


def test_two_classes_are_enough(plant):
    check = checked(plant(classes=2, errors=4, foreign=0))
    assert average_precision_score(plant(classes=2, errors=4, foreign=0).wrong, check.score) > 0.9


def test_images_that_nobody_judges_are_neighbours_but_are_not_scored(planted):
    checked = len(planted.wrong) - 10
    folds = planted.held_out.folds.copy()
    folds[checked:] = -1
    held_out = replace(planted.held_out, folds=folds)
    check = check_labels(planted.probabilities[:checked], held_out, lambda _: planted.embeddings)
    assert len(check.score) == checked


def test_not_a_number_is_refused(planted):
    damaged = planted.probabilities.copy()
    damaged[5, 2] = np.nan
    with pytest.raises(UserError, match="row 5 "):
        checked(planted, damaged)


def test_the_most_probable_classes_find_what_all_probabilities_find(plant):
    data = plant(classes=30, each=12, noise=0.5, errors=20)
    whole, top = checked(data), TopProbabilities.of([data.probabilities], 30)
    fewer = replace(top, ids=top.ids[:, :8], values=top.values[:, :8])
    kept = checked(data, fewer)
    assert np.array_equal(kept.scanned.candidates, whole.scanned.candidates)
    assert kept.noise.wrong == pytest.approx(whole.noise.wrong, abs=0.05)
    assert np.array_equal(kept.flagged, whole.flagged)
    assert kept.score == pytest.approx(whole.score, abs=0.05)
