"""Photos beside a gallery: known ones, groups of new products, and products that look otherwise."""

from __future__ import annotations

import csv
import os

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.discovery import discover_groups
from shelfmind.gallery.discovery_folder import (
    CHANGED,
    GROUPS,
    NEW,
    TABLE,
    VECTORS,
    Discovery,
    read_discovery,
    write_discovery,
)

WIDTH, SPREAD = 16, 0.35


class Shop:
    """Products as directions; photos scatter around them."""

    def __init__(self, products=24, seed=0):
        self.random = np.random.default_rng(seed)
        self.directions = self.random.normal(size=(products, WIDTH))

    def photos(self, product, count, shift=0.0):
        """Vectors of photos of a product."""
        moved = self.directions[product] + shift
        return unit_rows(moved + SPREAD * self.random.normal(size=(count, WIDTH)))

    def gallery(self, products, each=5):
        """Entries and their vectors."""
        entries = [Entry(f"商品 {product:02}", f"g{product}-{n}", "x.jpg") for product in products for n in range(each)]
        parts = [np.zeros((0, WIDTH), np.float32), *(self.photos(product, each) for product in products)]
        return entries, np.concatenate(parts)


def named(vectors, word):
    return [(f"/照片/{word}{number}.jpg", f"{word}{number}") for number in range(len(vectors))]


@pytest.fixture
def shop():
    return Shop()


def test_known_photos_are_left_out_and_the_others_are_grouped(shop):
    entries, references = shop.gallery(range(16))
    known, first, second = shop.photos(3, 6), shop.photos(20, 7), shop.photos(21, 5)
    photos = named(known, "known") + named(first, "first") + named(second, "second")
    found = discover_groups(photos, np.concatenate([known, first, second]), entries, references)
    assert len(found.known) >= 5
    assert {photo.nearest.sku for photo in found.known} == {"商品 03"}
    assert all(photo.sha256.startswith("known") for photo in found.known)
    large = found.groups[:2]
    assert [{photo.sha256.rstrip("0123456789") for photo in group.photos} for group in large] == [{"first"}, {"second"}]
    assert [group.kind for group in large] == [NEW, NEW]
    assert [group.number for group in found.groups] == list(range(1, len(found.groups) + 1))
    assert len(found.vectors) == sum(len(group.photos) for group in found.groups) == found.figures["in_groups"]
    assert found.figures["learnt_from"] == "gallery"
    rows = {photo.sha256: row for photo, row in zip(large[0].photos, found.vectors, strict=False)}
    original = {sha256: row for (_, sha256), row in zip(named(first, "first"), first, strict=True)}
    assert all(np.allclose(rows[sha256], original[sha256]) for sha256 in rows)


def test_a_product_that_looks_otherwise_is_a_group_near_it(shop):
    entries, references = shop.gallery(range(16), each=8)
    shift = 0.28 * np.linalg.norm(shop.directions[5]) * unit_rows(shop.random.normal(size=(1, WIDTH)))[0]
    otherwise = shop.photos(5, 8, shift)
    found = discover_groups(
        named(otherwise, "photo"), otherwise, entries, references, accepts=lambda paths, rows: np.zeros(len(rows), bool)
    )
    assert [(group.kind, group.nearest.sku) for group in found.groups[:1]] == [(CHANGED, "商品 05")]
    assert not found.known


def test_whoever_knows_better_says_what_is_known(shop):
    entries, references = shop.gallery(range(16))
    vectors = np.concatenate([shop.photos(3, 4), shop.photos(20, 4)])
    photos = named(vectors, "photo")
    asked = []

    def accepts(paths, rows):
        asked.append((list(paths), len(rows)))
        return np.arange(len(paths)) == 7

    found = discover_groups(photos, vectors, entries, references, accepts=accepts)
    assert asked == [([path for path, _ in photos], 8)]
    assert [photo.path for photo in found.known] == ["/照片/photo7.jpg"]


def test_an_enrolled_photo_is_known_whatever_it_looks_like(shop):
    entries, references = shop.gallery(range(16))
    vectors = shop.photos(20, 2)
    found = discover_groups([("a.jpg", "g4-0"), ("b.jpg", "new")], vectors, entries, references)
    assert "a.jpg" in [photo.path for photo in found.known]


def test_with_an_empty_gallery_all_is_new(shop):
    vectors = np.concatenate([shop.photos(product, 10) for product in range(5)])
    found = discover_groups(named(vectors, "photo"), vectors, [], np.zeros((0, WIDTH), np.float32))
    assert {group.kind for group in found.groups} == {NEW}
    assert all(group.nearest is None for group in found.groups)
    assert found.figures["learnt_from"] == "photos"
    assert not found.known


@pytest.mark.parametrize("products", [0, 1, 2])
def test_a_few_photos_beside_a_small_gallery_are_listed(shop, products):
    entries, references = shop.gallery(range(products), each=2)
    vectors = shop.photos(20, 2)
    found = (
        discover_groups(named(vectors, "photo"), vectors, entries, references.reshape(-1, WIDTH))
        if products
        else (discover_groups(named(vectors, "photo"), vectors, [], np.zeros((0, WIDTH), np.float32)))
    )
    listed = [photo for group in found.groups for photo in group.photos] + [*found.alone, *found.known]
    assert len(listed) == 2


def test_photos_all_different_make_no_group_unless_one_is_enough(shop):
    entries, references = shop.gallery(range(16))
    vectors = np.concatenate([shop.photos(product, 1) for product in (20, 21, 22)])
    found = discover_groups(named(vectors, "photo"), vectors, entries, references)
    assert not found.groups
    assert len(found.alone) == 3
    assert found.vectors.shape == (0, WIDTH)
    alone = discover_groups(named(vectors, "photo"), vectors, entries, references, least=1)
    assert [len(group.photos) for group in alone.groups] == [1, 1, 1]
    assert {group.likeness for group in alone.groups} == {1.0}


def test_no_photo_at_all(shop):
    entries, references = shop.gallery(range(16))
    found = discover_groups([], np.zeros((0, WIDTH), np.float32), entries, references)
    assert (found.groups, found.known, found.alone) == ((), (), ())


# The folder


@pytest.fixture
def discovery(shop):
    entries, references = shop.gallery(range(16))
    vectors = np.concatenate([shop.photos(3, 2), shop.photos(20, 6)])
    photos = named(vectors, "photo")
    photos[3] = (os.fsdecode(b"/\xff\xfe/p.jpg"), "photo3")
    found = discover_groups(photos, vectors, entries, references)
    assert found.groups
    identity = {"weights": "first", "width": WIDTH}
    bad = (("/照片/坏.jpg", "truncated"),)
    return Discovery("/g", identity, found.figures, found.groups, found.known, found.alone, bad, found.vectors)


def test_what_is_written_is_read(discovery, tmp_path):
    write_discovery(tmp_path, discovery)
    found = read_discovery(tmp_path)
    np.testing.assert_array_equal(found.vectors, discovery.vectors)
    for name in ("gallery", "embedder", "figures", "groups", "known", "alone", "unusable"):
        assert getattr(found, name) == getattr(discovery, name), name
    assert [len(rows) for rows in found.vectors_of()] == [len(group.photos) for group in found.groups]
    with open(tmp_path / TABLE, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9
    assert rows[-1] == {
        "path": "/照片/坏.jpg",
        "group": "",
        "nearest": "",
        "similarity": "",
        "what": "unusable: truncated",
    }
    assert os.fsdecode(b"/\xff\xfe/p.jpg") in [row["path"] for row in rows]


def test_a_damaged_folder_is_refused(discovery, tmp_path):
    with pytest.raises(UserError, match="is not a discovery"):
        read_discovery(tmp_path)
    write_discovery(tmp_path, discovery)
    content = bytearray((tmp_path / VECTORS).read_bytes())
    content[-1] ^= 1
    (tmp_path / VECTORS).write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_discovery(tmp_path)
    (tmp_path / GROUPS).write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        read_discovery(tmp_path)
    (tmp_path / GROUPS).write_text('{"format": 99}')
    with pytest.raises(UserError, match="newer"):
        read_discovery(tmp_path)
