"""A step's sample of the classes: all of its batch, and the others uniformly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.images.class_sampling import sample_classes
from shelfmind.recipe import DataRecipe, LossRecipe, MixingRecipe, Recipe, TrainRecipe


@given(st.data())
def test_a_sample_has_all_positive_classes_and_no_class_twice(data: Any) -> None:
    classes = data.draw(st.integers(2, 60))
    positive = np.array(sorted(data.draw(st.sets(st.integers(0, classes - 1), min_size=1))), np.int64)
    number = data.draw(st.integers(len(positive), classes))
    sample = sample_classes(positive, classes, number, np.random.default_rng(data.draw(st.integers(0, 9))))
    assert len(set(sample.tolist())) == number
    assert (np.diff(sample) > 0).all()
    assert 0 <= sample[0] <= sample[-1] < classes
    assert np.isin(positive, sample).all()


def test_every_other_class_is_as_likely() -> None:
    classes, positive, number, draws = 30, np.array([0, 7, 29]), 9, 20_000
    generator = np.random.default_rng(0)
    times = np.zeros(classes)
    for _ in range(draws):
        times[sample_classes(positive, classes, number, generator)] += 1
    others = np.delete(times / draws, positive)
    assert others == pytest.approx((number - 3) / (classes - 3), abs=0.015)  # 4.5 standard deviations


COUNT, CLASSES, SIZE, SAMPLED = 24, 12, 24, 7
LABELS = np.arange(COUNT) % CLASSES


def make_batches(seed: int = 7, mixed: bool = False) -> Any:
    from shelfmind.images.class_sampling import SampledBatches

    squares = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
    recipe = Recipe(
        data=DataRecipe(image_size=SIZE, resize_to=SIZE),
        loss=LossRecipe(sampled_classes=SAMPLED),
        augment=["horizontal_flip"],
        mixing=MixingRecipe(mixup=0.5 * mixed, cutmix=0.5 * mixed),
        train=TrainRecipe(batch_size=6),
    )
    return SampledBatches(squares, LABELS, CLASSES, recipe, seed, SAMPLED)


@pytest.mark.parametrize("mixed", [False, True])
def test_targets_are_those_of_all_classes_in_the_columns_of_the_sample(mixed: bool, mindspore: Any) -> None:
    from shelfmind.images.loader import TrainingBatches

    batches = make_batches(mixed=mixed)
    whole = TrainingBatches(batches.squares, LABELS, CLASSES, batches.recipe, 7)
    pairs = zip(batches.segment(1, 0, 4, SIZE, mixed), whole.segment(1, 0, 4, SIZE, mixed), strict=True)
    for step, ((images, targets), (same, wide)) in enumerate(pairs):
        assert np.array_equal(images, same)
        spread = np.zeros_like(wide)
        spread[:, batches.sample(1, step)] = targets
        assert np.array_equal(spread, wide)
    assert batches.example(SIZE)[1].shape == (6, SAMPLED)


def test_a_sample_depends_on_seed_epoch_and_step_alone(mindspore: Any) -> None:
    whole = make_batches()
    first = [whole.sample(2, step) for step in range(4)]
    resumed = make_batches()
    resumed.sample(1, 3)
    list(resumed.segment(2, 2, 4, SIZE, False))
    for step in (3, 2, 1, 0):
        assert np.array_equal(resumed.sample(2, step), first[step])
    assert any(not np.array_equal(first[0], other) for other in first[1:])
    assert not np.array_equal(make_batches(seed=8).sample(2, 0), first[0])
    assert not np.array_equal(whole.sample(3, 0), first[0])


def test_all_processes_have_the_same_sample(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfmind.images import loader
    from shelfmind.machine.distributed import World

    expected = [make_batches().sample(1, step) for step in range(4)]
    for rank in range(2):
        monkeypatch.setattr(loader, "world", lambda rank=rank: World(rank, 2))
        batches = make_batches()
        assert all(np.array_equal(batches.sample(1, step), expected[step]) for step in range(4))
        assert [targets.shape for _, targets in batches.segment(1, 0, 4, SIZE, False)] == [(3, SAMPLED)] * 4
