"""A run's opinion becomes suspects, families and figures, and says which images it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from shelfmind.analysis.label_errors.held_out import hold_out
from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, network_findings
from shelfmind.arrays import Floats
from shelfmind.records import Catalog, Sample

EACH, WRONG = 30, (3, 70)


def test_wrong_labels_and_families_are_found(opinion: NetworkOutputs) -> None:
    label_findings = network_findings(opinion)
    worst = label_findings.suspected_labels[:2]
    assert {suspect.path for suspect in worst} == {f"{index}.jpg" for index in WRONG}
    assert {suspect.given for suspect in worst} == {"蜂蜜", "others"}
    (family,) = label_findings.figures["families"]
    assert set(family["classes"]) == {"可乐 330ml", "可乐 500ml"}
    assert family["share_of_all_errors"] > 0.5
    assert "in-sample probability" in next(each.detail for each in worst if each.split == "train")


def test_accuracies_are_those_of_unseen_images(opinion: NetworkOutputs) -> None:
    figures = network_findings(opinion).figures
    assert figures["checked_images"] == 5 * EACH
    assert figures["checked_images_trained_on"] == 5 * EACH - int(opinion.unseen.sum())


def test_a_run_that_saw_everything_claims_no_accuracy(opinion: NetworkOutputs) -> None:
    label_findings = network_findings(replace(opinion, unseen=np.zeros(5 * EACH, np.bool_)))
    assert label_findings.figures["shots"] == {}


def test_class_sizes_are_those_that_the_run_was_trained_on(opinion: NetworkOutputs) -> None:
    counts = np.array([150, 150, 15, 15, 15])
    shots = network_findings(replace(opinion, train_images=counts)).accuracies.shots
    assert [(group.name, group.classes) for group in shots] == [("many", 2), ("medium", 0), ("few", 3)]
    assert [group.classes for group in network_findings(opinion).accuracies.shots] != [2, 0, 3]


def test_trained_and_untrained_images_of_a_class_are_no_appearances(tmp_path: Path) -> None:
    """Networks of folds: test images are never trained on, whichever fold they are in."""
    samples = [
        Sample(tmp_path / split / str(label) / f"{number:03}.jpg", label, split)
        for label in range(2)
        for split, count in (("train", 40), ("test", 20))
        for number in range(count)
    ]
    catalog = Catalog(tuple(samples), ("水", "茶"), tmp_path, "folder", named_splits=frozenset({"train", "test"}))
    held_out = hold_out(catalog, 5)
    centres, apart = 4 * np.eye(2, 16), 3 * np.eye(1, 16, 2)
    noise = 0.1 * np.random.default_rng(0).normal(size=(len(samples), 16))

    def embeddings(fold: int) -> Floats:
        shifted = apart * ~held_out.trains(fold)[:, None]
        return np.asarray(centres[held_out.labels] + shifted + noise, np.float32)

    probabilities = np.where(np.eye(2)[held_out.labels] > 0, 0.9, 0.1).astype(np.float32)
    unseen = np.ones(held_out.checkable, np.bool_)
    outputs = NetworkOutputs("networks", held_out, probabilities, embeddings, unseen, tmp_path)
    found = network_findings(outputs).appearances
    assert (found.classes, found.several) == (2, ())
