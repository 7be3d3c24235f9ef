"""The scan and the noise estimate agree with cleanlab, do not depend on chunks, and refuse what is no distribution."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint, get_confident_thresholds

from shelfmind.analysis.label_errors import confident_learning
from shelfmind.analysis.label_errors.confident_learning import estimate_noise, scan
from shelfmind.errors import UserError


def test_thresholds_and_joint_are_cleanlabs(planted):
    labels, probabilities = planted.held_out.labels, planted.probabilities
    noise = estimate_noise(probabilities, scan(probabilities, labels))
    theirs = get_confident_thresholds(labels, probabilities.astype(np.float64))
    assert noise.thresholds == pytest.approx(theirs, abs=1e-6)
    joint = compute_confident_joint(labels, probabilities.astype(np.float64), calibrate=False)
    scaled = joint * (np.bincount(labels) / joint.sum(axis=1))[:, None]
    assert noise.joint.toarray() == pytest.approx(scaled, abs=1e-9)
    assert noise.wrong.sum() == pytest.approx(scaled.sum() - np.trace(scaled))


def test_the_scan_keeps_the_best_other_classes_in_order():
    probabilities = np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]], np.float32)
    found = scan(probabilities, np.array([3, 1]))
    assert found.candidates.tolist() == [[2, 1, 0], [0, 2, 3]]
    assert found.candidate_probabilities[0] == pytest.approx([0.3, 0.2, 0.1])
    assert found.given == pytest.approx([0.4, 0.25])
    assert found.margin == pytest.approx([0.1, 0.0])


def test_chunks_and_a_memory_mapped_file_change_nothing(planted, tmp_path, monkeypatch):
    labels = planted.held_out.labels
    whole = scan(planted.probabilities, labels)
    np.save(tmp_path / "p.npy", planted.probabilities)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    expected = estimate_noise(planted.probabilities, whole)
    monkeypatch.setattr(confident_learning, "_CHUNK_VALUES", 3 * planted.probabilities.shape[1])
    seen: list[int] = []
    parts = scan(mapped, labels, seen.append)
    assert seen == [3] * (len(labels) // 3)
    for name in ("given", "candidates", "candidate_probabilities"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert np.array_equal(expected.joint.toarray(), estimate_noise(mapped, parts).joint.toarray())


@pytest.mark.parametrize("row", [[np.nan, 0.5], [0.9, 0.9], [1.5, -0.5], [0.0, 0.0], [np.inf, 0.0]])
def test_what_is_no_distribution_is_refused_with_its_row(row):
    probabilities = np.array([[0.5, 0.5], [0.2, 0.8], row], np.float32)
    with pytest.raises(UserError, match="row 2 "):
        scan(probabilities, np.zeros(3, np.int64))


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="labels must be"):
        scan(np.full((2, 2), 0.5, np.float32), np.array([0, 2]))


def test_a_class_without_images_or_without_a_confident_one_is_taken_to_be_right():
    probabilities = np.array([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0]], np.float32)
    noise = estimate_noise(probabilities, scan(probabilities, np.array([0, 0])))
    assert noise.wrong.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(noise.thresholds[1:]).all()
