"""Answers of network and gallery as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.inference.answer_files import answer_files
from shelfmind.inference.predictor import Batch
from shelfmind.records import Predictions
from shelfmind.top_probabilities import KEPT, TopProbabilities

NAMES = tuple(f"product {index}" for index in range(KEPT + 20))


class Counting:
    """A recogniser that counts how often it answers."""

    columns = SimpleNamespace(names=NAMES)
    asked = 0

    def answered(self, batch: Batch) -> Any:
        self.asked += 1
        return SimpleNamespace(probabilities=batch.probabilities)

    def named(self, batch: Batch, answers: Any, top: int) -> Iterator[Any]:
        assert (answers is None) == (not len(batch.probabilities))
        yield from batch.names


@pytest.fixture
def batches() -> list[Batch]:
    rows = np.random.default_rng(0).dirichlet(np.ones(len(NAMES)), 3).astype(np.float32)
    embeddings = np.ones((3, 4), np.float32)
    bad = Batch(("z",), ("truncated",), rows[:0], embeddings[:0])
    return [Batch(("a", "b", "c"), (None, "empty", None), rows[:2], embeddings[:2]), bad]


@pytest.mark.parametrize("only_top", [False, True])
def test_each_image_is_answered_once(batches: list[Batch], only_top: bool, tmp_path: Path) -> None:
    found: Any = Counting()
    noted: list[Any] = []
    out = tmp_path / "answers.npz"
    answer_files(found, batches, top=5, out=out, together=False, note=noted.append, only_top=only_top)  # type: ignore[arg-type]
    assert found.asked == 1
    assert noted == ["a", "b", "c", "z"]
    written = Predictions.load(out)
    assert written.paths == ("a", "c")
    assert isinstance(written.probabilities, TopProbabilities) == only_top
    assert written.top(3).tolist() == np.argsort(-batches[0].probabilities, axis=1)[:, :3].tolist()
