"""A gallery's audit: its page and tables hold what was planted, and what cannot be audited is said in one line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind import gallery_audit
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import DamagedFileError, checksum, photo_name
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles

WIDTH = 16
ME = Attribution("tester")
LONG = "长" * 300
EVIL = "</script><b>\"quoted\" 'it's' & a/b\\c"


class Given:
    """Gives photos the vectors of a table."""

    def __init__(self) -> None:
        self.vectors: dict[str, np.ndarray] = {}

    @property
    def identity(self) -> Mapping[str, Any]:
        """Of no network."""
        return {"weights": "none", "width": WIDTH}

    def embed(self, photos: Iterable[bytes], total: int) -> np.ndarray:
        """The vector of each."""
        return np.stack([self.vectors[checksum(photo)] for photo in photos])


@pytest.fixture
def embedder() -> Given:
    return Given()


@pytest.fixture
def photos_of(embedder: Given, make_photo, encode) -> Callable[[str, np.ndarray, int, int], list[Photo]]:
    """Photos of a product, whose vectors lie about a direction."""

    def make(sku: str, centre: np.ndarray, count: int, seed: int) -> list[Photo]:
        made = []
        for number in range(count):
            photo = encode(make_photo(1000 * seed + number, 120, 90))
            noise = np.random.default_rng(1000 * seed + number).standard_normal(WIDTH) / np.sqrt(WIDTH)
            embedder.vectors[checksum(photo)] = unit_rows((centre + 0.5 * noise)[None])[0]
            made.append(Photo(sku, f"{sku[:20].replace('/', '_')} {number}.jpg", photo))
        return made

    return make


@pytest.fixture
def root(tmp_path: Path, embedder: Given, photos_of) -> Path:
    """A gallery with a product under two names, one of one photo, and odd names."""
    centres = unit_rows(np.random.default_rng(4).standard_normal((6, WIDTH)))
    photos = [
        *photos_of("可乐 330ml", centres[0], 6, 1),
        *photos_of("可口可乐 😀", centres[0], 6, 2),
        *photos_of(LONG, centres[1], 5, 3),
        *photos_of(EVIL, centres[2], 5, 4),
        *photos_of("独照", centres[3], 1, 5),
    ]
    gallery = Gallery.create(LocalFiles(tmp_path / "商品库"), embedder, ME)
    gallery.add(photos, embedder, ME)
    return tmp_path / "商品库"


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_page_and_the_tables_hold_what_was_found(root: Path, tmp_path: Path, in_english_only) -> None:
    audit = gallery_audit(root, out=tmp_path / "审计")
    kinds = {finding.kind: finding for finding in audit.findings}
    assert set(kinds) == {"all_but_another", "few_photos"}
    assert {kinds["all_but_another"].product, kinds["all_but_another"].other} == {"可乐 330ml", "可口可乐 😀"}
    folder = tmp_path / "审计"
    figures = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert figures["found"]["all_but_another"] == figures["found"]["few_photos"] == 1
    assert (figures["products"], figures["photos"], figures["nearest_to_own"]["evaluated"]) == (5, 23, 22)
    products = {row["product"]: row for row in rows_of(folder / "products.csv")}
    assert set(products) == {"可乐 330ml", "可口可乐 😀", LONG, EVIL, "独照"}
    assert (products["独照"]["evaluated"], products[LONG]["nearest_to_it"]) == ("0", "5")
    assert products["可乐 330ml"]["most_like"] == "可口可乐 😀"
    pairs = rows_of(folder / "mix_ups.csv")
    assert pairs[0]["all_but_one"] == "true"
    assert [row["kind"] for row in rows_of(folder / "findings.csv")] == [each.kind for each in audit.findings]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('<img class="thumb"') == 5
    assert LONG in page
    assert EVIL not in page
    assert "&lt;/script&gt;&lt;b&gt;&#34;quoted&#34; &#39;it&#39;s&#39; &amp; a/b\\c" in page
    left = in_english_only(page.replace("&lt;/script&gt;&lt;b&gt;&#34;quoted&#34; &#39;it&#39;s&#39; &amp; a/b\\c", ""))
    assert left <= {"numpy", "pillow", "scipy", "audit"}


def test_an_audit_takes_the_place_of_an_earlier_one_only_if_asked_to(root: Path, tmp_path: Path) -> None:
    gallery_audit(root, out=tmp_path / "a")
    with pytest.raises(UserError, match="overwrite"):
        gallery_audit(root, out=tmp_path / "a")
    gallery_audit(root, out=tmp_path / "a", overwrite=True)
    assert gallery_audit(root).folder is None


def test_what_cannot_be_audited_is_named(root: Path, tmp_path: Path, embedder: Given) -> None:
    with pytest.raises(UserError, match="there is no gallery at"):
        gallery_audit(tmp_path / "none")
    Gallery.create(LocalFiles(tmp_path / "empty"), embedder, ME)
    with pytest.raises(UserError, match="has no products yet"):
        gallery_audit(tmp_path / "empty", out=tmp_path / "out")
    gallery = Gallery(LocalFiles(root))
    sha256 = next(iter(gallery.state.photos_of("独照")))
    (root / photo_name(sha256)).unlink()
    with pytest.raises(DamagedFileError, match=rf"photos/{sha256[:2]}/{sha256} is damaged: it is missing"):
        gallery_audit(root, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_gallery_of_one_product(tmp_path: Path, embedder: Given, photos_of) -> None:
    gallery = Gallery.create(LocalFiles(tmp_path / "one"), embedder, ME)
    gallery.add(photos_of("茶", np.ones(WIDTH), 2, 1), embedder, ME)
    audit = gallery_audit(tmp_path / "one", out=tmp_path / "out")
    assert [finding.kind for finding in audit.findings] == ["few_photos"]
    assert rows_of(tmp_path / "out" / "products.csv")[0]["most_like"] == ""
