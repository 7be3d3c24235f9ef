"""Within-class whitening against its definition, and what it is for: products that it was not fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.whitening import within_class_whitening

WIDTH = 24


def drawn(classes: int, photos: int, seed: int) -> tuple[Floats, Ints]:
    """Products that differ a little in all directions, whose photos vary a lot in three that all products share."""
    generator = np.random.default_rng(seed)
    shared = np.linalg.qr(np.random.default_rng(0).normal(size=(WIDTH, 3)))[0]
    labels = np.repeat(np.arange(classes), photos)
    centres = generator.normal(size=(classes, WIDTH))
    noise = 0.5 * generator.normal(size=(len(labels), WIDTH)) + 8 * generator.normal(size=(len(labels), 3)) @ shared.T
    return (5 + centres[labels] + noise).astype(np.float32), labels


def right_by_prototype(vectors: Floats, labels: Ints, shots: int) -> float:
    """Accuracy of the nearest mean direction of each class's first `shots` photos, on the others."""
    numbers = np.concatenate([np.arange(count) for count in np.unique(labels, return_counts=True)[1]])
    classes = np.unique(labels)
    prototypes = unit_rows(np.stack([vectors[(labels == each) & (numbers < shots)].mean(axis=0) for each in classes]))
    asked = numbers >= shots
    return float((classes[(vectors[asked] @ prototypes.T).argmax(axis=1)] == labels[asked]).mean())


def test_the_covariance_within_classes_becomes_that_of_the_shrinkage() -> None:
    embeddings, labels = drawn(classes=8, photos=30, seed=1)
    deviations = np.concatenate([embeddings[labels == each] - embeddings[labels == each].mean(0) for each in range(8)])
    covariance = np.cov(deviations.T.astype(np.float64), bias=True)
    for shrinkage in (1e-6, 0.3, 1.0):
        whitening = within_class_whitening(embeddings, labels, shrinkage)
        assumed = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / WIDTH * np.eye(WIDTH)
        np.testing.assert_allclose(whitening.matrix @ assumed @ whitening.matrix, np.eye(WIDTH), atol=2e-3)
        np.testing.assert_allclose(whitening.matrix, whitening.matrix.T, atol=1e-5)
        np.testing.assert_allclose(whitening.mean, embeddings.mean(0), rtol=1e-5)


def test_it_gives_unit_vectors_and_the_same_for_a_photo_alone() -> None:
    embeddings, labels = drawn(classes=5, photos=6, seed=2)
    whitening = within_class_whitening(embeddings, labels)
    vectors = whitening(embeddings)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(whitening(embeddings[3:4]), vectors[3:4], atol=1e-6)


def test_products_that_it_was_not_fitted_on_come_apart() -> None:
    whitening = within_class_whitening(*drawn(classes=30, photos=20, seed=3))
    embeddings, labels = drawn(classes=15, photos=20, seed=4)
    before, after = (
        right_by_prototype(vectors, labels, 5) for vectors in (unit_rows(embeddings), whitening(embeddings))
    )
    assert before < 0.6
    assert after > 0.95


def test_fewer_photos_than_dimensions_are_enough() -> None:
    embeddings, labels = drawn(classes=4, photos=3, seed=5)
    assert len(embeddings) < WIDTH
    assert np.isfinite(within_class_whitening(embeddings, labels)(embeddings)).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    embeddings, labels = drawn(classes=4, photos=3, seed=6)
    for shrinkage in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="shrinkage must be greater than 0"):
            within_class_whitening(embeddings, labels, shrinkage)
    with pytest.raises(ValueError, match="no class has two different embeddings"):
        within_class_whitening(embeddings, np.arange(len(labels)))
