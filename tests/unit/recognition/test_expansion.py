"""The protocol of `expand`: nothing that judges is learnt, enrolled or calibrated on; figures are what they say."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.episodes import Photos
from shelfmind.recognition.expansion import Estimate, Expansion, Vectors, gallery_alone, measure
from shelfmind.records import Catalog, Sample

from .conftest import CLASSES, PRODUCTS, World


@pytest.fixture(scope="module")
def expansion(world: World, class_names: tuple[str, ...]) -> Expansion:
    def seen(each: int, seed: int) -> Photos:
        return world.photos(np.repeat(np.arange(CLASSES), each), seed)

    def unseen(each: int, seed: int) -> Photos:
        photos = world.photos(CLASSES + np.repeat(np.arange(PRODUCTS), each), seed)
        return Photos(photos.vectors, photos.labels - CLASSES, photos.probabilities, photos.logits)

    products = tuple(f"product {index}" for index in range(PRODUCTS))
    return Expansion(class_names, products, seen(10, 1), seen(5, 2), seen(10, 3), unseen(9, 4), unseen(10, 5))


def test_more_photos_make_new_products_better_known(expansion: Expansion) -> None:
    one, many = (measure(expansion, shots, 0, 0.2) for shots in (1, 8))
    assert many.unseen > one.unseen
    assert many.unseen > 0.85
    assert many.unseen_alone >= many.unseen
    assert many.seen_after > many.seen_before - 0.05
    assert many.auroc > 0.9
    assert many.harmonic_mean == pytest.approx(2 * many.unseen * many.seen_after / (many.unseen + many.seen_after))
    assert many.false_accepts < 0.35
    assert many.named > 0.8
    assert measure(expansion, 8, 0, 0.2) == many


def test_a_draw_enrols_so_many_of_each_and_more_of_the_same(expansion: Expansion) -> None:
    few, many = expansion.enrolled(3, 1), expansion.enrolled(8, 1)
    assert np.bincount(expansion.shots.labels[few]).tolist() == [3] * PRODUCTS
    assert set(few) <= set(many)
    assert set(few) != set(expansion.enrolled(3, 2))
    assert expansion.shots.labels[many].tolist() == sorted(expansion.shots.labels[many])


def test_a_gallery_alone_finds_the_nearest_photo(expansion: Expansion) -> None:
    vectors = Vectors(*(getattr(expansion, part).vectors for part in ("learnt", "seen", "shots", "unseen")))
    found = gallery_alone(expansion, vectors, 5, 0)
    rows = expansion.enrolled(5, 0)
    nearest = expansion.shots.labels[rows][(vectors.unseen @ vectors.shots[rows].T).argmax(axis=1)]
    assert found.unseen_alone == pytest.approx((nearest == expansion.unseen.labels).mean())
    assert found.unseen <= found.unseen_alone

    noise = np.random.default_rng(0)
    random = Vectors(*(unit_rows(noise.standard_normal(part.shape)) for part in (vars(vectors).values())))
    assert gallery_alone(expansion, random, 5, 0).unseen_alone < 0.3


def test_estimates_are_over_seeds() -> None:
    found = Estimate.of([[0.5, 0.7], [0.8, 0.8]])
    assert found.mean == pytest.approx(0.7)
    assert found.ci95 is not None
    assert found.ci95.low < 0.0 < 1.0 < found.ci95.high  # two seeds say little
    assert Estimate.of([[0.5, 0.7]]).ci95 is None


def _catalog(*splits: str, classes: int = 8, each: int = 10) -> Catalog:
    samples = [
        Sample(Path(f"{split}/{label}/{number}.jpg"), label, split)
        for split in splits
        for label in range(classes)
        for number in range(each)
    ]
    return Catalog(tuple(samples), tuple("abcdefgh"[:classes]), Path("data"), "folder", named_splits=frozenset(splits))


@pytest.mark.parametrize(("splits", "judge"), [(("train", "val", "test"), "test"), (("train", "val"), "val")])
def test_what_judges_is_used_for_nothing_else(splits: tuple[str, ...], judge: str) -> None:
    from shelfmind.training.expand import parts_of

    catalog = _catalog(*splits)
    parts = parts_of(catalog, 0.25, seed=3)
    names = [each.name for each in fields(parts) if not each.name.endswith("names")]
    paths = {name: {sample.path for sample in getattr(parts, name)} for name in names}
    for first in names:
        for second in names:
            assert first == second or not paths[first] & paths[second]
    assert {path.parts[0] for path in paths["seen"] | paths["unseen"]} == {judge}
    assert {path.parts[0] for path in paths["train"] | paths["shots"]} == {"train"}
    assert len(parts.unseen_names) == 2
    assert not set(parts.unseen_names) & set(parts.seen_names)
    for name in names:
        own = parts.unseen_names if name in ("shots", "unseen") else parts.seen_names
        for sample in getattr(parts, name):
            assert own[sample.label] == catalog.class_names[int(sample.path.parts[1])]
    assert parts_of(catalog, 0.25, seed=3) == parts
    assert parts_of(catalog, 0.25, seed=4).unseen_names != parts.unseen_names


def test_photos_of_a_class_without_training_photos_calibrate_nothing() -> None:
    from shelfmind.training.expand import parts_of

    catalog = _catalog("train", "val", "test")
    extra = Sample(Path("val/8/0.jpg"), 8, "val")
    more = replace(catalog, samples=(*catalog.samples, extra), class_names=(*catalog.class_names, "i"))
    assert parts_of(more, 0.25, seed=3) == parts_of(catalog, 0.25, seed=3)


def test_too_few_classes_are_refused() -> None:
    from shelfmind.training.expand import parts_of

    with pytest.raises(UserError, match="1 unseen class; at least 2"):
        parts_of(_catalog("train", "val", classes=4), 0.25, seed=0)
