"""What makes photos hard, put together from squares, class sizes and embeddings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.inference.predictor import Predictor
from shelfmind.inference.recognizer import Recognizer
from shelfmind.pages.difficulty_section import NAMES
from shelfmind.progress import count_silently
from shelfmind.recipe import DataRecipe
from shelfmind.recognition import evidence as recognition
from shelfmind.recognition.answers import Columns
from shelfmind.recognition.evidence import TrainingPhotos
from shelfmind.records import Catalog, Predictions, Sample
from shelfmind.workflows import difficulties as module
from shelfmind.workflows import evaluate_gallery as gallery_module
from shelfmind.workflows.difficulties import (
    References,
    chosen_references,
    references_each,
    slices_of,
    training_references,
)


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
def evaluated(tmp_path: Path, make_photo: Any, encode: Any) -> tuple[Catalog, Predictions]:
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


DATA = DataRecipe(image_size=64, resize_to=64)


def network(seed: int, vectors: Any = None) -> Predictor:
    """What stands in for a network: its embeddings are `vectors`, or drawn by `seed`."""
    return cast(
        Predictor,
        SimpleNamespace(recipe=SimpleNamespace(data=DATA), class_names=("a", "b"), seed=seed, vectors=vectors),
    )


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that embed without one."""

    def embeddings_of(predictor: Any, squares: Any, samples: list[Sample], *_: Any) -> Floats:
        assert len(squares) == len(samples)
        drawn = np.random.default_rng(predictor.seed).standard_normal((len(samples), 6)).astype(np.float32)
        return drawn if predictor.vectors is None else predictor.vectors

    monkeypatch.setattr(module, "embeddings_of", embeddings_of)


def test_every_difficulty_is_told_and_named(evaluated: tuple[Catalog, Predictions], embedded: None) -> None:
    catalog, predictions = evaluated
    references = training_references([network(2)], [1.0], catalog, len(predictions), count_silently)
    assert references is not None
    assert len(references.labels) == 4
    found = slices_of(DATA, catalog, predictions, references, np.array([300, 5]), count_silently)
    told = {each.difficulty for each in found.slices}
    assert {"blur", "light", "class_size", "unfamiliar"} <= told <= set(NAMES)
    sizes = {each.low: each.images for each in found.slices if each.difficulty == "class_size"}
    assert sizes == {-np.inf: 15, 101.0: 15}
    assert found.missing == ()
    assert sum(each.images for each in found.slices if each.difficulty == "blur") == 30


def test_several_networks_compare_as_their_mean(evaluated: tuple[Catalog, Predictions], embedded: None) -> None:
    """By each the cosine of two training photos is another; by both together it is the weighted mean."""
    catalog, _ = evaluated
    alike = np.repeat([[1.0, 0, 0, 0, 0, 0]], 4, axis=0).astype(np.float32)
    apart = np.eye(6, dtype=np.float32)[:4]
    one = training_references([network(0, alike)], [1.0], catalog, 30, count_silently)
    both = training_references([network(0, alike), network(0, apart)], [0.25, 0.75], catalog, 30, count_silently)
    assert one is not None
    assert both is not None
    np.testing.assert_allclose(one.embeddings @ one.embeddings.T, 1, atol=1e-6)
    np.testing.assert_allclose(both.embeddings @ both.embeddings.T, 0.25 + 0.75 * np.eye(4), atol=1e-6)
    assert both.labels.tolist() == one.labels.tolist()


def test_missing_training_photos_are_reported(evaluated: tuple[Catalog, Predictions], embedded: None) -> None:
    catalog, predictions = evaluated
    alone = Catalog(catalog.split("test"), catalog.class_names, catalog.root, catalog.format)
    assert training_references([network(2)], [1.0], alone, 30, count_silently) is None
    found = slices_of(DATA, alone, predictions, None, np.array([30, 5]), count_silently)
    assert dict(found.missing).keys() == {"siblings", "unfamiliar"}


def test_a_gallerys_names_are_compared_with_trained_and_enrolled_photos() -> None:
    """A product that is trained and enrolled has both kinds; one that is only enrolled, its own."""
    vectors = np.eye(5, dtype=np.float32)
    learnt = TrainingPhotos(vectors[:2], np.array([0, 1]), 2)
    enrolled = recognition.References.of(["b", "new", "new"], vectors[2:])
    columns = Columns(("a", "b"), enrolled.names)
    found = cast(Recognizer, SimpleNamespace(learnt=learnt, references=enrolled, columns=columns))
    references = gallery_module._references_of(found)
    assert references is not None
    assert [columns.names[label] for label in references.labels] == ["a", "b", "b", "new", "new"]
    np.testing.assert_array_equal(references.embeddings, vectors)
