"""An epoch's order draws each image as often as its class's weight says, evenly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.images.sampling import (
    SAMPLERS,
    _Lots,
    batch_order,
    epoch_order,
    full_batch,
    in_class_batches,
    part_of_batches,
)
from shelfmind.recipe import TrainRecipe

COUNTS = np.array([600, 300, 90, 10])
LABELS = np.repeat(np.arange(4), COUNTS)


def drawn(sampling: str, seed: int = 0, threshold: float = 1e-3) -> np.ndarray:
    return epoch_order(LABELS, 4, sampling, threshold, np.random.default_rng(seed))


def test_instance_sampling_is_a_permutation() -> None:
    np.testing.assert_array_equal(np.sort(drawn("instance")), np.arange(len(LABELS)))


@pytest.mark.parametrize(
    ("sampling", "shares"),
    [
        ("class", np.full(4, 0.25)),
        ("square_root", np.sqrt(COUNTS) / np.sqrt(COUNTS).sum()),
        # Only the class with a share below 0.1 of 1000 images is repeated: sqrt(0.1 / 0.01) and sqrt(0.1 / 0.09) times.
        ("repeat_factor", COUNTS * np.array([1, 1, np.sqrt(0.1 / 0.09), np.sqrt(10)])),
    ],
)
def test_classes_come_in_the_papers_shares(sampling: str, shares: np.ndarray) -> None:
    order = drawn(sampling, threshold=0.1)
    assert len(order) == len(LABELS)
    measured = np.bincount(LABELS[order], minlength=4) / len(order)
    np.testing.assert_allclose(measured, shares / shares.sum(), atol=0.02)


@pytest.mark.parametrize("sampling", sorted(SAMPLERS))
def test_the_generator_decides_everything(sampling: str) -> None:
    np.testing.assert_array_equal(drawn(sampling, 1), drawn(sampling, 1))
    assert not np.array_equal(drawn(sampling, 1), drawn(sampling, 2))


@settings(max_examples=60)
@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    sampling=st.sampled_from(sorted(SAMPLERS)),
    seed=st.integers(0, 100),
)
def test_every_image_comes_as_often_as_expected_give_or_take_one(labels: list[int], sampling: str, seed: int) -> None:
    given_labels = np.array(labels, np.int64)
    counts = np.bincount(given_labels, minlength=6)
    weights = SAMPLERS[sampling](counts, 0.2)[given_labels]
    order = epoch_order(given_labels, 6, sampling, 0.2, np.random.default_rng(seed))
    times = np.bincount(order, minlength=len(labels))
    assert times.sum() == len(labels)
    assert (np.abs(times - weights * len(labels) / weights.sum()) < 1 + 1e-6).all()


def batched_by_class(labels: np.ndarray, classes: int, batch_size: int, per_class: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    order = epoch_order(labels, classes, "instance", 0.1, generator)
    return in_class_batches(order, labels, classes, batch_size, per_class, generator).reshape(-1, batch_size)


def test_a_batch_has_several_images_of_each_of_its_classes() -> None:
    labels = np.repeat(np.arange(30), np.random.default_rng(0).integers(16, 70, 30))
    batches = batched_by_class(labels, 30, 32, 4)
    assert batches.shape == (len(labels) // 32, 32)
    whole = 0
    for batch in batches:
        own, counts = np.unique(labels[batch], return_counts=True)
        assert (counts % 4 == 0).all()
        whole += len(own) == 8
    assert whole >= 0.9 * len(batches)  # at the end few classes may be left
    times = np.bincount(batches.ravel(), minlength=len(labels))
    assert (times == 1).mean() > 0.85
    np.testing.assert_array_equal(batches, batched_by_class(labels, 30, 32, 4))
    assert not np.array_equal(batches, batched_by_class(labels, 30, 32, 4, seed=1))


def test_batches_of_an_earlier_version_stay() -> None:
    """A run that an earlier version started resumes in the same order."""
    batches = batched_by_class(np.repeat(np.arange(5), [9, 1, 4, 7, 3]), 5, 6, 2, seed=3)
    expected = [[23, 22, 0, 3, 15, 17], [18, 20, 8, 6, 13, 12], [1, 2, 16, 14, 10, 11], [4, 7, 19, 15, 4, 7]]
    np.testing.assert_array_equal(batches, expected)


def drawn_by_choice(lots: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    number = min(most, np.count_nonzero(lots))
    return generator.choice(len(lots), number, replace=False, p=lots / lots.sum())


@pytest.mark.parametrize("error", [None, np.inf])
@pytest.mark.parametrize(("classes", "most"), [(1, 3), (7, 3), (40, 32), (5000, 8)])
def test_a_draw_is_that_of_choice(classes: int, most: int, error: float | None) -> None:
    one, other = np.random.default_rng(4), np.random.default_rng(4)
    left = np.random.default_rng(0).integers(0, 6, classes)
    left[0] = 50
    lots = _Lots(left)
    if error is not None:
        lots._error = error
    for _ in range(30):
        expected = drawn_by_choice(left, most, other)
        left[expected] -= 1
        np.testing.assert_array_equal(lots.draw(most, one), expected)
        assert lots.total == left.sum()


@settings(max_examples=60)
@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=60),
    batch_size=st.integers(2, 9),
    per_class=st.integers(2, 4),
    seed=st.integers(0, 100),
)
def test_classes_come_in_proportion_however_few_there_are(
    labels: list[int], batch_size: int, per_class: int, seed: int
) -> None:
    given_labels, batch_size = np.array(labels, np.int64), min(batch_size, len(labels))
    batches = batched_by_class(given_labels, 6, batch_size, per_class, seed)
    assert batches.shape == (len(labels) // batch_size, batch_size)
    assert 0 <= batches.min() <= batches.max() < len(labels)
    groups = len(batches) * -(-batch_size // per_class)
    shares = np.bincount(given_labels, minlength=6) / len(labels)
    times = np.bincount(given_labels[batches.ravel()], minlength=6)
    assert (times <= per_class * np.ceil(groups * shares + 1)).all()


@pytest.mark.parametrize("images_per_class", [1, 2, 4])
@pytest.mark.parametrize("sampling", sorted(SAMPLERS))
@pytest.mark.parametrize("processes", [2, 3, 4])
@pytest.mark.parametrize("images", [24, 145, 163])
def test_the_parts_of_an_epoch_are_the_epoch_of_one_process(
    images: int, processes: int, sampling: str, images_per_class: int
) -> None:
    """Also if the images cannot be divided by the batches: what is left out is what one process leaves out."""
    labels = np.random.default_rng(images).choice(9, images, p=np.arange(9, 0, -1) / 45)
    train = TrainRecipe(sampling=sampling, images_per_class=images_per_class, repeat_threshold=0.2)
    batch_size = full_batch(24, images, processes)
    assert batch_size == full_batch(24, images, 1) == 24

    def epoch() -> np.ndarray:
        order = batch_order(labels, 9, train, batch_size, np.random.default_rng(3))
        return order[: images // batch_size * batch_size]

    parts = [part_of_batches(epoch(), batch_size, rank, processes) for rank in range(processes)]
    own = batch_size // processes
    assert {len(part) for part in parts} == {images // batch_size * own}
    np.testing.assert_array_equal(np.concatenate([part.reshape(-1, own) for part in parts], 1).reshape(-1), epoch())
    times = np.bincount(np.concatenate(parts), minlength=images)
    if (sampling, images_per_class) == ("instance", 1):
        assert times.max() == 1
        assert (times == 0).sum() == images % batch_size
    for part in parts if own % images_per_class == 0 else ():
        groups = labels[part].reshape(-1, images_per_class)
        assert (groups == groups[:, :1]).all()


def test_a_data_set_smaller_than_a_batch_is_divided_equally() -> None:
    assert [full_batch(32, 11, processes) for processes in (1, 2, 3, 5)] == [11, 10, 9, 10]
    order = np.random.default_rng(0).permutation(11)[:10]
    parts = [part_of_batches(order, 10, rank, 5) for rank in range(5)]
    np.testing.assert_array_equal(np.concatenate(parts), order)
