"""Recognition with a large gallery uses its index, and follows its changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery import cells
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.inference import recognizer
from shelfmind.inference.predictor import Batch
from shelfmind.inference.recognizer import Answer, Recognizer
from shelfmind.recognition import shortlists
from shelfmind.recognition.evidence import Shortlists
from shelfmind.recognition.fusion import Fusion
from shelfmind.recognition.rule import COUNTS, LEARNT, WHITENING, Rule
from shelfmind.recognition.unknowns import Rejection

ME = Attribution("tester")
WIDTH, PRODUCTS, PHOTOS, CLASSES = 16, 40, 3, 60
RULE = Rule(Fusion(1, 1, 1, 8, 8, 0, 0), Rejection("photo", 0.8, 0.0, 0.1, 99), None, 99, "enrolled products")
MANY = 100


class ByProduct:
    """Embeds a photo "product:number" near the direction of its product."""

    identity: Mapping[str, Any] = {"weights": "some", "width": WIDTH}
    predictor = SimpleNamespace(
        class_names=tuple(f"class {each}" for each in range(CLASSES)), temperature=1.0, logits=lambda _: None
    )

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """A unit vector per photo."""
        return unit_rows(np.stack([self._vector(photo) for photo in photos]))

    def _vector(self, photo: bytes) -> Floats:
        product = photo.split(b":")[0]
        centre, noise = (np.random.default_rng(list(each)).standard_normal(WIDTH) for each in (product, photo))
        return np.asarray(centre + 0.25 * noise, np.float32)

    def batch(self, *photos: str) -> Batch:
        """The outputs for photos, of which the network knows no class."""
        probabilities = np.full((len(photos), CLASSES), 1 / CLASSES, np.float32)
        return Batch(photos, (None,) * len(photos), probabilities, self.embed(map(str.encode, photos), len(photos)))


EMBEDDER: Any = ByProduct()


def photos_of(product: str, count: int = PHOTOS) -> list[Photo]:
    return [Photo(product, f"{number}.jpg", f"{product}:{number}".encode()) for number in range(count)]


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """A calibrated gallery, and its cache."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    made = Gallery.create(LocalFiles(tmp_path / "gallery"), EMBEDDER, ME)
    made.add([photo for number in range(PRODUCTS) for photo in photos_of(f"tea {number}")], EMBEDDER, ME)
    learnt = EMBEDDER.embed([f"class {each // 2}:{each}".encode() for each in range(2 * CLASSES)], 2 * CLASSES)
    whitening = np.concatenate([np.zeros((1, WIDTH), np.float32), np.eye(WIDTH, dtype=np.float32)])
    record = {**RULE.as_record(), "summary": "made up", COUNTS: [2] * CLASSES}
    made.set_recognition(record, {LEARNT: learnt, WHITENING: whitening}, EMBEDDER, ME)
    return made


@pytest.fixture
def large(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """The same, large enough for an index."""
    monkeypatch.setattr(recognizer, "MIN_PHOTOS", MANY)
    monkeypatch.setattr(shortlists, "NEAREST", 8)
    monkeypatch.setattr(shortlists, "FOUND", 4)
    monkeypatch.setattr(cells, "MIN_COMPARED", 32)
    monkeypatch.setattr(cells, "MAX_SHARE_OF_EXACT", np.inf)
    return gallery


def opened(gallery: Gallery, notes: list[str] | None = None) -> Recognizer:
    return Recognizer(EMBEDDER, Gallery(gallery.files), ignored if notes is None else notes.append)


def ignored(text: str) -> None:
    """No test of notes."""


def answer(found: Recognizer, photo: str) -> Answer:
    return next(found.answers(EMBEDDER.batch(photo), 5))


def test_a_small_gallery_is_compared_with_in_full(gallery: Gallery) -> None:
    found = opened(gallery)
    assert found.shortlists == Shortlists()
    batch = EMBEDDER.batch("tea 3:new", "soap:new")
    exact = found.references.nearest(found.whitening(batch.embeddings))
    assert (found.evidence(batch).photos == exact).all()


def test_answers_by_the_index_are_the_exact_ones(large: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    found = opened(large, notes)
    assert notes == [f"building the index of {PRODUCTS * PHOTOS} enrolled photos, once; it is cached"]
    with monkeypatch.context() as patch:
        patch.setattr(recognizer, "MIN_PHOTOS", 10_000)
        exact = opened(large)
    assert found.shortlists.trained is not None
    assert found.shortlists.enrolled is not None
    assert exact.shortlists == Shortlists()
    for photo in [f"tea {each}:new" for each in range(10)] + ["class 5:new", "soap:new"]:
        one, other = answer(found, photo), answer(exact, photo)
        assert one.name == other.name
        assert one.candidates[0].reference == other.candidates[0].reference
        assert one.candidates[0].probability == pytest.approx(other.candidates[0].probability, abs=0.01)
        similarities = {each.name: each.similarity for each in other.candidates}
        for each in one.candidates:
            assert each.similarity == pytest.approx(similarities.get(each.name, each.similarity), abs=1e-6)
    opened(large, notes)
    assert len(notes) == 1


def test_an_index_follows_the_changes_of_its_gallery(large: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened(large)
    monkeypatch.setattr(cells, "fit_cells", None)  # it is never fitted again
    assert answer(before, "soap:new").name is None
    large.add(photos_of("soap"), EMBEDDER, ME)
    after = before.refreshed()
    assert after.shortlists.enrolled is not None
    assert answer(after, "soap:new").name == "soap"
    assert answer(before, "soap:new").name is None
    assert len(before.columns.names) == CLASSES + PRODUCTS
    large.remove("soap", ME)
    large.remove("tea 7", ME, ["0.jpg"])
    last = after.refreshed()
    assert answer(last, "soap:new").name is None
    assert answer(last, "tea 7:0").candidates[0].reference != answer(before, "tea 7:0").candidates[0].reference
    assert answer(last, "tea 7:0").name == "tea 7"
    large.add([photo for number in range(30) for photo in photos_of(f"milk {number}")], EMBEDDER, ME)
    assert answer(last.refreshed(), "milk 7:new").name == "milk 7"


def test_workers_that_start_together_build_one_index(large: Gallery) -> None:
    notes: list[str] = []
    with ThreadPoolExecutor(3) as workers:
        opening = [workers.submit(opened, large, notes) for _ in range(3)]
        found = [answer(each.result(), "tea 7:new").name for each in opening]
    assert (len(notes), found) == (1, ["tea 7"] * 3)


def test_without_the_means_to_build_an_index_all_photos_are_compared(
    large: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cells, "installed", lambda package: False)
        assert opened(large).shortlists.enrolled is None
    opened(large)
    monkeypatch.setattr(cells, "installed", lambda package: False)
    assert opened(large).shortlists.enrolled is not None  # it is cached


def test_products_of_one_photo_need_no_index(large: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "fit_cells", None)
    monkeypatch.setattr(recognizer, "MIN_PHOTOS", PRODUCTS)
    for number in range(PRODUCTS):
        large.remove(f"tea {number}", ME, ["1.jpg", "2.jpg"])
    found = opened(large)
    assert found.shortlists.enrolled is not None
    batch = EMBEDDER.batch(*(f"tea {each}:new" for each in range(PRODUCTS)))
    exact = found.references.nearest(found.whitening(batch.embeddings))
    assert found.evidence(batch).photos == pytest.approx(exact, abs=1e-6)
