"""Rehearsals keep what is unknown, enrolled and trained apart."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.arrays import Ints
from shelfmind.recognition.episodes import (
    GROUPS,
    SHUFFLES,
    UNKNOWN,
    Photos,
    rehearse_classes,
    rehearse_gallery,
)
from shelfmind.recognition.evidence import References, TrainingPhotos

from .conftest import CLASSES, PRODUCTS, World


def _labels(count: int, each: int) -> Ints:
    return np.repeat(np.arange(count), each)


def test_each_class_is_unknown_and_enrolled_in_turns(world: World, class_names: tuple[str, ...]) -> None:
    held_out, trained = world.photos(_labels(CLASSES, 3), 1), world.photos(_labels(CLASSES, 10), 2)
    episodes = list(rehearse_classes(held_out, trained.as_training_photos(), class_names))

    assert len(episodes) == GROUPS * SHUFFLES
    times_unknown = np.zeros(CLASSES)
    for episode in episodes:
        for row, label in enumerate(episode.labels):
            name = class_names[held_out.labels[row]]
            assert (name in episode.names) == (label != UNKNOWN)
            if label != UNKNOWN:
                assert episode.names[label] == name
        times_unknown[np.unique(held_out.labels[episode.labels == UNKNOWN])] += 1
        np.testing.assert_allclose(np.exp(episode.evidence.log_probabilities).sum(axis=1), 1, rtol=1e-4)
        assert episode.evidence.energies is not None
    assert (times_unknown == SHUFFLES).all()


def test_a_photo_is_never_asked_about_while_it_is_enrolled(world: World, class_names: tuple[str, ...]) -> None:
    held_out = world.photos(_labels(CLASSES, 3), 1)
    enrolled = world.photos(CLASSES + _labels(PRODUCTS, 6), 3)
    products = [f"product {index}" for index in range(PRODUCTS)]
    enrolled = Photos(enrolled.vectors, enrolled.labels - CLASSES, enrolled.probabilities, enrolled.logits)

    for episode in rehearse_gallery(held_out, world.learnt(), class_names, enrolled, products):
        asked = episode.photos >= len(held_out)
        assert episode.evidence.photos[asked].max() < 1 - 1e-5
        rows = episode.photos[asked] - len(held_out)
        for label, row in zip(episode.labels[asked], rows, strict=True):
            name = products[enrolled.labels[row]]
            assert (name in episode.names) == (label != UNKNOWN)
            if label != UNKNOWN:
                assert episode.names[label] == name


def test_products_that_are_trained_classes_are_not_rehearsed(world: World, class_names: tuple[str, ...]) -> None:
    held_out = world.photos(_labels(CLASSES, 3), 1)
    trained = world.photos(_labels(4, 6), 3)
    new = world.photos(CLASSES + _labels(PRODUCTS - 4, 6), 4)
    enrolled = Photos(
        np.concatenate([trained.vectors, new.vectors]),
        np.concatenate([trained.labels, new.labels - CLASSES + 4]),
        np.concatenate([trained.probabilities, new.probabilities]),
    )
    same = [*class_names[:2], "ｃｌａｓｓ 02", f"{class_names[3]} "]
    products = [*same, *(f"product {index}" for index in range(PRODUCTS - 4))]

    episodes = list(rehearse_gallery(held_out, world.learnt(), class_names, enrolled, products))
    assert len(episodes) == GROUPS * SHUFFLES
    for episode in episodes:
        assert len(set(episode.names)) == len(episode.names)
        assert not set(same[2:]) & set(episode.names)
        rows = episode.photos[len(held_out) :] - len(held_out)
        assert (enrolled.labels[rows] >= 4).all()
    few = Photos(trained.vectors, trained.labels, trained.probabilities)
    assert not list(rehearse_gallery(held_out, world.learnt(), class_names, few, same))


def test_too_few_classes_give_no_rehearsal(world: World, class_names: tuple[str, ...]) -> None:
    photos = world.photos(_labels(4, 3), 1)
    assert not list(rehearse_classes(photos, photos.as_training_photos(), class_names))


def test_prototypes_are_mean_directions() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    found = TrainingPhotos(vectors[[0, 1, 2]], np.array([0, 0, 2]), 3).prototypes
    np.testing.assert_allclose(found, [[np.sqrt(0.5), np.sqrt(0.5)], [0, 0], [1, 0]], atol=1e-6)

    references = References.of(["a", "a", "b"], vectors)
    assert references.names == ("a", "b")
    assert references.counts.tolist() == [2, 1]
    np.testing.assert_allclose(references.prototypes, found[[0, 2]], atol=1e-6)


def test_nothing_enrolled_has_no_columns() -> None:
    references = References.of([], np.zeros((0, 4), np.float32))
    assert references.names == ()
    assert references.prototypes.shape == (0, 4)


@pytest.mark.parametrize("shape", [(0, 3)])
def test_no_vectors_give_zero_prototypes(shape: tuple[int, int]) -> None:
    nothing = TrainingPhotos(np.zeros(shape, np.float32), np.zeros(0, np.int64), 2)
    assert not nothing.prototypes.any()
    assert (nothing.nearest(np.ones((1, 3), np.float32)) == -1).all()


def test_the_nearest_photo_of_each_class_counts(world: World) -> None:
    learnt, queries = world.learnt(), world.photos(np.arange(6), 8).vectors
    found = learnt.only(np.array([4, 2])).nearest(queries)
    for column, label in enumerate((4, 2)):
        expected = (queries @ learnt.vectors[learnt.labels == label].T).max(axis=1)
        # Matrix products of other shapes may sum in another order.
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-6)
