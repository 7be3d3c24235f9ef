"""Confusions do not depend on chunks, and dividing many classes into parts does not change their groups."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from shelfmind.analysis.label_errors import class_groups
from shelfmind.analysis.label_errors.class_groups import confusions, group_classes
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.top_probabilities import TopProbabilities

CLASSES, EACH, CUT = 120, 6, 0.75


@pytest.fixture(scope="module")
def outputs():
    """Probabilities of a network that confuses neighbouring classes, and mean embeddings of loose families."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(CLASSES), EACH)
    logits = rng.normal(size=(len(labels), CLASSES))
    logits[np.arange(len(labels)), labels] += 6
    logits[np.arange(len(labels)), labels // 3 * 3] += rng.uniform(0, 7, len(labels))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    centres = rng.normal(size=(CLASSES // 3, 12)).repeat(3, axis=0)
    return labels, probabilities.astype(np.float32), unit_rows(centres + 0.7 * rng.normal(size=(CLASSES, 12)))


def same_groups(first, second):
    return len(np.unique(np.stack([first, second]), axis=1).T) == len(np.unique(first)) == len(np.unique(second))


def test_confusions_are_mean_probabilities_in_chunks_of_any_size(outputs, monkeypatch):
    labels, probabilities, _ = outputs
    whole, predicted = confusions(probabilities, labels, np.arange(len(labels)), CLASSES)
    mean = probabilities.reshape(CLASSES, EACH, CLASSES).mean(axis=1)
    assert whole.toarray() == pytest.approx(mean, abs=1e-4)
    assert np.array_equal(predicted, probabilities.argmax(axis=1))
    monkeypatch.setattr(class_groups, "_CHUNK_VALUES", 7 * CLASSES)
    parts, again = confusions(probabilities, labels, np.arange(len(labels)), CLASSES)
    assert parts.toarray() == pytest.approx(whole.toarray(), abs=1e-12)
    assert np.array_equal(predicted, again)


def test_the_most_probable_classes_give_the_confusions_of_all(outputs):
    labels, probabilities, _ = outputs
    chosen = np.arange(0, len(labels), 2)
    top = TopProbabilities.of([probabilities], CLASSES)
    whole, predicted = confusions(probabilities, labels, chosen, CLASSES)
    kept, again = confusions(top, labels, chosen, CLASSES)
    assert kept.toarray() == pytest.approx(whole.toarray(), abs=1e-3)
    assert np.array_equal(predicted, again)


def test_groups_are_those_of_average_linkage_over_all_pairs(outputs):
    labels, probabilities, means = outputs
    mean = probabilities.reshape(CLASSES, EACH, CLASSES).mean(axis=1).astype(np.float64)
    own = mean.diagonal()
    mutual = (mean + mean.T) / (mean + mean.T + own[:, None] + own[None, :])
    cosine = means @ means.T
    usual = np.median(cosine[np.triu_indices(CLASSES, 1)])
    alike = (np.minimum(mutual / 0.1, 1) + np.clip((cosine - usual) / (1 - usual), 0, 1)) / 2
    np.fill_diagonal(alike, 1)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=CUT
    )
    confusion, _ = confusions(probabilities, labels, np.arange(len(labels)), CLASSES)
    found = group_classes(confusion, means, CUT)
    assert same_groups(found, clustering.fit_predict(1 - alike))
    assert 20 < len(np.unique(found)) < 100


def test_dividing_classes_into_unconnected_parts_changes_no_group(outputs, monkeypatch):
    labels, probabilities, means = outputs
    confusion, _ = confusions(probabilities, labels, np.arange(len(labels)), CLASSES)
    whole = group_classes(confusion, means, 0.5)
    usual = class_groups._usual_cosine(means)
    monkeypatch.setattr(class_groups, "_usual_cosine", lambda _: usual)
    monkeypatch.setattr(class_groups, "AT_ONCE", 40)
    monkeypatch.setattr(class_groups, "_CHUNK_VALUES", 7 * CLASSES)
    links = class_groups._links(class_groups._mutual(confusion), means, usual, 0.5)
    parts = class_groups._parts(CLASSES, links, 0.5)
    assert 1 < np.bincount(parts).max() <= 40
    assert same_groups(group_classes(confusion, means, 0.5), whole)


def test_a_part_that_is_too_large_loses_its_weakest_links(monkeypatch):
    monkeypatch.setattr(class_groups, "AT_ONCE", 3)
    one, other = np.array([0, 1, 2, 3, 4, 6]), np.array([1, 2, 3, 4, 5, 7])
    weight = np.array([0.9, 0.9, 0.26, 0.9, 0.9, 0.26], np.float32)
    parts = class_groups._parts(8, (one, other, weight), 0.25)
    assert parts[0] == parts[1] == parts[2] != parts[3] == parts[4] == parts[5]
    assert parts[6] == parts[7]


def test_each_class_keeps_its_strongest_links(outputs, monkeypatch):
    _, _, means = outputs
    nothing = class_groups.csr_array((CLASSES, CLASSES))
    every, _, weights = class_groups._links(nothing, means, 0.0, 0.05)
    monkeypatch.setattr(class_groups, "_LINKS", 2)
    one, other, weight = class_groups._links(nothing, means, 0.0, 0.05)
    assert np.bincount(one).max() == 2
    for label in range(CLASSES):
        assert sorted(weight[one == label]) == sorted(weights[every == label])[-2:]
        assert label not in other[one == label]
