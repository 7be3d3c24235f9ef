"""Planted families are found, and their figures are what they say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from shelfmind.analysis.label_errors import families
from shelfmind.analysis.label_errors.families import find_families

FAMILIES = ([0, 1, 2], [3, 4], [5], [6], [7])
EACH = 40


@pytest.fixture(scope="module")
def siblings() -> SimpleNamespace:
    """Eight classes; those of a family share most of their direction and are mixed up in a quarter of the images."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    group = np.array([next(place for place, family in enumerate(FAMILIES) if c in family) for c in range(8)])
    directions = axes[group] + 0.5 * axes[8:]
    labels = np.repeat(np.arange(8), EACH)
    seen = labels.copy()
    for place in np.flatnonzero(rng.random(len(labels)) < 0.25):
        seen[place] = rng.choice(FAMILIES[group[labels[place]]])
    probabilities = np.full((len(labels), 8), 0.01)
    probabilities[np.arange(len(labels)), seen] = 0.93
    embeddings = directions[labels] + 0.1 * rng.normal(size=(len(labels), 16))
    return SimpleNamespace(
        paths=[f"{place}.jpg" for place in range(len(labels))],
        labels=labels,
        probabilities=probabilities.astype(np.float32),
        embeddings=embeddings.astype(np.float16),
        class_names=[f"class {label}" for label in range(8)],
        seen=seen,
    )


def found(data: SimpleNamespace, **more: object) -> families.Families:
    return find_families(
        data.paths,
        data.labels,
        data.probabilities,
        data.embeddings,
        data.class_names,
        **more,  # type: ignore[arg-type]
    )


def test_planted_families_come_back(siblings):
    result = found(siblings)
    assert sorted(sorted(m.class_id for m in f.members) for f in result.families) == [[0, 1, 2], [3, 4]]
    assert result.lone_classes == 3
    assert result.inner_error_share == 1.0


def test_figures_of_a_family_are_counts_of_its_images(siblings):
    first = found(siblings).families[0]
    own = siblings.labels < 3
    wrong = siblings.seen[own] != siblings.labels[own]
    assert first.images == 3 * EACH
    assert first.errors == first.inner_errors == wrong.sum()
    assert first.accuracy == first.within_accuracy == pytest.approx(1 - wrong.mean())
    assert first.error_share == pytest.approx(wrong.sum() / (siblings.seen != siblings.labels).sum())
    assert sum(member.correct for member in first.members) == (~wrong).sum()


def test_accuracy_within_a_family_leaves_out_guesses_outside(siblings):
    probabilities = siblings.probabilities.copy()
    probabilities[:4] = np.eye(8)[7]  # four of class 0 are taken for a class of no family
    data = SimpleNamespace(**{**vars(siblings), "probabilities": probabilities})
    first = next(f for f in found(data).families if len(f.members) == 3)
    inside = siblings.labels < 3
    inside[:4] = False
    assert first.within_accuracy == pytest.approx((siblings.seen == siblings.labels)[inside].mean())
    assert first.accuracy < first.within_accuracy


def test_examples_are_the_most_typical_images_of_their_class(siblings):
    for family in found(siblings).families:
        for member in family.members:
            places = [int(path.split(".")[0]) for path in member.examples]
            assert len(places) == families.EXAMPLES
            assert {siblings.labels[place] for place in places} == {member.class_id}


def test_only_measured_images_count(siblings):
    measured = np.zeros(len(siblings.labels), np.bool_)
    measured[::2] = True
    result = found(siblings, measured=measured)
    assert sum(family.images for family in result.families) == 5 * EACH // 2
    nothing = found(siblings, measured=np.zeros_like(measured))
    assert nothing.inner_error_share == 0
    assert all(family.accuracy is None and family.errors == 0 for family in nothing.families)


def test_classes_without_images_and_a_single_class_are_no_family(siblings):
    probabilities = np.pad(siblings.probabilities, ((0, 0), (0, 1)))
    names = [*siblings.class_names, "empty"]
    data = SimpleNamespace(**{**vars(siblings), "probabilities": probabilities, "class_names": names})
    result = found(data)
    assert result.lone_classes == 3
    alone = siblings.labels == 0
    single = find_families(
        ["x"] * EACH, siblings.labels[alone], siblings.probabilities[alone], siblings.embeddings[alone], names[:8]
    )
    assert single.families == ()
