"""A guard compares as its gallery's answers do, and knows the trained classes by name if the run is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.progress import count_silently
from shelfmind.recognition.rule import COUNTS, LEARNT, WHITENING
from shelfmind.recognition.whitening import fit_whitening
from shelfmind.runs.folder import RunFolder
from shelfmind.workflows.guarding import class_names_of, guard_of

WIDTH = 6
ME = Attribution("tester")


class OfRun:
    """Vectors of a run at this place."""

    def __init__(self, run: Path) -> None:
        self.run = run

    @property
    def identity(self) -> Mapping[str, Any]:
        """With the run."""
        return {"weights": "some", "width": WIDTH, "run": str(self.run)}

    def embed(self, photos: Any, total: int) -> np.ndarray:
        """None are asked for."""
        raise AssertionError


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery.create(LocalFiles(tmp_path / "g"), OfRun(tmp_path / "run"), ME)


def test_without_calibration_vectors_are_compared_as_they_are(gallery: Gallery) -> None:
    guard = guard_of(gallery, count_silently, ("a",))
    vectors = unit_rows(np.random.default_rng(0).standard_normal((4, WIDTH)))
    np.testing.assert_array_equal(guard.compared(vectors), vectors)
    assert guard.trained == {}


def test_a_calibrated_gallery_compares_as_its_answers_do(gallery: Gallery, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    vectors, labels = unit_rows(rng.standard_normal((9, WIDTH))), np.array([0, 0, 0, 0, 2, 2, 2, 2, 2])
    whitening = fit_whitening(vectors, labels)
    learnt = whitening(vectors)
    arrays = {LEARNT: learnt, WHITENING: whitening.as_array()}
    gallery.set_recognition({"summary": "", COUNTS: [4, 0, 5]}, arrays, OfRun(tmp_path / "run"), ME)
    assert class_names_of(gallery) == ()
    (tmp_path / "run").mkdir()
    RunFolder(tmp_path / "run").write_classes(["茶", "none", "cola"], [4, 0, 5])
    guard = guard_of(gallery, count_silently, class_names_of(gallery))
    np.testing.assert_allclose(guard.compared(vectors), learnt, atol=1e-6)
    assert list(guard.trained) == ["茶", "cola"]
    np.testing.assert_allclose(guard.trained["茶"], unit_rows(learnt[:4].sum(0)[None])[0], atol=1e-6)
    assert guard_of(gallery, count_silently, ("another", "run")).trained == {}


def test_a_guard_is_of_the_newest_version(gallery: Gallery, tmp_path: Path) -> None:
    stale, embedder = Gallery(gallery.files), OfRun(tmp_path / "run")
    vectors = unit_rows(np.random.default_rng(1).standard_normal((4, WIDTH)))
    arrays = {LEARNT: vectors, WHITENING: fit_whitening(vectors, np.array([0, 0, 1, 1])).as_array()}
    gallery.set_recognition({"summary": "", COUNTS: [2, 2]}, arrays, embedder, ME)
    assert list(guard_of(stale, count_silently, ("茶", "cola")).trained) == ["茶", "cola"]
