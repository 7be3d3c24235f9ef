"""Probabilities and embeddings of a made-up network, with wrong labels whose places are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.analysis.held_out import HeldOut
from shelfmind.records import Sample


@dataclass(frozen=True)
class Planted:
    """`wrong` (N,) are the planted errors, `true` (N,) the classes that are shown, -1 for none of them."""

    held_out: HeldOut
    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]
    true: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.bool_]


def make_planted(
    classes: int = 8, each: int = 30, errors: int = 12, foreign: int = 3, folds: int = 3, noise: float = 0.35
) -> Planted:
    """Images scatter around the directions of their classes; the network says what it sees, not what is written."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(classes + 1, 32)).T)[0].T
    true = np.repeat(np.arange(classes), each)
    labels = true.copy()
    places = rng.permutation(len(true))
    wrong = np.zeros(len(true), np.bool_)
    wrong[places[: errors + foreign]] = True
    labels[places[:errors]] = (true[places[:errors]] + rng.integers(1, classes, errors)) % classes
    true[places[errors : errors + foreign]] = -1
    embeddings = directions[true] + noise * rng.normal(size=(len(true), 32)) / np.sqrt(8)
    logits = 8 * embeddings @ directions[:classes].T + 0.3 * rng.normal(size=(len(true), classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = tuple(f"{label}/{place}.jpg" for place, label in enumerate(labels))
    class_names = tuple(f"class {label}" for label in range(classes))
    held_out = HeldOut(
        tuple(Sample(Path("/data") / name, int(label), "train") for name, label in zip(names, labels, strict=True)),
        names,
        tuple(class_names[label] for label in labels),
        labels,
        np.arange(len(labels)) % folds,
        class_names,
    )
    return Planted(held_out, probabilities.astype(np.float32), embeddings.astype(np.float32), true, wrong)


@pytest.fixture(scope="session")
def planted() -> Planted:
    """The data set that the tests share; they must not change it."""
    return make_planted()


@pytest.fixture(scope="session")
def plant() -> Callable[..., Planted]:
    """Makes others."""
    return make_planted
