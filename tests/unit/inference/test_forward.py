"""Every image counts once, whatever its group, and test-time views are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.errors import UserError
from shelfmind.recipe import DataRecipe, EvaluationRecipe, Recipe

SIZE, CLASSES, WIDTH, BATCH = 32, 3, 5, 4
RECIPE = Recipe(data=DataRecipe(image_size=SIZE, resize_to=SIZE), evaluation=EvaluationRecipe(batch_size=BATCH))
SQUARES = [np.random.default_rng(n).integers(0, 256 - 25 * n, (SIZE, SIZE, 3), np.uint8) for n in range(8)]

PART = round(0.84 * SIZE)
PART_START = (SIZE - PART) // 2


def cut(rows: slice, columns: slice) -> list[np.ndarray]:
    """This part of every square."""
    return [np.ascontiguousarray(square[rows, columns]) for square in SQUARES]


@pytest.fixture(scope="module")
def model(mindspore: Any) -> Any:
    """A network that left and right, size and statistics of the batch matter to."""
    from mindspore import nn, ops

    generator = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return mindspore.Tensor(generator.normal(size=shape).astype(np.float32))

    class Tiny(nn.Cell):  # type: ignore[misc]
        """Images (N, 3, H, W) to logits (N, CLASSES) and embedding (N, WIDTH)."""

        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, WIDTH, 3, weight_init=weights(WIDTH, 3, 3, 3))
            self.normalisation = nn.BatchNorm2d(WIDTH)
            self.dense = nn.Dense(WIDTH, CLASSES, weights(CLASSES, WIDTH))

        def construct(self, images: Any) -> Any:
            embedding = ops.mean(ops.relu(self.normalisation(self.convolution(images))), (2, 3))
            return self.dense(embedding), embedding

    tiny = Tiny()
    tiny.set_train(True)  # as the training leaves it
    return tiny


def forward_of(model: Any, views: Sequence[str] = ()) -> Any:
    """The forward pass of a network by MindSpore."""
    from shelfmind.inference.engines.mindspore import MindSporeEngine
    from shelfmind.inference.forward import Forward

    return Forward(MindSporeEngine(model, RECIPE), BATCH, views)


@pytest.fixture(scope="module")
def plain(model: Any) -> Any:
    """The forward pass without further views."""
    return forward_of(model)


def joined(forward: Any, squares: Sequence[np.ndarray], size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and embeddings of all squares."""
    outputs = list(forward.batches(squares, size))
    return np.concatenate([p for p, _ in outputs]), np.concatenate([e for _, e in outputs])


@pytest.mark.parametrize("count", [1, 4, 5, 8])
def test_any_number_of_images_gives_its_rows(count: int, plain: Any) -> None:
    probabilities, embeddings = joined(plain, SQUARES[:count])
    assert probabilities.shape == (count, CLASSES)
    assert embeddings.shape == (count, WIDTH)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    for row, square in enumerate(SQUARES[:count]):
        alone = plain.batch([square], SIZE)
        np.testing.assert_allclose(probabilities[row], alone[0][0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(embeddings[row], alone[1][0], rtol=1e-4, atol=1e-6)
    assert np.ptp(probabilities, axis=0).max() > 0.01 or count == 1


def test_no_images_give_no_batches(plain: Any) -> None:
    assert list(plain.batches([], SIZE)) == []


def test_an_error_of_the_source_is_not_swallowed(plain: Any) -> None:
    def source() -> Iterator[np.ndarray]:
        yield from SQUARES[: BATCH + 1]
        raise RuntimeError("the disk is gone")

    batches = plain.batches(source(), SIZE)
    next(batches)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        next(batches)


@pytest.mark.parametrize("view", ["flip", "centre", "scale", "crops", "colour"])
def test_views_are_averaged(view: str, model: Any, plain: Any) -> None:
    mirrored = [np.ascontiguousarray(square[:, ::-1]) for square in SQUARES]
    further = {
        "flip": [(mirrored, SIZE)],
        "centre": [(cut(slice(PART_START, PART_START + PART), slice(PART_START, PART_START + PART)), SIZE)],
        "scale": [(SQUARES, 27), (SQUARES, 38)],
        "crops": [
            (cut(rows, columns), SIZE)
            for rows, columns in [
                (slice(PART_START, PART_START + PART), slice(PART_START, PART_START + PART)),
                (slice(PART), slice(PART)),
                (slice(PART), slice(-PART, None)),
                (slice(-PART, None), slice(PART)),
                (slice(-PART, None), slice(-PART, None)),
            ]
        ],
        "colour": [
            ([np.clip(square * np.float32(factor), 0, 255).astype(np.uint8) for square in SQUARES], SIZE)
            for factor in (0.8, 1.2)
        ],
    }
    looks = [joined(plain, *look) for look in [(SQUARES, SIZE), *further[view]]]
    outputs = joined(forward_of(model, [view]), SQUARES)
    for place, output in enumerate(outputs):
        np.testing.assert_allclose(output, np.mean([look[place] for look in looks], 0), rtol=1e-4, atol=1e-6)
        assert not np.allclose(output, looks[0][place], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 1),
        (["flip"], 2),
        (["centre"], 2),
        (["scale"], 3),
        (["flip", "centre"], 4),
        (["crops"], 6),
        (["colour"], 3),
        (["centre", "crops"], 6),
        (["scale", "centre", "flip"], 12),
    ],
)
def test_views_multiply(names: list[str], count: int, mindspore: Any) -> None:
    from shelfmind.inference.views import View, test_time_views

    views = test_time_views(names)
    assert len(views) == len(set(views)) == count
    assert views[0] == View()


def test_an_unknown_view_is_named(mindspore: Any) -> None:
    from shelfmind.inference.views import test_time_views

    with pytest.raises(UserError, match="unknown test-time view 'flop'; did you mean flip"):
        test_time_views(["flop"])


@settings(max_examples=50, deadline=None)
@given(side=st.integers(16, 200), share=st.floats(0.5, 1.0))
def test_the_central_part_lies_in_the_middle(side: int, share: float, mindspore: Any) -> None:
    from shelfmind.inference.views import View, apply_view

    image = np.stack([*np.mgrid[:side, :side], np.zeros((side, side), int)], 2).astype(np.uint8)
    part = apply_view(image, View(share=share))
    length = round(side * share)
    assert part.shape == (length, length, 3)
    first, last = part[0, 0, :2].tolist(), part[-1, -1, :2].tolist()
    for before, after in zip(first, last, strict=True):
        assert after - before == length - 1
        assert 0 <= (side - 1 - after) - before <= 1
