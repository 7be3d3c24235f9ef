"""A run's opinion becomes suspects, families and figures, and says which images it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shelfmind.analysis.held_out import HeldOut
from shelfmind.analysis.judgement import Opinion, judgement_of
from shelfmind.records import Sample

CLASSES = ("可乐 330ml", "可乐 500ml", "酱油", "蜂蜜", "others")
EACH = 30
WRONG = (3, 70)


@pytest.fixture
def opinion(tmp_path: Path) -> Opinion:
    """Five classes, the first two alike; two images are labelled as another class."""
    generator = np.random.default_rng(0)
    truth = np.repeat(np.arange(5), EACH)
    centres = 4 * np.eye(5, 8)
    centres[1] = centres[0] + 0.4 * np.eye(1, 8, 6)[0]
    embeddings = (centres[truth] + 0.3 * generator.normal(size=(5 * EACH, 8))).astype(np.float32)
    logits = 8 * np.eye(5)[truth] + generator.normal(size=(5 * EACH, 5))
    logits[truth < 2, :2] = 4 + 2 * generator.normal(size=(2 * EACH, 2))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = truth.copy()
    labels[list(WRONG)] = 3, 4
    splits = ["train" if place % 3 else "test" for place in range(len(truth))]
    samples = [Sample(tmp_path / f"{place}.jpg", int(labels[place]), splits[place]) for place in range(len(truth))]
    held_out = HeldOut(
        samples=tuple(samples),
        names=tuple(f"{place}.jpg" for place in range(len(truth))),
        given=tuple(CLASSES[label] for label in labels),
        labels=labels.astype(np.int64),
        folds=np.zeros(len(truth), np.int64),
        class_names=CLASSES,
    )
    unseen = np.array([split == "test" for split in splits])
    return Opinion("a run", held_out, probabilities.astype(np.float32), lambda fold: embeddings, unseen, tmp_path)


def test_wrong_labels_and_families_are_found(opinion: Opinion) -> None:
    judgement = judgement_of(opinion)
    worst = [suspect for suspect in judgement.suspects if suspect.kind == "label"][:2]
    assert {suspect.path for suspect in worst} == {f"{place}.jpg" for place in WRONG}
    assert {suspect.given for suspect in worst} == {"蜂蜜", "others"}
    (family,) = judgement.figures["families"]
    assert set(family["classes"]) == {"可乐 330ml", "可乐 500ml"}
    assert family["share_of_all_errors"] > 0.5
    assert [section.key for section in judgement.sections] == ["labels", "outliers", "accuracy", "families"]
    unseen, trained_on = judgement.sections[0].galleries
    shown = {gallery.cards[0].pictures[0].name for gallery in (unseen, trained_on)}
    assert shown == {f"{place}.jpg" for place in WRONG}
    assert "was trained on the image" in next(each.detail for each in worst if each.split == "train")
    assert judgement.headlines[0].grade == "bad"


def test_accuracies_are_those_of_unseen_images(opinion: Opinion) -> None:
    figures = judgement_of(opinion).figures
    assert figures["judged_images"] == 5 * EACH
    assert figures["judged_images_trained_on"] == 5 * EACH - int(opinion.unseen.sum())
    assert "trained on by the very network" in judgement_of(opinion).sections[0].intro
    honest = judgement_of(replace(opinion, unseen=np.ones(5 * EACH, np.bool_)))
    assert "No network judges an image that it was trained on" in honest.sections[0].intro


def test_a_run_that_saw_everything_claims_no_accuracy(opinion: Opinion) -> None:
    judgement = judgement_of(replace(opinion, unseen=np.zeros(5 * EACH, np.bool_)))
    assert judgement.figures["shots"] == {}
    assert judgement.sections[2].charts == ()
