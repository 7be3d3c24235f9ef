"""Imprinted rows recognise their prototypes, stand on the same footing as trained ones, and change no other row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.training.imprinting import APART, BIAS, LOST, WEIGHT, Seen, class_means, imprinted, is_linear, prototypes

WIDTH, OLD, NEW = 16, 6, 4


class Photos:
    """Embeddings as networks make them: positive, all of roughly one direction, each class around its own mean."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.means = np.abs(self.random.normal(2, 0.6, (OLD + NEW, WIDTH)))

    def of(self, classes: range, each: int) -> tuple[np.ndarray, np.ndarray]:
        """So many photos of each of these classes: embeddings, and labels."""
        labels = np.repeat(np.array(classes), each)
        noise = self.random.normal(0, 0.25, (len(labels), WIDTH))
        return np.maximum(self.means[labels] + noise, 0).astype(np.float32), labels


@pytest.fixture
def photos() -> Photos:
    return Photos()


@pytest.fixture
def trained(photos: Photos) -> dict[str, np.ndarray]:
    """A linear classifier of the old classes, fitted by least squares."""
    embeddings, labels = photos.of(range(OLD), 50)
    inputs = np.c_[embeddings, np.ones(len(embeddings))]
    solved = np.linalg.lstsq(inputs, 8.0 * np.eye(OLD)[labels] - 4, rcond=None)[0].T.astype(np.float32)
    return {WEIGHT: solved[:, :-1], BIAS: solved[:, -1], "stem.weight": np.ones((2, 2), np.float32)}


def logits(arrays: dict[str, Any], embeddings: np.ndarray) -> np.ndarray:
    return np.asarray(embeddings @ arrays[WEIGHT].T + arrays[BIAS])


def cosines(arrays: dict[str, Any], embeddings: np.ndarray) -> np.ndarray:
    rows = arrays[WEIGHT] / np.linalg.norm(arrays[WEIGHT], axis=1, keepdims=True)
    return np.asarray(embeddings @ rows.T / np.linalg.norm(embeddings, axis=1, keepdims=True))


def enrolled(photos: Photos, each: int = 5) -> np.ndarray:
    """Prototypes of the new classes."""
    embeddings, labels = photos.of(range(OLD, OLD + NEW), each)
    return prototypes(embeddings, labels - OLD, NEW)


def test_a_prototype_is_the_direction_of_the_mean_of_unit_vectors() -> None:
    vectors = np.array([[3, 0], [0, 5], [0, 0.1]], np.float32)
    found = prototypes(vectors, np.array([0, 0, 1]), 2)
    assert found == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, 1]]))
    assert np.array_equal(class_means(vectors, np.array([0, 0, 2]), 3)[1], [0, 0])


def test_a_linear_classifier_learns_new_classes_and_keeps_old_ones(photos: Photos, trained: dict[str, Any]) -> None:
    widened = imprinted(trained, enrolled(photos), Seen(*photos.of(range(OLD), 20)))
    asked, truth = photos.of(range(OLD + NEW), 50)
    right = logits(widened, asked).argmax(1) == truth
    assert (logits(trained, asked[truth < OLD]).argmax(1) == truth[truth < OLD]).mean() > 0.97
    assert right[truth < OLD].mean() > 0.9
    assert right[truth >= OLD].mean() > 0.9


def test_among_new_classes_the_nearest_prototype_wins(photos: Photos, trained: dict[str, Any]) -> None:
    seen, directions = Seen(*photos.of(range(OLD), 20)), enrolled(photos)
    placed = directions * np.linalg.norm(seen.embeddings, axis=1).mean()
    asked = photos.of(range(OLD + NEW), 30)[0]
    new = logits(imprinted(trained, directions, seen), asked)[:, OLD:]
    assert np.array_equal(new.argmax(1), ((asked[:, None] - placed) ** 2).sum(2).argmin(1))


def test_imprinted_rows_are_as_long_as_trained_ones_and_take_few_of_their_photos(
    photos: Photos, trained: dict[str, Any]
) -> None:
    seen = Seen(*photos.of(range(OLD), 100))
    before = logits(trained, seen.embeddings).argmax(1) == seen.labels
    widened = imprinted(trained, enrolled(photos), seen)
    after = logits(widened, seen.embeddings).argmax(1) == seen.labels
    assert 1 - after[before].mean() == pytest.approx(LOST, abs=0.005)
    lengths = np.linalg.norm(widened[WEIGHT], axis=1)
    assert lengths[OLD:].mean() == pytest.approx(lengths[:OLD].mean(), rel=1e-5)


def test_trained_classes_that_recognise_nothing_have_an_offset_all_the_same(photos: Photos) -> None:
    silent = {WEIGHT: np.zeros((OLD, WIDTH), np.float32), BIAS: np.arange(OLD, dtype=np.float32)}
    widened = imprinted(silent, enrolled(photos), Seen(*photos.of(range(1), 3)))
    assert np.isfinite(widened[BIAS]).all()


def test_without_a_new_class_nothing_changes(photos: Photos, trained: dict[str, Any]) -> None:
    nothing = prototypes(np.zeros((0, WIDTH), np.float32), np.zeros(0, np.int64), 0)
    assert imprinted(trained, nothing, Seen(*photos.of(range(OLD), 2))) == trained


@pytest.mark.parametrize("each", [1, 5])
def test_the_logits_of_a_prototype_rank_its_class_first(photos: Photos, trained: dict[str, Any], each: int) -> None:
    seen, directions = Seen(*photos.of(range(OLD), 20)), enrolled(photos, each)
    truth = np.arange(OLD, OLD + NEW)
    linear = imprinted(trained, directions, seen)
    placed = directions * np.linalg.norm(seen.embeddings, axis=1).mean()
    assert np.array_equal(logits(linear, placed).argmax(1), truth)
    cosine = imprinted({WEIGHT: trained[WEIGHT]}, directions, None)
    assert np.array_equal(cosines(cosine, directions).argmax(1), truth)


def test_what_was_trained_is_the_same_to_the_bit(photos: Photos, trained: dict[str, Any]) -> None:
    widened = imprinted(trained, enrolled(photos), Seen(*photos.of(range(OLD), 5)))
    assert list(widened) == list(trained)
    assert widened["stem.weight"] is trained["stem.weight"]
    for name in (WEIGHT, BIAS):
        assert widened[name][:OLD].tobytes() == trained[name].tobytes()
        assert widened[name].dtype == trained[name].dtype
        assert len(widened[name]) == OLD + NEW


def test_the_centres_of_a_new_class_are_its_prototype_and_others_close_to_it(photos: Photos) -> None:
    """Not the same ones, which would stay the same: each is the nearest for some of the class's photos."""
    weight = np.random.default_rng(1).normal(size=(OLD, 3, WIDTH)).astype(np.float32)
    directions = enrolled(photos)
    widened = imprinted({WEIGHT: weight}, directions, None)[WEIGHT]
    assert widened.shape == (OLD + NEW, 3, WIDTH)
    assert widened[:OLD].tobytes() == weight.tobytes()
    rows = widened[OLD:] / np.linalg.norm(widened[OLD:], axis=2, keepdims=True)
    assert rows[:, 0] == pytest.approx(directions, abs=1e-6)
    assert np.linalg.norm(rows - rows[:, :1], axis=2)[:, 1:].ravel() == pytest.approx(APART, rel=0.3)
    embeddings, labels = photos.of(range(OLD, OLD + NEW), 50)
    for label in range(NEW):
        own = embeddings[labels == OLD + label]
        assert set((own @ rows[label].T).argmax(1)) == {0, 1, 2}
    again = imprinted({WEIGHT: weight}, directions, None)[WEIGHT]
    assert again.tobytes() == widened.tobytes()


def test_a_network_of_others_is_refused(trained: dict[str, Any]) -> None:
    assert is_linear(trained)
    assert not is_linear({WEIGHT: trained[WEIGHT]})
    with pytest.raises(UserError, match="classifiers of shelfmind's networks"):
        is_linear({"network.classifier.weight": trained[WEIGHT]})


@pytest.mark.slow
@pytest.mark.parametrize("neck", [False, True], ids=["bare", "neck"])
@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_a_head_with_imprinted_classes_gives_the_old_logits(
    photos: Photos, mindspore: Any, classifier: str, neck: bool
) -> None:
    from shelfmind.models.heads import Head

    def filled(classes: int, arrays: dict[str, Any]) -> Any:
        head = Head(WIDTH, classes, classifier, neck).set_train(False)
        for parameter in head.get_parameters():
            name = f"head.{parameter.name}"
            if name in arrays:
                parameter.set_data(mindspore.Tensor(arrays[name]))
        return head

    random = np.random.default_rng(0)
    arrays = {WEIGHT: random.normal(size=(OLD, WIDTH)).astype(np.float32)}
    if classifier == "linear":
        arrays[BIAS] = random.normal(size=OLD).astype(np.float32)
    seen = Seen(*photos.of(range(OLD), 20)) if is_linear(arrays) else None
    widened = imprinted(arrays, enrolled(photos), seen)
    asked = mindspore.Tensor(photos.of(range(OLD + NEW), 3)[0])
    before, after = (head(asked)[0].asnumpy() for head in (filled(OLD, arrays), filled(OLD + NEW, widened)))
    assert after.shape == (len(before), OLD + NEW)
    assert after[:, :OLD] == pytest.approx(before, rel=1e-5, abs=1e-5)  # products of wider matrices may round otherwise
