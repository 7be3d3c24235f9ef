"""What a guard finds: planted faults are found with their numbers, and nothing in products that are well enrolled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFilter

from shelfmind.analysis.measuring.contents import Content, cache_by_content, measure_contents
from shelfmind.analysis.measuring.measurement import FACTS, Measured, measure_files
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.findings import KINDS, Finding, findings_of, sentences
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.likeness import Likeness
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution, ChangeOutcome
from shelfmind.images.fingerprints import FINGERPRINT

WIDTH = 32
NOTHING = Measured(np.zeros(0, np.int64), np.zeros(0, FACTS), np.zeros(0, FINGERPRINT), ())
Vectors = Mapping[str, np.ndarray]


def around(centre: np.ndarray, count: int, seed: int, noise: float = 0.5) -> np.ndarray:
    """Unit vectors about a direction."""
    drawn = np.random.default_rng(seed).standard_normal((count, WIDTH)) / np.sqrt(WIDTH)
    return unit_rows(centre + noise * drawn)


def directions(count: int, seed: int = 0) -> np.ndarray:
    """Centres of products that are far apart."""
    return unit_rows(np.random.default_rng(seed).standard_normal((count, WIDTH)))


def well_enrolled(products: int = 12, photos: int = 8) -> dict[str, np.ndarray]:
    """Products that nothing is wrong with."""
    return {f"product {number}": around(centre, photos, number) for number, centre in enumerate(directions(products))}


def enrolled_of(vectors: Vectors, checked: Sequence[str] | None = None, trained: Vectors | None = None) -> Enrolled:
    """Photos with these vectors; asked about are all products or some."""
    entries = [Entry(sku, f"{sku}{row}", f"{row}.jpg") for sku, of in vectors.items() for row in range(len(of))]
    chosen = np.array([checked is None or entry.sku in checked for entry in entries])
    return Enrolled(entries, np.concatenate(list(vectors.values())), chosen, NOTHING, trained or {})


def of_kind(findings: Sequence[Finding], kind: str) -> list[Finding]:
    return [finding for finding in findings if finding.kind == kind]


def test_each_photo_is_left_out_of_its_own_product() -> None:
    vectors = well_enrolled(3, 4) | {"lone": around(directions(1, 9)[0], 1, 7)}
    rows, labels = np.concatenate(list(vectors.values())), np.repeat([0, 1, 2, 3], [4, 4, 4, 1])
    order = np.random.default_rng(0).permutation(len(rows))
    likeness = Likeness(rows[order], labels[order], 4)
    others_of = [order[(labels[order] == labels[photo]) & (order != photo)] for photo in order]
    own = [float(rows[p] @ unit_rows(rows[o].sum(0)[None])[0]) for p, o in zip(order, others_of, strict=True) if len(o)]
    photos = np.arange(len(rows))
    lone = int(np.flatnonzero(order == 12)[0])
    found = likeness.to_own(photos)
    assert np.isnan(found[lone])
    np.testing.assert_allclose(np.delete(found, lone), own, atol=1e-5)
    pairs = [float(rows[a] @ rows[b]) for a in range(4) for b in range(a)]
    np.testing.assert_allclose(likeness.within[0], np.mean(pairs), atol=1e-5)
    assert np.isnan(likeness.within[3])
    index, cosine = likeness.nearest_other(photos)
    assert (index != likeness.labels).all()
    prototypes = unit_rows(np.stack([of.sum(0) for of in vectors.values()]))
    plain = (rows[order] @ prototypes.T)[photos, index]
    np.testing.assert_allclose(cosine, plain, atol=1e-5)


def test_nothing_is_found_in_products_that_are_well_enrolled() -> None:
    assert findings_of(enrolled_of(well_enrolled())) == []
    assert findings_of(enrolled_of(well_enrolled(), checked=["product 3"])) == []
    assert findings_of(enrolled_of(well_enrolled(), checked=[])) == []


@pytest.mark.parametrize("checked", [None, ["又名"]])
def test_one_product_under_two_names_is_found_with_the_confusions_to_be_expected(checked) -> None:
    vectors = well_enrolled() | {"又名": around(directions(12)[4], 8, 77)}
    (found,) = findings_of(enrolled_of(vectors, checked))
    assert (found.kind, {found.product, found.other}) == ("all_but_another", {"product 4", "又名"})
    taken, other_taken = found.figures["taken_for_other"], found.figures["other_taken_for_it"]
    for own, other, counted in ((found.product, found.other, taken), (found.other, found.product, other_taken)):
        towards = vectors[other].sum(0) / np.linalg.norm(vectors[other].sum(0))
        left_out = [vectors[own].sum(0) - row for row in vectors[own]]
        pairs = zip(vectors[own], left_out, strict=True)
        nearer = [row @ towards > row @ (rest / np.linalg.norm(rest)) for row, rest in pairs]
        assert counted == (sum(nearer), 8)
    assert found.figures["expected_errors"] == (taken[0] + other_taken[0]) / 16 > 0.25
    assert f"{taken[0]} of 8 photos of {found.product} are closer to {found.other}" in found.sentence
    assert {entry.sku for entry in found.photos} == {found.product}
    assert {entry.sku for entry in found.others} == {found.other}


def test_siblings_are_listed_but_not_called_one_as_long_as_most_photos_are_right() -> None:
    first, second = directions(2, 5)
    sibling = unit_rows((first + 0.35 * second)[None])[0]
    vectors = well_enrolled() | {"mild": around(first, 16, 1, 0.6), "strong": around(sibling, 16, 2, 0.6)}
    enrolled = enrolled_of(vectors)
    assert of_kind(findings_of(enrolled), "all_but_another") == []
    (pair,) = enrolled.mix_ups
    assert {enrolled.names[pair.product], enrolled.names[pair.other]} == {"mild", "strong"}
    assert pair.share is not None
    assert 0 < pair.share <= 0.25


def test_an_only_photo_is_judged_by_how_like_the_other_products_photos_it_is() -> None:
    centre = directions(12)[4]
    typical = unit_rows(around(centre, 8, 4).sum(0)[None])
    found = of_kind(findings_of(enrolled_of(well_enrolled() | {"one": typical}, ["one"])), "all_but_another")
    assert [(each.product, each.other) for each in found] == [("one", "product 4")]
    assert "taken_for_other" not in found[0].figures
    assert found[0].figures["likeness"] >= found[0].figures["likeness_within"]
    alien = directions(1, 99)
    assert of_kind(findings_of(enrolled_of(well_enrolled() | {"one": alien}, ["one"])), "all_but_another") == []


def test_pairs_of_only_photos_are_compared_with_what_is_usual_in_the_gallery() -> None:
    one = around(directions(12)[0], 1, 50)
    lone = well_enrolled(4) | {"a": unit_rows(directions(1, 60)), "b": unit_rows(directions(1, 60) + 1e-3)}
    assert {(each.product, each.other) for each in of_kind(findings_of(enrolled_of(lone)), "all_but_another")} == {
        ("a", "b")
    }
    alone = {"a": one, "b": one}  # there is nothing to say what is usual
    assert of_kind(findings_of(enrolled_of(alone)), "all_but_another") == []


@pytest.mark.parametrize("photos", [3, 5, 8])
def test_a_wrong_photo_is_found_and_the_product_that_it_shows(photos: int) -> None:
    vectors = well_enrolled(12, photos)
    wrong = around(directions(12)[7], 1, 123)
    vectors["product 2"] = np.concatenate([vectors["product 2"][:-1], wrong])
    for checked in (None, ["product 2"]):
        (found,) = of_kind(findings_of(enrolled_of(vectors, checked)), "stray")
        assert (found.product, found.other) == ("product 2", "product 7")
        assert found.photos[0].photo == f"{photos - 1}.jpg"
        assert found.figures["deviations"] > 3.5
        assert found.figures["likeness_to_other"] > found.figures["likeness"]


def test_of_two_photos_that_disagree_both_are_named_once() -> None:
    vectors = well_enrolled() | {"two": directions(2, 31)}
    (found,) = of_kind(findings_of(enrolled_of(vectors, ["two"])), "stray")
    assert found.sentence.startswith(
        ("0.jpg and 1.jpg, the two photos of two,", "1.jpg and 0.jpg, the two photos of two,")
    )
    assert len(found.photos) == 2


def test_a_product_of_few_photos_and_one_that_is_a_trained_class() -> None:
    vectors = well_enrolled() | {"few": around(directions(1, 70)[0], 4, 70)}
    (found,) = findings_of(enrolled_of(vectors, ["few"]))
    assert (found.kind, found.figures) == ("few_photos", {"photos": 4})
    trained = {"known": directions(12)[3], "another": directions(1, 80)[0]}
    (found,) = findings_of(enrolled_of(well_enrolled(), trained=trained))
    assert (found.kind, found.product, found.other) == ("trained_class", "product 3", "known")
    assert found.figures["taken_for_other"][0] > 2


@pytest.mark.parametrize("vectors", [{"one": directions(1)}, {"one": around(directions(1)[0], 20, 3)}])
def test_a_gallery_of_one_product_is_only_told_of_too_few_photos(vectors: Vectors) -> None:
    enrolled = enrolled_of(vectors)
    kinds = {finding.kind for finding in findings_of(enrolled)}
    assert kinds == ({"few_photos"} if len(vectors["one"]) == 1 else set())
    assert enrolled.mix_ups == []


def test_the_first_few_of_each_kind_are_said_and_how_many_more_there_are() -> None:
    vectors = {f"p{number}": around(centre, 2, number, 0.1) for number, centre in enumerate(directions(9))}
    said = sentences(findings_of(enrolled_of(vectors)))
    assert len(said) == 4
    assert said[-1] == "Products with few photos: 6 more"


Bytes = Callable[..., bytes]


@pytest.fixture
def photos(make_photo, encode: Bytes) -> list[bytes]:
    """Eight photos of things that have nothing to do with each other."""
    return [encode(make_photo(seed)) for seed in range(8)]


def looked_at(old: Mapping[str, Sequence[bytes]], new: Mapping[str, Sequence[bytes]]) -> list[Finding]:
    """What the guard finds in new photos, each of which has a vector of its own."""
    contents = {checksum(photo): photo for side in (old, new) for of in side.values() for photo in of}
    vector = {sha: directions(1, number)[0] for number, sha in enumerate(contents)}

    def side(of: Mapping[str, Sequence[bytes]]) -> tuple[list[Entry], np.ndarray]:
        entries = [Entry(sku, checksum(p), f"{sku}{i}.jpg") for sku, photos in of.items() for i, p in enumerate(photos)]
        return entries, np.array([vector[each.sha256] for each in entries], np.float32).reshape(-1, WIDTH)

    return Guard()(side(old), side(new), contents.__getitem__)


def test_copies_within_a_product_and_across_two(photos, make_photo, encode: Bytes) -> None:
    smaller = encode(make_photo(0).resize((150, 123)), quality=80)
    found = looked_at({"tea": photos[:3]}, {"tea": [smaller]})
    (copies,) = of_kind(found, "copies")
    assert {entry.photo for entry in copies.photos} == {"tea0.jpg"}
    assert copies.figures["photos"] == 2
    (across,) = of_kind(looked_at({"tea": photos[:1]}, {"cola": [smaller, photos[4]]}), "two_products")
    assert (across.product, across.other, across.photos[0].photo) == ("cola", "tea", "cola0.jpg")
    assert "cola0.jpg of cola is nearly the same photo as tea0.jpg of tea" in across.sentence
    (same,) = of_kind(looked_at({"tea": photos[:1]}, {"cola": photos[:2]}), "two_products")
    assert same.figures["difference"] == 0
    assert of_kind(looked_at({"tea": photos[:3]}, {"cola": photos[3:6]}), "two_products") == []
    assert of_kind(looked_at({}, {"tea": photos[:3], "cola": photos[3:]}), "copies") == []


def test_blur_is_told_of_new_photos_only(photos, make_photo, encode: Bytes) -> None:
    blurred = encode(make_photo(9).filter(ImageFilter.GaussianBlur(8)))
    (found,) = of_kind(looked_at({"tea": photos}, {"tea": [blurred]}), "blur")
    assert found.figures["blur"] > 0.63
    assert "blurred (blur 0." in found.sentence
    assert of_kind(looked_at({"tea": [*photos[1:], blurred]}, {"tea": photos[:1]}), "blur") == []


def test_what_was_measured_is_not_decoded_again(photos, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(3)]
    for path, photo in zip(paths, photos, strict=False):
        path.write_bytes(photo)
    cache = tmp_path / "facts.sqlite"
    by_file = measure_files(paths, cache=None, folder=tmp_path, progress=lambda done: None)
    cache_by_content(by_file, cache)
    contents = [Content(checksum(photo), "x.jpg") for photo in photos[:3]]
    read: list[str] = []

    def fetch(sha256: str) -> bytes:
        read.append(sha256)
        return {checksum(photo): photo for photo in [*photos, b"no image"]}[sha256]

    found = measure_contents(contents, fetch, cache=cache, progress=lambda done: None)
    assert read == []
    assert found.facts.tobytes() == by_file.facts.tobytes()
    assert found.fingerprints.tobytes() == by_file.fingerprints.tobytes()
    more = [Content(checksum(b"no image"), "bad.jpg"), Content(checksum(photos[5]), "5.jpg"), *contents]
    found = measure_contents(more, fetch, cache=cache, progress=lambda done: None)
    assert sorted(read) == sorted({checksum(b"no image"), checksum(photos[5])})
    assert found.indices.tolist() == [1, 2, 3, 4]
    assert [(str(bad.path), bad.reason) for bad in found.bad_files] == [("bad.jpg", "not an image")]


def listing(root: Path) -> dict[str, bytes]:
    """Every file and what is in it."""
    return {path.as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_strict_refuses_before_anything_is_written(gallery, files, embedder, photos) -> None:
    def enrol(sku: str, *chosen: bytes, strict: bool = False) -> ChangeOutcome:
        named = [Photo(sku, f"{number}.jpg", photo) for number, photo in enumerate(chosen)]
        return gallery.add(named, embedder, Attribution("tester"), strict, Guard())

    assert enrol("tea", *photos[:5], strict=True).warnings == ()
    before = listing(files.root)
    for chosen, said in ((photos[5:6], "cola has 1 photo"), (photos[:5], "0.jpg of cola is the same photo as")):
        with pytest.raises(UserError, match=rf"{said}.*nothing was changed"):
            enrol("cola", *chosen, strict=True)
    assert listing(files.root) == before
    outcome = enrol("cola", photos[5])
    assert outcome.version == 3
    assert outcome.findings[-1].kind == "few_photos"
    assert outcome.warnings == tuple(finding.sentence for finding in outcome.findings)
    again = enrol("cola", photos[5], strict=True)
    assert (again.version, again.findings) == (None, ())


def test_every_kind_has_words() -> None:
    for kind in KINDS.values():
        assert kind.grade in ("bad", "look")
        assert kind.title
        assert kind.advice
