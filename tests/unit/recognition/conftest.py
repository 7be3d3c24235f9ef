"""A made-up world of products: directions with noise around them, and a classifier that knows some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.episodes import Photos
from shelfmind.recognition.evidence import TrainingPhotos

CLASSES, PRODUCTS, WIDTH = 20, 12, 24
SHARPNESS = 12.0


@dataclass(frozen=True)
class World:
    """Directions of trained classes, then of enrolled products, (32, 24)."""

    centres: Floats
    noise: float

    def photos(self, labels: Ints, seed: int) -> Photos:
        """One photo of each of these."""
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((len(labels), WIDTH)) * self.noise
        vectors = unit_rows(self.centres[labels] + noise)
        logits = np.asarray(SHARPNESS * vectors @ self.centres[:CLASSES].T, np.float32)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return Photos(vectors, labels, np.asarray(shares, np.float32), logits)

    def learnt(self) -> TrainingPhotos:
        """Ten photos of each trained class."""
        return self.photos(np.repeat(np.arange(CLASSES), 10), 99).as_training_photos()


@pytest.fixture(scope="session")
def world() -> World:
    return World(unit_rows(np.random.default_rng(5).standard_normal((CLASSES + PRODUCTS, WIDTH))), 0.16)


@pytest.fixture(scope="session")
def class_names() -> tuple[str, ...]:
    return tuple(f"class {index:02d}" for index in range(CLASSES))
