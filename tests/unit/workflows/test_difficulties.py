"""What makes photos hard, put together from squares, class sizes and embeddings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.inference.predictor import Predictor
from shelfmind.pages.difficulty_section import NAMES
from shelfmind.progress import count_silently
from shelfmind.recipe import DataRecipe
from shelfmind.records import Catalog, Predictions, Sample
from shelfmind.workflows import difficulties as module
from shelfmind.workflows.difficulties import References, chosen_references, references_each, slices_of


def test_references_are_spread_over_each_class() -> None:
    labels = np.array([0] * 10 + [1] * 2 + [-1] * 3 + [2] * 5)
    assert chosen_references(labels, 3).tolist() == [0, 4, 9, 10, 11, 15, 17, 19]
    assert len(chosen_references(np.full(4, -1), 3)) == 0


def test_references_are_about_as_many_as_are_judged() -> None:
    names = [str(number) for number in range(10)]
    assert [references_each(photos, names) for photos in (1, 35, 61, 5000)] == [2, 4, 7, 8]


def test_siblings_are_alike_and_what_is_unlike_training_is_far() -> None:
    one, sibling, other = np.eye(8)[0], np.eye(8)[0] + 0.2 * np.eye(8)[1], np.eye(8)[5]
    references = References(unit_rows(np.stack([one, one, sibling, other]).astype(np.float32)), np.array([0, 0, 1, 2]))
    photos = unit_rows(np.stack([one, np.eye(8)[7], sibling, other]).astype(np.float32))
    siblings, unfamiliar = module._compared(photos, np.array([0, 0, 1, 2]), references)
    assert siblings.values[0] == siblings.values[1] == pytest.approx(siblings.values[2])
    assert siblings.values[0] > 0.95
    assert siblings.values[3] == pytest.approx(0, abs=1e-6)
    assert unfamiliar.values == pytest.approx([0, 1, 0, 0], abs=1e-6)


@pytest.fixture
def judged(tmp_path: Path, make_photo: Any, encode: Any) -> tuple[Catalog, Predictions]:
    """30 photos of two classes, test ones, and 4 training photos."""
    samples = []
    for number in range(34):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(encode(make_photo(number, 90 + number, 120)))
        samples.append(Sample(path, number % 2, "test" if number < 30 else "train"))
    catalog = Catalog(tuple(samples), ("a", "b"), tmp_path, "folder")
    labels = np.array([sample.label for sample in catalog.split("test")])
    probabilities = np.eye(2, dtype=np.float32)[np.where(np.arange(30) % 5, labels, 1 - labels)]
    paths = tuple(str(sample.path) for sample in catalog.split("test"))
    vectors = np.random.default_rng(0).standard_normal((30, 6)).astype(np.float32)
    order = np.random.default_rng(1).permutation(30)  # predictions need not have the catalog's order
    chosen = tuple(paths[index] for index in order)
    return catalog, Predictions(chosen, labels[order], probabilities[order], vectors[order], ("a", "b"))


def test_every_difficulty_is_told_and_named(
    judged: tuple[Catalog, Predictions], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, predictions = judged
    predictor = cast(Predictor, SimpleNamespace(recipe=SimpleNamespace(data=DataRecipe(image_size=64, resize_to=64))))

    def embedded(_: Predictor, squares: Any, samples: list[Sample], *more: Any) -> Any:
        count = len(samples)
        assert len(squares) == count == 4
        vectors = np.random.default_rng(2).standard_normal((count, 6)).astype(np.float32)
        return SimpleNamespace(embeddings=vectors, labels=np.array([sample.label for sample in samples]))

    monkeypatch.setattr(module, "predictions_of", embedded)
    counts = np.array([300, 5])
    found = slices_of(predictor, catalog, predictions, predictions.embeddings, counts, count_silently)
    told = {each.difficulty for each in found.slices}
    assert {"blur", "light", "class_size", "unfamiliar"} <= told <= set(NAMES)
    sizes = {each.low: each.images for each in found.slices if each.difficulty == "class_size"}
    assert sizes == {-np.inf: 15, 101.0: 15}
    assert found.missing == ()
    assert sum(each.images for each in found.slices if each.difficulty == "blur") == 30


def test_without_training_photos_it_says_what_is_missing(judged: tuple[Catalog, Predictions]) -> None:
    catalog, predictions = judged
    alone = Catalog(catalog.split("test"), catalog.class_names, catalog.root, catalog.format)
    predictor = cast(Predictor, SimpleNamespace(recipe=SimpleNamespace(data=DataRecipe(image_size=64, resize_to=64))))
    counts = np.array([30, 5])
    found = slices_of(predictor, alone, predictions, predictions.embeddings, counts, count_silently)
    assert dict(found.missing).keys() == {"siblings", "unfamiliar"}
