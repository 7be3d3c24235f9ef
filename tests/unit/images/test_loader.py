"""Training batches depend on seed, epoch and segment alone, and pass the same seam as the input of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.images.preparation import Normalisation
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import DecodedOnDemand
from shelfmind.recipe import DataRecipe, MixingRecipe, Recipe, TrainRecipe

COUNT, CLASSES, SIZE = 13, 4, 24
LABELS = np.arange(COUNT) % CLASSES
AUGMENT = ["random_resized_crop", "horizontal_flip", "color_jitter"]
Batch = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def squares() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)


def make_recipe(augment: list[str] = AUGMENT, mixup: float = 0.5, cutmix: float = 0.5, **train: Any) -> Recipe:
    return Recipe(
        data=DataRecipe(image_size=SIZE, resize_to=SIZE),
        augment=augment,
        mixing=MixingRecipe(mixup=mixup, cutmix=cutmix),
        train=TrainRecipe(**{"batch_size": 3, **train}),
    )


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_divide_every_batch_among_them(
    squares: np.ndarray, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelfmind.images import loader
    from shelfmind.machine.distributed import World

    recipe = make_recipe([], 0, 0, batch_size=6)
    whole = list(make_batches(squares, recipe).segment(1, 0, 2, SIZE, False))
    parts = []
    for rank in range(processes):
        monkeypatch.setattr(loader, "world", lambda rank=rank: World(rank, processes))
        parts.append(list(make_batches(squares, recipe).segment(1, 0, 2, SIZE, False)))
    for step, (images, targets) in enumerate(whole):
        assert np.array_equal(np.concatenate([part[step][0] for part in parts]), images)
        assert np.array_equal(np.concatenate([part[step][1] for part in parts]), targets)


def make_batches(squares: Any, recipe: Recipe, seed: int = 7) -> Any:
    from shelfmind.images.loader import TrainingBatches

    return TrainingBatches(squares, LABELS[: len(squares)], CLASSES, recipe, seed)


def read(
    batches: Any, epoch: int = 2, start: int = 0, stop: int = 4, size: int = SIZE, mix: bool = True
) -> list[Batch]:
    return list(batches.segment(epoch, start, stop, size, mix))


def assert_equal(one: list[Batch], two: list[Batch]) -> None:
    assert len(one) == len(two)
    for (images, targets), (others, other_targets) in zip(one, two, strict=True):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(targets, other_targets)


EVERYTHING = ["random_perspective", *AUGMENT, "trivial_augment_wide", "auto_augment", "rand_augment", "random_erasing"]


@pytest.mark.parametrize("augment", [AUGMENT, EVERYTHING], ids=["usual", "everything"])
@pytest.mark.parametrize("workers", [1, 2])
def test_seed_and_epoch_decide_everything(
    workers: int, augment: list[str], squares: np.ndarray, mindspore: Any
) -> None:
    recipe = make_recipe(augment, workers=workers)
    batches = read(make_batches(squares, recipe))
    assert_equal(batches, read(make_batches(squares, recipe)))
    for others in (read(make_batches(squares, recipe, seed=8)), read(make_batches(squares, recipe), epoch=3)):
        assert not np.array_equal(batches[0][0], others[0][0])


def test_a_recipe_may_ask_for_more_workers_than_there_are_cores(squares: np.ndarray, mindspore: Any) -> None:
    assert len(read(make_batches(squares, make_recipe(workers=256)))) == 4


def test_a_training_that_resumes_sees_what_it_would_have_seen(squares: np.ndarray, mindspore: Any) -> None:
    undisturbed = make_batches(squares, make_recipe())
    first, second = read(undisturbed, stop=2), read(undisturbed, start=2)
    killed = make_batches(squares, make_recipe())
    next(killed.segment(2, 2, 4, SIZE, True))
    for resumed in (killed, make_batches(squares, make_recipe())):
        assert_equal(second, read(resumed, start=2))
        assert_equal(first, read(resumed, stop=2))


def test_the_order_of_an_epoch_is_drawn_once(
    squares: np.ndarray, mindspore: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelfmind.images import loader

    drawn: list[int] = []
    real = loader.batch_order
    monkeypatch.setattr(loader, "batch_order", lambda *given: drawn.append(0) or real(*given))
    batches = make_batches(squares, make_recipe([], batch_size=4, images_per_class=2))
    first = [read(batches, start=start, stop=start + 1) for start in range(3)]
    assert len(drawn) == 1
    read(batches, epoch=3, stop=1)
    assert len(drawn) == 2
    assert_equal(first[1], read(batches, start=1, stop=2))


def test_squares_decoded_on_demand_give_the_same_batches(squares: np.ndarray, tmp_path: Path, mindspore: Any) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(COUNT)]
    for path, square in zip(paths, squares, strict=True):
        Image.fromarray(square).save(path)
    recipe = make_recipe()
    on_demand = DecodedOnDemand(paths, recipe.data)
    assert_equal(read(make_batches(on_demand, recipe)), read(make_batches(squares, recipe)))


def test_an_image_comes_at_most_once_an_epoch_with_its_label(mindspore: Any) -> None:
    squares = np.ones((COUNT, SIZE, SIZE, 3), np.uint8) * np.arange(COUNT, dtype=np.uint8)[:, None, None, None]
    recipe = make_recipe(augment=[])
    batches = make_batches(squares, recipe)
    seen: list[int] = []
    for start, stop in ((0, 3), (3, 4)):
        for images, targets in read(batches, start=start, stop=stop, mix=False):
            colours = images.mean((2, 3)) * recipe.data.std + recipe.data.mean
            numbers = np.rint(colours.mean(1) * 255).astype(int)
            np.testing.assert_array_equal(targets.argmax(1), LABELS[numbers])
            seen += numbers.tolist()
    assert len(seen) == len(set(seen)) == 12


def test_an_epoch_has_full_batches_only(squares: np.ndarray, mindspore: Any) -> None:
    recipe = make_recipe(batch_size=5)
    assert make_batches(squares, recipe).steps_per_epoch == 2
    few = make_batches(squares[:4], recipe)
    assert few.steps_per_epoch == 1
    ((images, targets),) = read(few, stop=1, mix=False)
    assert len(images) == 4
    assert sorted(targets.argmax(1)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("mix", [True, False])
def test_targets_are_shares(mix: bool, mixup: float, cutmix: float, squares: np.ndarray, mindspore: Any) -> None:
    targets = np.concatenate([t for _, t in read(make_batches(squares, make_recipe([], mixup, cutmix)), mix=mix)])
    assert targets.shape == (12, CLASSES)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert (targets >= 0).all()
    whole = bool((targets.max(1) == 1).all())
    assert whole == (not mix or mixup + cutmix == 0)


@pytest.mark.parametrize("size", [16, SIZE, 32])
def test_images_have_the_stages_size(size: int, squares: np.ndarray, mindspore: Any) -> None:
    for images, _ in read(make_batches(squares, make_recipe()), size=size):
        assert images.shape == (3, 3, size, size)
        assert images.dtype == np.float32


@pytest.mark.parametrize("size", [16, SIZE, 32])
def test_training_without_augmentation_prepares_as_prediction(size: int, squares: np.ndarray, mindspore: Any) -> None:
    recipe = make_recipe(augment=[])
    prepared = Normalisation(recipe.data)(np.stack([rescaled(each, size) for each in squares]))
    order = np.random.default_rng((7, 2)).permutation(COUNT)[:12]
    trained = np.concatenate([images for images, _ in read(make_batches(squares, recipe), size=size, mix=False)])
    np.testing.assert_array_equal(trained, prepared[order])


def test_rare_classes_are_drawn_as_the_recipe_says(squares: np.ndarray, mindspore: Any) -> None:
    from shelfmind.images.loader import TrainingBatches

    labels = np.array([0] * 12 + [1])
    batches = TrainingBatches(squares, labels, 2, make_recipe(sampling="class", mixup=0, cutmix=0), 7)
    targets = np.concatenate([targets for _, targets in read(batches)])
    assert 5 <= targets[:, 1].sum() <= 7
