"""Readouts find structure where it is and none where there is none."""

from __future__ import annotations

import numpy as np

from shelfmind.evaluation.readout import evaluate_embeddings, knn_labels, linear_probe_labels


def clusters(spread: float, seed: int = 0, each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Five clusters of unit vectors in 16 dimensions."""
    centres = np.random.default_rng(9).normal(size=(5, 16))
    labels = np.repeat(np.arange(5), each)
    return (centres[labels] + spread * np.random.default_rng(seed).normal(size=(5 * each, 16))).astype(
        np.float32
    ), labels


def test_clusters_are_read_and_noise_is_not() -> None:
    train, held_out = clusters(0.3), clusters(0.3, seed=1)
    good = evaluate_embeddings(*train, *held_out)
    assert good.knn_top1 > 0.95
    assert good.linear_top1 > 0.95
    assert good.knn_top1_ci95.low <= good.knn_top1 <= good.knn_top1_ci95.high
    assert (good.images, good.train_images) == (150, 150)
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(150, 16)).astype(np.float32)
    bad = evaluate_embeddings(noise, train[1], generator.normal(size=(150, 16)).astype(np.float32), held_out[1])
    assert bad.knn_top1 < 0.4
    assert bad.linear_top1 < 0.4


def test_the_nearest_neighbour_decides_alone_where_it_is_much_nearer() -> None:
    train = np.array([[1, 0], [0, 1], [0.1, 1], [-0.1, 1]], np.float32)
    train /= np.linalg.norm(train, axis=1, keepdims=True)
    assert knn_labels(train, np.array([0, 1, 1, 1]), np.array([[1, 0]], np.float32)).tolist() == [0]
    assert knn_labels(train, np.array([3, 1, 1, 1]), np.array([[0, 1]], np.float32)).tolist() == [1]


def test_a_probe_separates_what_neighbours_cannot() -> None:
    """One direction tells, fifteen louder ones do not."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 600)
    points = np.concatenate([0.3 * (2 * labels[:, None] - 1), generator.normal(size=(600, 15))], 1).astype(np.float32)
    probed = (linear_probe_labels(points[:500], labels[:500], points[500:]) == labels[500:]).mean()
    near = (knn_labels(points[:500], labels[:500], points[500:]) == labels[500:]).mean()
    assert probed > 0.95 > near
