"""Enrol, remove, rename, merge, go back: each change is whole, and the vectors are those of the photos."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.changes import Change, DamagedFileError, Entry, Summary, checksum, photo_name, sealed
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.search import ExactSearch
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.sweeping import SAFE_AGE
from shelfmind.gallery.verification import verify

ODD_NAMES = ["可乐 330ml", "a/b\\c", 'it\'s "quoted"', "😀 emoji", "x" * 300, "..", "-rf"]


ME = Attribution("tester", "because")


def photos(sku: str, *contents: str) -> list[Photo]:
    """Photos of a product with these contents."""
    return [Photo(sku, f"{content}.jpg", content.encode()) for content in contents]


def products(gallery: Gallery) -> dict[str, set[str]]:
    """The names of each product's photos."""
    return {sku: {entry.photo for entry in found.values()} for sku, found in gallery.state.products.items()}


def assert_holds(gallery: Gallery, embedder: Any, of: dict[str, set[str]]) -> None:
    """These products with these photos, each with its own vector."""
    assert products(gallery) == of
    entries, vectors = gallery.vectors()
    assert [entry.sku for entry in entries] == sorted(entry.sku for entry in entries)
    for entry, row in zip(entries, vectors, strict=True):
        np.testing.assert_allclose(row, embedder.vector(entry.photo.removesuffix(".jpg").encode()), atol=1e-6)


def test_a_product_is_there_after_it_was_added_and_after_opening(gallery, files, embedder) -> None:
    outcome = gallery.add([*photos("茶", "a", "b"), *photos("cola", "c")], embedder, ME)
    assert (outcome.version, outcome.warnings) == (2, ())
    for each in (gallery, Gallery(files)):
        assert_holds(each, embedder, {"茶": {"a.jpg", "b.jpg"}, "cola": {"c.jpg"}})
    assert gallery.photo(checksum(b"a")) == b"a"


def test_files_that_others_put_between_the_versions_are_left_alone(gallery, files, embedder) -> None:
    gallery.add(photos("茶", "a"), embedder, ME)
    for name in ("Thumbs.db", "000000002 (conflicted copy).json", "@eaDir/000000002.json", "desktop.ini"):
        for folder in ("changes", "bases"):
            path = files.root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"?")
    opened = Gallery(files)
    opened.add(photos("茶", "b"), embedder, ME)
    assert opened.compact(ME) > 0
    assert verify(files) == []
    assert_holds(Gallery(files), embedder, {"茶": {"a.jpg", "b.jpg"}})
    assert (files.root / "changes" / "Thumbs.db").exists()


def test_embeddings_that_are_not_finite_are_refused(gallery, embedder, monkeypatch) -> None:
    gallery.add(photos("茶", "a"), embedder, ME)
    version, embed = gallery.state.version, embedder.embed

    def broken(contents, total):
        given = list(contents)
        vectors = embed(iter(given), total)
        vectors[[content in (b"a", b"bad") for content in given]] = np.nan
        return vectors

    monkeypatch.setattr(embedder, "embed", broken)
    with pytest.raises(UserError, match=r"1 photo, such as bad\.jpg, have values that are not finite"):
        gallery.add(photos("茶", "good", "bad"), embedder, ME)
    with pytest.raises(UserError, match=r"such as a\.jpg"):
        gallery.re_embed(embedder, ME)
    assert (gallery.state.version, products(gallery)) == (version, {"茶": {"a.jpg"}})


def test_an_earlier_version_that_was_compacted_meanwhile_is_no_longer_there(gallery, files, embedder) -> None:
    gallery.add(photos("茶", "a"), embedder, ME)
    other = Gallery(files)
    gallery.add(photos("茶", "b"), embedder, ME)
    gallery.compact(ME)
    with pytest.raises(UserError):
        other.at(1)


def test_many_photos_are_read_and_stored_in_threads_with_progress(gallery, files, embedder, tmp_path) -> None:
    contents = {f"photo {number}".encode() for number in range(200)}
    for content in contents:
        (tmp_path / content.decode()).write_bytes(content)
    told: dict[str, list[int]] = {}

    def counter(what: str, total: int | None, unit: str = "images") -> Any:
        told[what] = [total or 0, 0]
        return lambda done: told[what].__setitem__(1, told[what][1] + done)

    sources = [Photo("tea", path.name, path) for path in sorted(tmp_path.glob("photo *"))]
    gallery.add([*sources, *photos("cola", "photo 7")], embedder, ME, counter=counter)
    assert told == {"reading photos": [201, 201], "storing photos": [200, 200], "checking stored photos": [200, 200]}
    entries = list(gallery.state.entries())
    assert set(gallery.photos(entry.sha256 for entry in entries)) == contents
    assert [checksum(each) for each in gallery.photos(entry.sha256 for entry in entries)] == [
        entry.sha256 for entry in entries
    ]
    assert verify(files, counter) == []
    assert told["verifying files"] == [201, 201]


def test_if_a_photo_cannot_be_stored_nothing_is_changed(gallery, files, embedder, monkeypatch) -> None:
    create = files.create
    refused = photo_name(checksum(b"photo 150"))

    def full(name: str, content: bytes) -> bool:
        if name == refused:
            raise UserError("no space left on device")
        return create(name, content)

    monkeypatch.setattr(files, "create", full)
    many = photos("tea", *(f"photo {number}" for number in range(200)))
    with pytest.raises(UserError, match="no space left"):
        gallery.add(many, embedder, ME)
    assert (gallery.state.version, Gallery(files).state.products) == (1, {})
    monkeypatch.undo()
    gallery.add(many, embedder, ME)
    assert len(products(Gallery(files))["tea"]) == 200
    assert verify(files) == []


def test_only_what_is_new_is_embedded(gallery, embedder) -> None:
    gallery.add(photos("tea", "a", "b", "a"), embedder, ME)
    assert embedder.asked == [b"a", b"b"]
    assert gallery.add(photos("tea", "a"), embedder, ME).version is None
    gallery.add([*photos("tea", "b", "c"), *photos("cola", "a")], embedder, ME)
    assert embedder.asked == [b"a", b"b", b"c"]
    assert products(gallery) == {"tea": {"a.jpg", "b.jpg", "c.jpg"}, "cola": {"a.jpg"}}


def test_a_photo_under_two_products_is_warned_of_and_refused_if_strict(gallery, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    with pytest.raises(UserError, match=r"a\.jpg is a photo of cola and of tea"):
        gallery.add(photos("cola", "a"), embedder, ME, strict=True)
    assert gallery.add(photos("cola", "a", "b"), embedder, ME).warnings == ("a.jpg is a photo of cola and of tea",)


def test_names_are_anything_printable(gallery, files, embedder) -> None:
    gallery.add([photo for number, name in enumerate(ODD_NAMES) for photo in photos(name, str(number))], embedder, ME)
    assert set(products(Gallery(files))) == set(ODD_NAMES)
    for name in ("", " ", "a ", "a\nb", "x" * 301, "\x00"):
        with pytest.raises(UserError, match="name must have 1 to 300 printable characters"):
            gallery.add(photos(name, "z"), embedder, ME)


def test_rename_merge_and_remove(gallery, files, embedder) -> None:
    gallery.add([*photos("tea", "a", "b"), *photos("cola", "c"), *photos("coke", "c", "d")], embedder, ME)
    gallery.rename("tea", "green tea", ME)
    gallery.merge(["cola", "coke"], "cola", ME)
    gallery.remove("green tea", ME, ["a.jpg"])
    assert products(Gallery(files)) == {"green tea": {"b.jpg"}, "cola": {"c.jpg", "d.jpg"}}
    gallery.remove("green tea", ME)
    assert_holds(Gallery(files), embedder, {"cola": {"c.jpg", "d.jpg"}})
    assert len(embedder.asked) == 4


def test_a_name_of_several_photos_removes_none_of_them(gallery, files, embedder) -> None:
    gallery.add([Photo("茶", "image.jpg", b"1"), Photo("茶", "image.jpg", b"2"), *photos("茶", "a")], embedder, ME)
    with pytest.raises(
        UserError, match=rf"several photos of '茶' are called image\.jpg; give the checksum .*{checksum(b'1')[:12]}"
    ):
        gallery.remove("茶", ME, ["image.jpg"])
    gallery.remove("茶", ME, [checksum(b"1")[:12], checksum(b"1")])
    assert sorted(entry.sha256 for entry in gallery.state.entries()) == sorted([checksum(b"2"), checksum(b"a")])
    gallery.remove("茶", ME, ["image.jpg"])  # now there is one
    assert products(Gallery(files)) == {"茶": {"a.jpg"}}


def test_what_is_not_there_is_named_with_what_is_near(gallery, embedder) -> None:
    gallery.add([*photos("green tea", "a"), *photos("cola", "b")], embedder, ME)
    for change in (lambda: gallery.remove("gren tea", ME), lambda: gallery.rename("gren tea", "x", ME)):
        with pytest.raises(UserError, match="unknown product 'gren tea'; did you mean green tea"):
            change()
    with pytest.raises(UserError, match="there is already a product 'cola'"):
        gallery.rename("green tea", "cola", ME)
    with pytest.raises(UserError, match=r"has no photo z\.jpg"):
        gallery.remove("cola", ME, ["z.jpg"])
    assert len(gallery.state.history) == 2


def test_every_change_can_be_undone_and_the_undoing_too(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a", "b"), embedder, ME)
    gallery.add(photos("cola", "c"), embedder, ME)
    gallery.rename("tea", "x", ME)
    gallery.remove("cola", ME)
    assert gallery.roll_back(2, Attribution("another", "a mistake")).version == 6
    assert products(Gallery(files)) == {"tea": {"a.jpg", "b.jpg"}}
    gallery.roll_back(4, ME)
    assert_holds(Gallery(files), embedder, {"x": {"a.jpg", "b.jpg"}, "cola": {"c.jpg"}})
    said = [(each.kind, each.author, each.reason) for each in gallery.state.history]
    assert said[5] == ("rollback", "another", "a mistake")
    for version in (0, 9):
        with pytest.raises(UserError, match=f"version must be from 1 to 7, got {version}"):
            gallery.roll_back(version, ME)
    assert set(gallery.at(3).products) == {"tea", "cola"}


def test_other_weights_are_refused_until_everything_is_renewed(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a", "b"), embedder, ME)
    other = type(embedder)("second")
    with pytest.raises(UserError, match=r"another network or preprocessing \(weights differ\)"):
        gallery.add(photos("tea", "c"), other, ME)
    gallery.re_embed(other, ME)
    assert_holds(Gallery(files), other, {"tea": {"a.jpg", "b.jpg"}})
    gallery.add(photos("tea", "c"), other, ME)
    gallery.remove("tea", ME)
    gallery.roll_back(4, ME)
    assert_holds(gallery, other, {"tea": {"a.jpg", "b.jpg", "c.jpg"}})


@pytest.mark.parametrize("when", ["before it", "during it", "during it, and is compacted"])
@pytest.mark.parametrize("width", [8, 16])
def test_an_enrolment_that_other_weights_overtook_is_refused(when, width, gallery, files, embedder) -> None:
    other = type(embedder)("second", width=width)

    def renew() -> None:
        Gallery(files).re_embed(other, ME)
        if when.endswith("compacted"):  # the guard finds the old vectors gone, and must not go on with the new ones
            Gallery(files).compact(ME)

    class Slow(type(embedder)):
        def embed(self, given, total):
            if not self.asked and when != "before it":
                renew()
            return super().embed(given, total)

    gallery.add(photos("tea", "a"), embedder, ME)
    if when == "before it":
        renew()
    with pytest.raises(UserError, match=r"of another network or preprocessing \("):
        gallery.add(photos("cola", "c"), Slow(), ME, guard=lambda known, new, read: [])
    assert_holds(Gallery(files), other, {"tea": {"a.jpg"}})
    assert verify(files) == []


def test_a_gallery_that_was_opened_before_it_was_renewed_takes_the_new_weights(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    other = type(embedder)("second")
    Gallery(files).re_embed(other, ME)
    gallery.add(photos("tea", "b"), other, ME)
    assert_holds(Gallery(files), other, {"tea": {"a.jpg", "b.jpg"}})


def test_a_calibration_of_other_weights_is_refused(gallery, files, embedder) -> None:
    fitted: tuple[Any, ...] = {"summary": ""}, {"whitening": np.ones((1, 8), np.float32)}
    gallery.set_recognition(*fitted, embedder, ME)
    assert Gallery(files).state.recognition is not None
    other = type(embedder)("second")
    Gallery(files).re_embed(other, ME)
    with pytest.raises(UserError, match=r"another network or preprocessing \(weights differ\)"):
        gallery.set_recognition(*fitted, embedder, ME)
    assert Gallery(files).state.recognition is None
    gallery.set_recognition(*fitted, other, ME)
    assert Gallery(files).state.recognition is not None


class Scanned(dict):
    """Products that count how often they are gone through."""

    scans = 0

    def items(self):
        self.scans += 1
        return super().items()


def test_products_are_gone_through_once_for_any_number_of_photos(gallery, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    scans = []
    for contents in ("b", "acdefg"):
        found = gallery.state.products = Scanned(gallery.state.products)
        gallery.add(photos("cola", *contents), embedder, ME)
        scans.append(found.scans)
    assert scans[0] == scans[1] > 0
    state = gallery.state
    wanted = [checksum(content) for content in (b"a", b"b", b"z")]
    assert state.skus_of_photos(wanted) == {sha256: state.skus_with(sha256) for sha256 in wanted}
    assert state.skus_of_photos(wanted)[wanted[0]] == ["cola", "tea"]


def all_bytes(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def test_what_is_removed_is_gone_from_the_files_after_compaction(gallery, files, embedder) -> None:
    gallery.add([*photos("tea", "a"), *photos("secret", "hidden")], embedder, ME)
    gallery.add(photos("tea", "b"), embedder, ME)
    gallery.remove("secret", ME)
    vector = embedder.vector(b"hidden").astype(np.float32).tobytes()
    assert vector in all_bytes(files.root)
    assert gallery.compact(ME) > 0
    assert vector not in all_bytes(files.root)
    assert checksum(b"hidden").encode() not in all_bytes(files.root)
    assert not (files.root / photo_name(checksum(b"hidden"))).exists()
    for each in (gallery, Gallery(files)):
        assert_holds(each, embedder, {"tea": {"a.jpg", "b.jpg"}})
        assert [summary.kind for summary in each.state.history] == ["create", "add", "add", "remove", "compact"]
    with pytest.raises(UserError, match="version 2 was deleted by a compaction, which kept version 5 and later ones"):
        gallery.roll_back(2, ME)
    gallery.add(photos("secret", "hidden"), embedder, ME)
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg", "b.jpg"}, "secret": {"hidden.jpg"}})
    gallery.compact(ME)
    assert_holds(Gallery(files), embedder, products(gallery))
    assert verify(files) == []


def test_a_flipped_byte_in_any_file_is_found_and_named(gallery, files, embedder) -> None:
    gallery.add([*photos("tea", "a", "b"), *photos("cola", "c")], embedder, ME)
    gallery.compact(ME)
    gallery.add(photos("tea", "d"), embedder, ME)
    gallery.remove("cola", ME)
    assert verify(files) == []
    paths = [path for path in files.root.rglob("*") if path.is_file()]
    assert len(paths) == 9
    for path in paths:
        whole = path.read_bytes()
        for index in sorted({0, len(whole) // 3, len(whole) // 2, len(whole) - 1}):
            path.write_bytes(whole[:index] + bytes([whole[index] ^ 0x40]) + whole[index + 1 :])
            assert [fault.file for fault in verify(files)] == [path.relative_to(files.root).as_posix()]
        path.write_bytes(whole[:-1])
        assert [fault.file for fault in verify(files)] == [path.relative_to(files.root).as_posix()]
        path.unlink()
        assert verify(files) or path.name == "000000005.json"  # without its last change it is an older version
        path.write_bytes(whole)


def test_damage_is_not_read_as_if_it_were_whole(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    (vectors,) = (files.root / "vectors").iterdir()
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"\xff")
    with pytest.raises(DamagedFileError, match=r"vectors/.*\.npy is damaged: its checksum does not match"):
        Gallery(files).vectors()
    change = files.root / "changes" / "000000002.json"
    change.write_bytes(change.read_bytes().replace(b"tea", b"tee"))
    with pytest.raises(DamagedFileError, match=r"changes/000000002\.json is damaged"):
        Gallery(files)


def test_a_newer_format_and_a_place_without_a_gallery(gallery, files, embedder, tmp_path) -> None:
    with pytest.raises(UserError, match="there is no gallery at"):
        Gallery(LocalFiles(tmp_path / "none"))
    with pytest.raises(UserError, match="is already a gallery"):
        Gallery.create(files, embedder, ME)
    path = files.root / "changes" / "000000001.json"
    line = path.read_bytes().partition(b"\n")[0].replace(b'"format":1', b'"format":2')
    path.write_bytes(line + b"\n" + checksum(line).encode() + b"\n")
    with pytest.raises(UserError, match=r"written by a newer shelfmind \(format 2\)"):
        Gallery(files)


def test_a_full_disk_changes_nothing(gallery, files, embedder, monkeypatch) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)

    def full(*words: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(UserError, match="no space left; free some space and try again; nothing was changed"):
        gallery.add(photos("tea", "b"), embedder, ME)
    monkeypatch.undo()
    assert products(Gallery(files)) == {"tea": {"a.jpg"}}
    assert verify(files) == []


def enrol_many(root: str, name: str, count: int, embedder: Any) -> None:
    gallery = Gallery(LocalFiles(Path(root)))
    for number in range(count):
        gallery.add([Photo(name, f"{name}{number}.jpg", f"{name}{number}".encode())], embedder, Attribution(name))


def test_two_writers_at_once_lose_nothing(gallery, files, embedder) -> None:
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=enrol_many, args=(str(files.root), name, 25, embedder)) for name in ("甲", "乙", "丙")
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):  # a reader never sees half a change
        assert all(len(found) <= 25 for found in Gallery(files).state.products.values())
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    gallery.refresh()
    assert {sku: len(found) for sku, found in gallery.state.products.items()} == {"甲": 25, "乙": 25, "丙": 25}
    assert [each.version for each in gallery.state.history] == list(range(1, 77))
    assert_holds(gallery, embedder, {sku: {f"{sku}{number}.jpg" for number in range(25)} for sku in ("甲", "乙", "丙")})


def test_a_writer_that_is_killed_leaves_whole_changes_only(gallery, files, embedder) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(4):
        writer = context.Process(target=enrol_many, args=(str(files.root), f"w{number}", 10_000, embedder))
        writer.start()
        while f"w{number}" not in Gallery(files).state.products:
            assert writer.is_alive()
        time.sleep(0.05)  # somewhere in a later change
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    found = Gallery(files)
    assert len(found.state.products) == 4
    assert verify(files) == []
    assert found.add(photos("tea", "a"), embedder, ME).version == found.state.version


def test_compaction_beside_a_writer_loses_nothing(gallery, files, embedder) -> None:
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=enrol_many, args=(str(files.root), "w", 60, embedder))
    writer.start()
    while writer.is_alive():
        gallery.compact(ME)
    writer.join()
    assert writer.exitcode == 0
    assert len(Gallery(files).state.products["w"]) == 60
    assert verify(files) == []


def test_a_change_that_a_compaction_overtook_is_made_again(gallery, files, embedder) -> None:
    class Slow(type(embedder)):
        def embed(self, given, total):
            if not self.asked:
                other = Gallery(files)
                other.add(photos("cola", "c"), embedder, ME)
                other.compact(ME)  # the version that the slow one is about to make has been and gone
            return super().embed(given, total)

    version = gallery.add(photos("tea", "a"), Slow(), ME).version
    found = Gallery(files)
    assert {sku: len(of) for sku, of in found.state.products.items()} == {"cola": 1, "tea": 1}
    assert version == found.state.version
    assert verify(files) == []


def test_search_finds_the_photo_that_is_most_alike(gallery, embedder) -> None:
    gallery.add([*photos("tea", "a", "b"), *photos("cola", "c"), *photos("milk", "d", "e", "f")], embedder, ME)
    search = ExactSearch(*gallery.vectors())
    asked = np.stack([embedder.vector(b"b"), 3 * embedder.vector(b"e")])
    first, second = search(asked, 2)
    assert (first[0].sku, first[0].entry.photo, len(first)) == ("tea", "b.jpg", 2)
    assert first[0].similarity == pytest.approx(1, abs=1e-5)
    assert (second[0].sku, second[0].entry.photo) == ("milk", "e.jpg")
    plain = {
        sku: max(float(asked[0] @ embedder.vector(p.encode())) for p in names)
        for sku, names in {"tea": "ab", "cola": "c", "milk": "def"}.items()
    }
    assert [match.sku for match in search(asked[:1], 9)[0]] == sorted(plain, key=lambda sku: -plain[sku])
    assert ExactSearch([], np.zeros((0, 8), np.float32))(asked, 2) == [[], []]


def test_what_a_killed_writer_left_goes_after_a_day(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    orphans = [files.root / photo_name(checksum(content)) for content in (b"old", b"new")]
    begun = files.root / "vectors" / ".1234.npy.5678.tmp"
    for path in (*orphans, begun):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode())
    yesterday = time.time() - SAFE_AGE - 60
    for path in (orphans[0], begun, files.root / photo_name(checksum(b"a"))):
        os.utime(path, (yesterday, yesterday))
    gallery.compact(ME)
    assert [path.exists() for path in (*orphans, begun)] == [False, True, False]
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}})
    assert gallery.photo(checksum(b"a")) == b"a"
    assert gallery.compact(ME) == 0


def test_a_compaction_that_was_killed_is_finished_by_the_next(gallery, files, embedder, monkeypatch) -> None:
    gallery.add([*photos("tea", "a"), *photos("secret", "hidden")], embedder, ME)
    gallery.remove("secret", ME)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shelfmind.gallery.compaction.sweep", killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.compact(ME)
    assert (files.root / photo_name(checksum(b"hidden"))).exists()
    assert Gallery(files).compact(ME) > 0
    assert not (files.root / photo_name(checksum(b"hidden"))).exists()
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}})
    assert verify(files) == []


@pytest.mark.parametrize("when", ["before it is deleted", "after it is deleted"])
def test_a_photo_that_is_enrolled_again_during_a_compaction_stays(when, gallery, files, embedder, monkeypatch) -> None:
    gallery.add([*photos("tea", "a"), *photos("cola", "c")], embedder, ME)
    gallery.remove("cola", ME)
    other, delete = Gallery(files), files.delete

    def beside(name: str) -> None:
        if when == "after it is deleted":
            delete(name)
        if name == photo_name(checksum(b"c")):
            other.add(photos("cola", "c"), embedder, ME)
        delete(name)

    monkeypatch.setattr(files, "delete", beside)
    gallery.compact(ME)
    monkeypatch.undo()
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}, "cola": {"c.jpg"}})
    assert verify(files) == []
    assert gallery.photo(checksum(b"c")) == b"c"


def test_readers_and_writers_with_an_old_view_go_on_after_a_compaction(gallery, files, embedder) -> None:
    gallery.add([*photos("tea", "a"), *photos("cola", "c")], embedder, ME)
    gallery.remove("cola", ME)
    reader, writer = Gallery(files), Gallery(files)
    gallery.compact(ME)
    assert [entry.photo for entry in reader.vectors()[0]] == ["a.jpg"]
    assert reader.photo(checksum(b"a")) == b"a"
    with pytest.raises(UserError, match="was deleted by a compaction, which kept version 4"):
        writer.roll_back(2, ME)
    writer.add(photos("cola", "c"), embedder, ME)
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}, "cola": {"c.jpg"}})


def test_each_photo_is_read_once(gallery, embedder, tmp_path, monkeypatch) -> None:
    paths = [tmp_path / f"{name}.jpg" for name in "ab"]
    for path in paths:
        path.write_bytes(path.name.encode())
    read: list[Path] = []
    plain = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path), plain(path))[1])
    gallery.add([Photo("tea", path.name, path) for path in paths], embedder, ME)
    assert [path for path in read if path in paths] == paths
    monkeypatch.undo()
    paths[0].unlink()
    with pytest.raises(UserError, match=r"a\.jpg cannot be read: No such file"):
        gallery.add([Photo("tea", "a.jpg", paths[0])], embedder, ME)


def test_many_photos_are_embedded_from_where_they_were_put(gallery, embedder, monkeypatch) -> None:
    monkeypatch.setattr("shelfmind.gallery.photos._HELD_BYTES", 1)
    gallery.add(photos("tea", "a", "b", "c"), embedder, ME)
    assert embedder.asked == [b"a", b"b", b"c"]


def test_a_change_that_is_missing_is_named(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    gallery.add(photos("tea", "b"), embedder, ME)
    (files.root / "changes" / "000000002.json").unlink()
    with pytest.raises(DamagedFileError, match=r"changes/000000002\.json is damaged: it is missing"):
        Gallery(files)


def in_child(work: Any) -> str:
    """What it raises in a process of its own, whose limits and user are changed."""
    ours, theirs = multiprocessing.Pipe()

    def run() -> None:
        try:
            work()
            theirs.send("nothing")
        except UserError as error:
            theirs.send(str(error))

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    theirs.close()
    child.join()
    return str(ours.recv())


def test_a_disk_that_is_full_in_the_middle_of_a_file_changes_nothing(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)

    def add() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        gallery.add([Photo("tea", "large.jpg", bytes(5000))], embedder, ME)

    assert "cannot be written: no space left; free some space and try again; nothing was changed" in in_child(add)
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}})
    assert verify(files) == []
    assert not [path for path in files.root.rglob("*") if path.suffix == ".tmp"]


def test_a_folder_that_may_not_be_written_or_read_is_said(gallery, files, embedder) -> None:
    gallery.add(photos("tea", "a"), embedder, ME)
    for path in (files.root, *files.root.rglob("*")):
        if path.is_dir():
            path.chmod(0o555)

    def as_nobody(work: Any) -> Any:
        def run() -> None:
            if os.geteuid() == 0:  # whom no permission keeps out
                files.root.parent.chmod(0o755)
                os.chroot(files.root.parent)
                os.setuid(65534)
                files.root = Path("/") / files.root.name
            work()

        return run

    try:
        said = in_child(as_nobody(lambda: gallery.add(photos("tea", "b"), embedder, ME)))
        assert "cannot be written: Permission denied; nothing was changed" in said
        assert in_child(as_nobody(lambda: Gallery(files).vectors())) == "nothing"
        (files.root / "changes").chmod(0)
        assert "cannot be read: Permission denied" in in_child(as_nobody(lambda: Gallery(files)))
    finally:
        for path in (files.root, *files.root.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
    assert_holds(Gallery(files), embedder, {"tea": {"a.jpg"}})


def test_a_gallery_that_is_compacted_while_it_is_verified_has_no_faults(gallery, files, embedder) -> None:
    gallery.add([*photos("cola", "ab"), *photos("tea", "c")], embedder, ME)
    gallery.remove("cola", ME)

    class Meanwhile(LocalFiles):
        compacted = False

        def read(self, name):
            if name.startswith("photos/") and not self.compacted:
                self.compacted = True
                Gallery(files).compact(ME)
            return super().read(name)

    assert verify(Meanwhile(files.root)) == []
    next(path for path in files.root.glob("photos/*/*")).unlink()
    assert len(verify(files)) == 1


@pytest.mark.parametrize("folder", ["changes", "bases", "photos/ab", "vectors"])
def test_a_day_later_compaction_removes_what_a_killed_writer_left(folder, gallery, files, embedder) -> None:
    gallery.add(photos("a", "x"), embedder, ME)
    place = files.root / folder
    place.mkdir(parents=True, exist_ok=True)
    new, old = place / ".x.json.0011223344556677.tmp", place / ".y.json.0011223344556677.tmp"
    for path in (new, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    gallery.compact(ME)
    assert new.exists()
    assert not old.exists()


def test_a_change_that_removes_what_is_not_there_is_damaged(gallery, files) -> None:
    state = gallery.state
    summary = Summary(state.version + 1, "", "", "", "remove", "")
    made = Change(summary, state.head, removed=(Entry("a", "0" * 64, "1.jpg"),))
    files.create(made.name, sealed(made))
    with pytest.raises(DamagedFileError, match="removes a photo that 'a' does not have"):
        gallery.refresh()
