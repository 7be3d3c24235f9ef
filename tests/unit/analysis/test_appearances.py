"""Classes that fall into groups, and classes that do not, however long they are."""

from __future__ import annotations

import weakref

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.analysis import appearances as module
from shelfmind.analysis.appearances import MIN_PHOTOS, AppearancesFound, find_appearances, plain_vectors, silhouette
from shelfmind.images.fingerprints import FINGERPRINT


def drawn(seed: int, sizes: dict[int, list[int]]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Vectors of classes, each of groups of some sizes; every class is longest in one direction."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for label, groups in sizes.items():
        centre = 5 * rng.standard_normal(32)
        for size in groups:
            apart = 4 * rng.standard_normal(32) if len(groups) > 1 else 0
            noise = rng.standard_normal((size, 32)) * np.array([2.5] + [0.6] * 31)
            rows.append(centre + apart + noise)
            labels += [label] * size
    return np.concatenate(rows).astype(np.float32), np.array(labels)


def found_in(vectors: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> AppearancesFound:
    return find_appearances(lambda rows: vectors[rows], labels)


def test_two_designs_are_told_and_homogeneous_classes_left_whole() -> None:
    vectors, labels = drawn(0, {0: [30], 1: [24, 12], 2: [40], 3: [18, 9], 4: [15]})
    found = found_in(vectors, labels)
    assert found.classes == 5
    assert {each.class_id for each in found.several} == {1, 3}
    groups = {each.class_id: sorted(map(sorted, (group.tolist() for group in each.groups))) for each in found.several}
    assert groups[1] == [list(range(30, 54)), list(range(54, 66))]
    assert all(len(each.groups[0]) >= len(each.groups[1]) for each in found.several)


def test_three_designs_are_three_groups() -> None:
    vectors, labels = drawn(1, {0: [20, 18, 16], 1: [30]})
    assert [[len(group) for group in each.groups] for each in found_in(vectors, labels).several] == [[20, 18, 16]]


def test_homogeneous_classes_are_hardly_ever_split() -> None:
    vectors, labels = drawn(2, {label: [12 + label % 30] for label in range(120)})
    assert len(found_in(vectors, labels).several) <= 1


def test_a_few_odd_images_are_no_appearance_and_small_classes_are_not_looked_at() -> None:
    vectors, labels = drawn(3, {0: [40, 2], 1: [MIN_PHOTOS - 1]})
    found = found_in(vectors, labels)
    assert found.classes == 1
    assert found.several == ()


def test_images_without_a_label_and_large_classes() -> None:
    vectors, labels = drawn(4, {0: [300, 200], 1: [20]})
    labels[labels == 1] = -1
    found = found_in(vectors, labels)
    assert found.classes == 1
    assert sum(len(group) for group in found.several[0].groups) == 200
    again = found_in(vectors, labels)
    assert again.several[0].silhouette == found.several[0].silhouette


def test_the_vectors_of_one_class_at_a_time_are_in_memory(monkeypatch) -> None:
    vectors, labels = drawn(0, {0: [30], 1: [24, 12], 2: [40], 3: [18, 9], 4: [15]})
    whole = found_in(vectors, labels)
    made: list[weakref.ref[npt.NDArray[np.float64]]] = []
    in_memory = []

    def parted(points, rng):
        made.append(weakref.ref(points))
        in_memory.append(sum(each() is not None for each in made))
        return split(points, rng)

    split = module.parted
    monkeypatch.setattr(module, "parted", parted)
    found = found_in(vectors, labels)
    assert len(in_memory) >= 5
    assert max(in_memory) == 1
    for one, other in zip(found.several, whole.several, strict=True):
        assert (one.class_id, one.silhouette, one.adjusted_p) == (other.class_id, other.silhouette, other.adjusted_p)
        assert [group.tolist() for group in one.groups] == [group.tolist() for group in other.groups]


def test_the_silhouette_is_rousseeuws() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    points = np.random.default_rng(0).standard_normal((30, 5))
    second = points[:, 0] > 0
    assert silhouette(points, second) == pytest.approx(metrics.silhouette_score(points, second))
    assert silhouette(points, np.arange(30) == 0) == -1


def test_plain_vectors_leave_brightness_out() -> None:
    prints = np.zeros(2, FINGERPRINT)
    prints["luma"] = np.random.default_rng(0).integers(0, 100, (48, 48))
    prints["luma"][1] += 50
    prints["chroma"] = 128
    one, other = plain_vectors(prints)
    np.testing.assert_allclose(one, other, atol=1e-3)
