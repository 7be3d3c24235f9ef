"""A likelihood ratio that tells one product from two, and groups of photos that come out of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from shelfmind.analysis.same_product import SameProduct, Sets, best_threshold, group_photos
from shelfmind.evaluation.clustering import agreement
from shelfmind.evaluation.matrix_rows import unit_rows

WIDTH = 24


def photos(products: int, each: int, seed: int, spread: float = 1.0):
    """Vectors of photos: products differ along half of the axes, photos of one along the others, much more strongly."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(products), each)
    values = np.zeros((len(labels), WIDTH))
    values[:, : WIDTH // 2] = random.normal(size=(products, WIDTH // 2))[labels]
    values[:, : WIDTH // 2] += 0.25 * spread * random.normal(size=(len(labels), WIDTH // 2))
    values[:, WIDTH // 2 :] = 3 * spread * random.normal(size=(len(labels), WIDTH // 2))
    return unit_rows(values), labels


@pytest.fixture(scope="module")
def model():
    found = SameProduct.fit(*photos(30, 8, seed=0))
    assert found is not None
    return found


def test_groups_of_products_never_seen_are_found_where_cosines_mislead(model):
    vectors, labels = photos(15, 9, seed=1)
    found = agreement(group_photos(model, model.coordinates(vectors)), labels)
    assert found.accuracy > 0.7
    assert abs(found.groups - 15) <= 3
    nearest = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert (labels[nearest.argmax(1)] == labels).mean() < 0.6  # what a photo is most like says little of its product


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (7, 1)])
def test_a_ratio_is_that_of_gaussian_likelihoods(model, sizes):
    vectors, _ = photos(2, 7, seed=2)
    one, two = model.coordinates(vectors)[: sizes[0]], model.coordinates(vectors)[7 : 7 + sizes[1]]

    def noise(values):
        return 0.8 / len(values) + 0.2

    expected = 0.0
    for axis, between in enumerate(model.between):
        means = np.array([one[:, axis].mean(), two[:, axis].mean()], float)
        alone = np.diag([between + noise(one), between + noise(two)])
        together = alone + between * (1 - np.eye(2))
        expected += multivariate_normal(cov=together).logpdf(means) - multivariate_normal(cov=alone).logpdf(means)
    sets = [Sets(each.sum(0, keepdims=True), np.array([len(each)])) for each in (one, two)]
    assert model.ratios(*sets)[0, 0] == pytest.approx(expected, abs=1e-2)


def test_ratios_of_sets_of_many_sizes_lie_where_they_belong(model):
    coordinates = model.coordinates(photos(3, 6, seed=3)[0])
    sets = Sets(np.stack([coordinates[:n].sum(0) for n in (3, 1, 3, 2)]), np.array([3, 1, 3, 2]))
    others = Sets(np.stack([coordinates[6 : 6 + n].sum(0) for n in (1, 4, 1)]), np.array([1, 4, 1]))
    whole = model.ratios(sets, others)
    single = [[model.ratios(sets.of([i]), others.of([j]))[0, 0] for j in range(3)] for i in range(4)]
    np.testing.assert_allclose(whole, single, atol=1e-3)


def test_the_same_photo_many_times_is_one_group(model):
    vectors = np.repeat(photos(4, 1, seed=4)[0], 40, axis=0)
    assert np.bincount(group_photos(model, model.coordinates(vectors))).tolist() == [40, 40, 40, 40]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_photos_have_groups_too(model, count):
    vectors = photos(2, 1, seed=5)[0][:count]
    assert len(group_photos(model, model.coordinates(vectors))) == count


def test_without_products_it_is_guessed_from_neighbours():
    random = np.random.default_rng(6)
    labels = np.repeat(np.arange(8), 20)
    vectors = unit_rows(random.normal(size=(8, WIDTH))[labels] + 0.3 * random.normal(size=(160, WIDTH)))
    model = SameProduct.fit_unlabelled(vectors)
    assert model is not None
    groups = group_photos(model, model.coordinates(vectors))
    assert all(len(set(labels[groups == group])) == 1 for group in range(groups.max() + 1))  # rather too many groups
    assert groups.max() + 1 < 25


def test_nothing_is_learnt_from_too_few():
    vectors, labels = photos(3, 2, seed=7)
    assert SameProduct.fit(vectors[:4], labels[:4]) is None
    assert SameProduct.fit(vectors, np.arange(len(vectors))) is None
    assert SameProduct.fit_unlabelled(vectors[:3]) is None
    assert SameProduct.fit_unlabelled(vectors[:0]) is None


def test_a_limit_divides_two_kinds_with_the_fewest_errors():
    assert 2 < best_threshold(np.array([3.0, 4, 5]), np.array([0.0, 1, 2])) < 3
    assert 2 <= best_threshold(np.array([1.0, 3, 4, 5]), np.array([0.0, 1.5, 2])) < 3
