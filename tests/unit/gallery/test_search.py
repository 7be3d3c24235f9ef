"""Search by cells finds what an exact one finds, keeps its cells, and goes along with its gallery."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery import cells, following
from shelfmind.gallery.cells import CellSearch, search_of
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.gallery.following import GallerySearch, cells_cache
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.search import ExactSearch, Match, merged

ME = Attribution("tester")
PHOTOS = 4


@pytest.fixture
def large(monkeypatch):
    """Photos of products, enough of them for cells in this test."""
    monkeypatch.setattr(cells, "MIN_APPROXIMATE", 1000)
    monkeypatch.setattr(cells, "MIN_COMPARED", 32)
    monkeypatch.setattr(cells, "DIRECTIONS", 32)
    rng = np.random.default_rng(0)
    scale = (1 / np.arange(1, 129)).astype(np.float32)
    centres = rng.standard_normal((1000, 128), dtype=np.float32) * scale
    drawn = np.repeat(centres, PHOTOS, axis=0) + 0.5 * rng.standard_normal((4000, 128), dtype=np.float32) * scale
    asked = centres[:200] + 0.5 * rng.standard_normal((200, 128), dtype=np.float32) * scale
    entries = [Entry(f"s{index // PHOTOS:04d}", checksum(b"%d" % index), f"{index}.jpg") for index in range(4000)]
    return entries, unit_rows(drawn), unit_rows(asked)


def test_cells_find_what_an_exact_search_finds(large) -> None:
    entries, vectors, asked = large
    search, exact = search_of(entries, vectors), ExactSearch(entries, vectors)
    assert isinstance(search, CellSearch)
    found, wanted = search(asked, 3), exact(asked, 3)
    assert np.mean([one[0].entry == other[0].entry for one, other in zip(found, wanted, strict=True)]) >= 0.99
    for one, other in zip(found, wanted, strict=True):
        assert len({match.sku for match in one}) == 3
        similarities = [match.similarity for match in one]
        assert similarities == sorted(similarities, reverse=True)
        assert similarities[0] <= other[0].similarity + 1e-5
    for query in asked[:20]:
        low = search.cells.projected(query[None])
        nearness = search.cells.nearness(low)[0]
        places, _ = search.candidates(low[0], np.flatnonzero(nearness >= nearness.max() - search.cells.reach))
        assert len(places) < len(entries) / 2


def test_more_products_than_the_nearest_cells_hold_are_all_there(large) -> None:
    entries, vectors, asked = large
    everything = search_of(entries, vectors)(asked[:1], 5000)[0]
    assert [m.sku for m in everything] == [m.sku for m in ExactSearch(entries, vectors)(asked[:1], 5000)[0]]
    assert len(everything) == 1000


def test_vectors_without_neighbourhoods_are_compared_one_by_one(large, monkeypatch) -> None:
    entries = large[0]
    vectors = unit_rows(np.random.default_rng(1).standard_normal((4000, 128), dtype=np.float32))
    assert isinstance(search_of(entries, vectors), ExactSearch)


def test_cells_are_learnt_once_and_serve_new_photos(large, tmp_path, monkeypatch) -> None:
    entries, vectors, asked = large
    kept = tmp_path / "cache" / "some.cells"
    first = search_of(entries[:3900], vectors[:3900], kept)
    content = kept.read_bytes()

    def learnt(*_: object) -> None:
        raise AssertionError("the cells are known")

    with monkeypatch.context() as patch:
        patch.setattr(cells, "fit_cells", learnt)
        again = search_of(entries, vectors, kept)
        assert [found[0].entry for found in again(vectors[3950:], 1)] == entries[3950:]
        assert [found[0].sku for found in again(asked[:20], 1)] == [found[0].sku for found in first(asked[:20], 1)]
    assert kept.read_bytes() == content
    search_of(entries[:2000], vectors[:2000], kept)  # half of them are gone
    assert kept.read_bytes() != content


def test_kept_cells_that_are_damaged_are_learnt_anew(large, tmp_path) -> None:
    entries, vectors, _ = large
    kept = tmp_path / "some.cells"
    search_of(entries, vectors, kept)
    content = kept.read_bytes()
    for damaged in (b"", content[:-1], content[:500] + b"\0" + content[501:]):
        kept.write_bytes(damaged)
        assert isinstance(search_of(entries, vectors, kept), CellSearch)
        assert kept.read_bytes() == content


@pytest.mark.parametrize("kind", ["exact", "cells"])
def test_what_is_gone_is_not_found(large, kind) -> None:
    entries, vectors, _ = large
    search = search_of(entries, vectors) if kind == "cells" else ExactSearch(entries, vectors)
    assert search(vectors[:1], 1)[0][0].entry == entries[0]
    left = search.without(range(PHOTOS))
    assert left(vectors[:1], 1)[0][0].sku != "s0000"
    assert search(vectors[:1], 1)[0][0].entry == entries[0]
    assert left.without(range(PHOTOS - 1))(vectors[PHOTOS - 1 : PHOTOS], 1)[0][0].entry == entries[PHOTOS - 1]
    assert search.without(range(4000))(vectors[:1], 2) == [[]]


def test_matches_of_several_searches_are_ranked_together() -> None:
    entries = [Entry("tea", "1", "a"), Entry("tea", "2", "b"), Entry("cola", "3", "c")]
    tea, better, cola = (Match(each.sku, value, each) for each, value in zip(entries, (0.5, 0.9, 0.7), strict=True))
    assert merged([[tea], [better, cola]], 5) == [better, cola]
    assert merged([[cola], [tea]], 1) == [cola]


def photos(sku: str, *contents: str) -> list[Photo]:
    return [Photo(sku, f"{content}.jpg", content.encode()) for content in contents]


def test_a_search_goes_along_with_its_gallery(gallery, files, embedder, monkeypatch) -> None:
    gallery.add([*photos("tea", "a", "b"), *photos("cola", "c"), *photos("milk", "d")], embedder, ME)
    search, other = GallerySearch(Gallery(files)), Gallery(files)

    def first(content: str) -> tuple[str, str]:
        search.refresh()
        match = search(embedder.vector(content.encode())[None], 3)[0][0]
        return match.sku, match.entry.photo

    assert first("b") == ("tea", "b.jpg")
    with monkeypatch.context() as patch:
        patch.setattr(search, "_read_all", None)
        other.add(photos("soap", "e", "f"), embedder, ME)
        assert first("f") == ("soap", "f.jpg")
        other.rename("tea", "green tea", ME)
        assert first("b") == ("green tea", "b.jpg")
        other.remove("soap", ME, ["f.jpg"])
        assert first("f") != ("soap", "f.jpg")
        other.merge(["cola", "milk"], "drinks", ME)
        assert first("c") == ("drinks", "c.jpg")
        other.roll_back(2, ME)
        assert first("b") == ("tea", "b.jpg")
        other.compact(ME)
        assert first("d") == ("milk", "d.jpg")
    renewed = type(embedder)("second")
    other.re_embed(renewed, ME)
    search.refresh()
    assert search(renewed.vector(b"a")[None], 1)[0][0].entry.photo == "a.jpg"
    with monkeypatch.context() as patch:
        patch.setattr(following, "FEW_CHANGES", 0)
        other.remove("tea", ME)
        search.refresh()
        assert {match.sku for match in search(renewed.vector(b"a")[None], 9)[0]} == {"cola", "milk"}
    other.remove("cola", ME)
    other.remove("milk", ME)
    search.refresh()
    assert search(renewed.vector(b"a")[None], 9) == [[]]


def test_an_empty_gallery_is_searched_and_filled(gallery, files, embedder) -> None:
    search = GallerySearch(Gallery(files))
    assert search(embedder.vector(b"a")[None], 3) == [[]]
    gallery.add(photos("tea", "a"), embedder, ME)
    search.refresh()
    assert search(embedder.vector(b"a")[None], 3)[0][0].sku == "tea"


def test_cells_are_kept_apart_by_place_and_weights(gallery, files, embedder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    first = cells_cache(gallery)
    assert cells_cache(Gallery(files)) == first
    gallery.re_embed(type(embedder)("second"), ME)
    assert cells_cache(gallery) != first
