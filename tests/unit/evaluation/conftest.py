"""Predictions made by hand or by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.records import BadFile, Predictions

Floats = npt.NDArray[np.float64]
Maker = Callable[..., Predictions]


def predictions_of(
    labels: Sequence[int],
    rows: Sequence[Sequence[float]] | Floats,
    names: Sequence[str] | None = None,
    paths: Sequence[str] | None = None,
    bad_files: Sequence[BadFile] = (),
) -> Predictions:
    probabilities = np.array(rows, np.float32).reshape(len(labels), -1 if len(rows) else len(names or "ab"))
    classes = probabilities.shape[1]
    return Predictions(
        paths=tuple(paths or [f"photos/{i}.jpg" for i in range(len(labels))]),
        labels=np.array(labels, np.int64),
        probabilities=probabilities,
        embeddings=np.zeros((len(labels), 1), np.float32),
        class_names=tuple(names or [f"class {i}" for i in range(classes)]),
        bad_files=tuple(bad_files),
    )


@pytest.fixture(scope="session")
def make_predictions() -> Maker:
    """Predictions from labels and rows of probabilities."""
    return predictions_of


@pytest.fixture(scope="session")
def random_predictions() -> Maker:
    """Predictions of `images` over `classes` by chance, right about as often as `skill` says; `grid` makes ties."""

    def make(images: int, classes: int, seed: int, skill: float = 0.5, grid: bool = False) -> Predictions:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, classes, images)
        scores = rng.integers(1, 4, (images, classes)) * 1.0 if grid else rng.exponential(size=(images, classes))
        scores[np.arange(images), labels] += np.where(rng.random(images) < skill, 6.0, 0.0)
        return predictions_of(labels.tolist(), scores / scores.sum(axis=1, keepdims=True))

    return make
