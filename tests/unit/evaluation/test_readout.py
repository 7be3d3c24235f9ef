"""Readouts find structure where it is and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation import readout
from shelfmind.evaluation.readout import (
    PROBE_VALUES,
    evaluate_embeddings,
    knn_labels,
    linear_probe_labels,
    probed_images,
    sample_of_classes,
)


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
    assert (good.linear_train_images, good.linear_note) == (150, None)
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


def test_many_images_and_classes_are_probed_on_a_sample_and_too_many_not_at_all() -> None:
    rp2k = np.repeat(np.arange(2388), 126)
    chosen, note = probed_images(rp2k)
    assert 0.9 * PROBE_VALUES < len(chosen) * 2388 <= PROBE_VALUES
    assert note == f"fitted on a sample of each class, {len(chosen):,} of 300,888 training images"
    assert np.array_equal(chosen, probed_images(rp2k)[0])
    chosen, note = probed_images(np.arange(100_000))
    assert (len(chosen), note) == (0, "left out: 100,000 classes are too many for it")
    assert probed_images(np.arange(8192))[1] is None


@pytest.mark.parametrize("images", [7, 50, 200, 399])
def test_a_sample_has_every_class_evenly_and_large_ones_less_than_their_share(images: int) -> None:
    sizes = np.array([1, 2, 5, 17, 40, 95, 240])
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(7) * 3, sizes))
    chosen = sample_of_classes(labels, images)
    kept = np.bincount(labels[chosen] // 3)
    assert np.array_equal(chosen, np.unique(chosen))
    assert images * 0.8 <= len(chosen) <= images
    assert (kept >= 1).all()
    assert (kept <= sizes).all()
    assert (np.diff(kept / sizes) <= 0.02).all()
    assert (np.diff(kept) >= 0).all()
    for label, number in enumerate(kept):
        places = np.flatnonzero(np.isin(np.flatnonzero(labels == 3 * label), chosen))
        assert number == 1 or np.ptp(np.diff(places)) <= 1


def test_a_probe_of_a_sample_still_reads_clusters_and_one_that_is_left_out_has_no_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, held_out = clusters(0.3), clusters(0.3, seed=1)
    whole = evaluate_embeddings(*train, *held_out)
    monkeypatch.setattr(readout, "PROBE_VALUES", 5 * 150)
    assert evaluate_embeddings(*train, *held_out) == whole
    monkeypatch.setattr(readout, "PROBE_VALUES", 5 * 40)
    sampled = evaluate_embeddings(*train, *held_out)
    assert (sampled.linear_train_images, sampled.train_images) == (40, 150)
    assert sampled.linear_note == "fitted on a sample of each class, 40 of 150 training images"
    assert sampled.linear_top1 is not None
    assert sampled.linear_top1 > 0.9
    monkeypatch.setattr(readout, "PROBE_VALUES", 5 * 5 - 1)
    without = evaluate_embeddings(*train, *held_out)
    assert (without.linear_top1, without.linear_top1_ci95, without.linear_train_images) == (None, None, 0)
    assert without.linear_note == "left out: 5 classes are too many for it"
    assert without.knn_top1 == sampled.knn_top1 == whole.knn_top1
