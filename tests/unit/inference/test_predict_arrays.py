"""Predictions written into arrays: the wanted rows of probabilities, all rows of embeddings, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

BATCH, COUNT = 4, 11


class _Numbers:
    """A predictor whose answer for square i is i."""

    def of_squares(self, squares: Any) -> Iterator[SimpleNamespace]:
        numbers = np.array([square[0, 0, 0] for square in squares], np.float32)
        for start in range(0, len(numbers), BATCH):
            column = numbers[start : start + BATCH, None]
            yield SimpleNamespace(probabilities=np.repeat(column, 3, 1), embeddings=np.repeat(column * 1e4, 2, 1))


NUMBERS: Any = _Numbers()


@pytest.fixture
def squares() -> np.ndarray:
    return np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("judged", [COUNT, 9, 6, 4, 1])
def test_rows_beyond_the_judged_ones_have_embeddings_only(
    judged: int, squares: np.ndarray, mindspore: Any, tmp_path: Path
) -> None:
    """Images of classes too small to be judged come last, in whichever batch."""
    from shelfmind.inference.predict_arrays import predict_into

    probabilities = np.full((judged, 3), -1, np.float32)
    wanted = (np.arange(COUNT) % 2 == 0) & (np.arange(COUNT) < judged)
    told: list[int] = []
    predict_into(
        NUMBERS,
        squares,
        probabilities=probabilities,
        embeddings=tmp_path / "embeddings.npy",
        wanted=wanted,
        progress=told.append,
    )
    expected = np.where(wanted[:judged], np.arange(judged), -1)
    np.testing.assert_array_equal(probabilities, np.repeat(expected[:, None], 3, 1))
    rows = np.load(tmp_path / "embeddings.npy")
    np.testing.assert_allclose(rows[:, 0], np.minimum(np.arange(COUNT) * 1e4, 65504), rtol=1e-3)
    assert sum(told) == COUNT


def test_all_rows_are_wanted_unless_said(squares: np.ndarray, mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.inference.predict_arrays import predict_into

    probabilities = np.zeros((COUNT, 3), np.float32)
    predict_into(NUMBERS, squares, probabilities=probabilities, embeddings=tmp_path / "e.npy")
    np.testing.assert_array_equal(probabilities[:, 0], np.arange(COUNT))


def test_an_array_of_another_shape_is_made_anew(mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.inference.predict_arrays import open_array

    first = open_array(tmp_path / "a.npy", (3, 2), np.float32)
    first[:] = 7
    first.flush()
    assert open_array(tmp_path / "a.npy", (3, 2), np.float32)[2, 1] == 7
    assert open_array(tmp_path / "a.npy", (4, 2), np.float32).shape == (4, 2)
    (tmp_path / "a.npy").write_bytes(b"cut")
    assert not open_array(tmp_path / "a.npy", (4, 2), np.float32).any()


def test_very_many_probabilities_keep_the_most_probable_classes(
    squares: np.ndarray, mindspore: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelfmind.inference import predict_arrays
    from shelfmind.inference.predict_arrays import open_probabilities, predict_into, read_probabilities
    from shelfmind.top_probabilities import TopProbabilities

    monkeypatch.setattr(predict_arrays, "MOST_MAPPED", COUNT * 3 - 1)
    monkeypatch.setattr(predict_arrays, "KEPT", 2)
    wanted = np.arange(COUNT) >= 5
    for half in (~wanted, wanted):  # a fold, and the next one after a restart
        predict_into(
            NUMBERS,
            squares,
            probabilities=open_probabilities(tmp_path, COUNT, 3),
            embeddings=tmp_path / "e.npy",
            wanted=half,
        )
    found = read_probabilities(tmp_path, 3)
    assert isinstance(found, TopProbabilities)
    np.testing.assert_array_equal(found.values, np.repeat(np.arange(COUNT)[:, None], 2, 1))
    np.testing.assert_array_equal(found.ids, [[0, 1]] * COUNT)
    assert not (tmp_path / "probabilities.npy").exists()


def test_a_file_that_an_earlier_version_started_is_continued(
    mindspore: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelfmind.inference import predict_arrays

    predict_arrays.open_probabilities(tmp_path, COUNT, 3)[0] = 0.5
    monkeypatch.setattr(predict_arrays, "MOST_MAPPED", 1)
    assert predict_arrays.open_probabilities(tmp_path, COUNT, 3)[0].tolist() == [0.5] * 3


def test_few_probabilities_are_kept_in_full(squares: np.ndarray, mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.inference.predict_arrays import open_probabilities, predict_into, read_probabilities

    whole = open_probabilities(tmp_path, COUNT, 3)
    predict_into(NUMBERS, squares, probabilities=whole, embeddings=tmp_path / "e.npy")
    np.testing.assert_array_equal(read_probabilities(tmp_path, 3)[:], np.repeat(np.arange(COUNT)[:, None], 3, 1))
