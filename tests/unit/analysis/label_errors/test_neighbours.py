"""Nearness is the mean cosine of the nearest images of a class, the image itself left out, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.analysis.label_errors import neighbours
from shelfmind.analysis.label_errors.neighbours import class_means, nearest_images, nearness, unit_rows


def by_hand(embeddings, labels, query, label, nearest):
    members = [place for place in np.flatnonzero(labels == label) if place != query]
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = sorted((float(unit[query] @ unit[place]) for place in members), reverse=True)[:nearest]
    return np.mean(cosines) if cosines else np.nan


@pytest.mark.parametrize("block", [1, 64, 10**6])
def test_nearness_is_what_it_says(monkeypatch, block):
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(40, 6)).astype(np.float32), rng.integers(0, 5, 40)
    labels[7] = 5  # the only one of its class
    queries = np.array([3, 7, 20, 39])
    asked = np.array([[0, 1, 5], [5, 0, 1], [labels[20], 2, 6], [4, 3, 2]])  # nobody is of class 6
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block)
    found = nearness(embeddings.astype(np.float16), labels, queries, asked, nearest=3)
    expected = [[by_hand(embeddings, labels, q, c, 3) for c in row] for q, row in zip(queries, asked, strict=True)]
    assert found == pytest.approx(np.array(expected), abs=2e-3, nan_ok=True)
    assert np.isnan(found[1, 0])
    assert np.isnan(found[2, 2])


def test_nearest_images_come_in_order_without_the_image_itself():
    embeddings = np.array([[1, 0], [1, 0.1], [0, 1], [1, 0.5]], np.float32)
    assert nearest_images(embeddings, 0, np.array([0, 1, 2, 3]), 2).tolist() == [1, 3]
    assert nearest_images(embeddings, 0, np.array([0]), 2).tolist() == []


def test_class_means_have_length_one_and_are_nan_without_images():
    means = class_means(np.array([[2, 0], [0, 5], [1, 1]], np.float32), np.array([0, 0, 2]), 3)
    assert means[0] == pytest.approx([0.5**0.5, 0.5**0.5])
    assert np.isnan(means[1]).all()
    assert np.linalg.norm(means[2]) == pytest.approx(1)


def test_a_row_of_zeros_has_no_direction_and_stays():
    assert unit_rows(np.zeros((1, 3), np.float16)).tolist() == [[0.0, 0.0, 0.0]]
