"""Files are checked once, in order, and remembered."""

from __future__ import annotations

import csv
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from shelfmind.errors import UserError
from shelfmind.images import checking, examining
from shelfmind.images.checking import check_files, note_bad_files, reject_too_many_bad
from shelfmind.images.decoding import open_image
from shelfmind.images.file_cache import CacheEntry, FileCache
from shelfmind.records import BadFile


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """40 files, of which 3, 17 and 39 are bad."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(40)]
    for number, path in enumerate(paths):
        Image.new("RGB", (number + 1, 3), (number, 0, 0)).save(path)
    paths[3].write_bytes(b"")
    paths[17].write_text("text")
    paths[39].unlink()
    return paths


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collects the paths that are really opened."""
    seen: list[Path] = []
    real = open_image

    def spy(path: Path) -> Image.Image:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(checking, "open_image", spy)
    return seen


REASONS = [(3, "zero bytes"), (17, "not an image"), (39, "missing")]


def test_bad_files_come_in_order_and_progress_adds_up(photos: list[Path]) -> None:
    done: list[int] = []
    bad = check_files(photos, cache=None, progress=done.append, workers=4)
    assert bad == [BadFile(photos[place], reason) for place, reason in REASONS]
    assert sum(done) == 40


def test_nothing_to_check(tmp_path: Path) -> None:
    assert check_files([], cache=tmp_path / "cache.sqlite") == []


def test_small_batches_give_the_same(photos: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = check_files(photos, cache=None)
    monkeypatch.setattr(examining, "_FILES_PER_TASK", 3)
    monkeypatch.setattr(examining, "_TASKS_PER_BATCH", 2)
    for _ in range(2):
        assert check_files(photos, cache=tmp_path / "cache.sqlite") == whole


def test_unchanged_files_are_not_read_again(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    cache = tmp_path / "deep" / "cache.sqlite"
    first = check_files(photos, cache=cache)
    assert len(opened) == 40
    opened.clear()
    assert check_files(photos, cache=cache) == first
    assert opened == [photos[39]]  # what is missing is looked for each time


def test_changed_files_are_read_again(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    cache = tmp_path / "cache.sqlite"
    check_files(photos, cache=cache)
    opened.clear()
    Image.new("RGB", (5, 5)).save(photos[3])
    os.utime(photos[5], ns=(1, 1))
    bad = check_files(photos, cache=cache)
    assert [file.path for file in bad] == [photos[17], photos[39]]
    assert sorted(opened) == sorted([photos[3], photos[5], photos[39]])


def test_relative_and_absolute_paths_share_verdicts(
    photos: list[Path], tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_files(photos[:3], cache=tmp_path / "cache.sqlite")
    opened.clear()
    monkeypatch.chdir(photos[0].parent)
    assert check_files([Path("0.png"), Path("1.png")], cache=tmp_path / "cache.sqlite") == []
    assert opened == []


def test_on_image_sees_every_good_image_also_with_a_cache(photos: list[Path], tmp_path: Path) -> None:
    lock = threading.Lock()
    for _ in range(2):
        seen: dict[int, tuple[int, int]] = {}

        def look(index: int, image: Image.Image, seen: dict[int, tuple[int, int]] = seen) -> None:
            assert image.mode == "RGB"
            with lock:
                seen[index] = image.size

        bad = check_files(photos, cache=tmp_path / "cache.sqlite", on_image=look)
        assert len(bad) == 3
        assert seen == {place: (place + 1, 3) for place in range(40) if place not in {3, 17, 39}}


def test_an_error_of_on_image_is_not_swallowed(photos: list[Path]) -> None:
    def fail(index: int, image: Image.Image) -> None:
        raise RuntimeError(f"image {index}")

    with pytest.raises(RuntimeError, match="image"):
        check_files(photos, cache=None, on_image=fail)


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b""])
def test_a_damaged_cache_is_built_anew(content: bytes, photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(content)
    assert len(check_files(photos, cache=cache)) == 3
    opened.clear()
    check_files(photos, cache=cache)
    assert opened == [photos[39]]


def test_a_cache_damaged_inside_is_built_anew(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    cache = tmp_path / "cache.sqlite"
    check_files(photos, cache=cache)
    content = bytearray(cache.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    cache.write_bytes(content)
    assert len(check_files(photos, cache=cache)) == 3
    opened.clear()
    assert len(check_files(photos, cache=cache)) == 3
    assert opened == [photos[39]]


def test_a_cache_of_another_layout_is_built_anew(photos: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    connection = sqlite3.connect(cache)
    connection.execute("CREATE TABLE verdicts (something TEXT)")
    connection.commit()
    connection.close()
    for _ in range(2):
        assert len(check_files(photos, cache=cache)) == 3


def test_what_an_older_version_could_not_read_is_looked_at_anew(tmp_path: Path) -> None:
    path, cache = tmp_path / "a.png", tmp_path / "verdicts.sqlite"
    Image.new("RGB", (3, 3)).save(path)
    status = path.stat()
    with FileCache(cache, 1) as file_cache:
        finding = CacheEntry(status.st_size, status.st_mtime_ns, b"not an image")
        file_cache.keep([(os.fsencode(path), finding)])
    assert check_files([path], cache=cache) == []


def test_a_locked_or_impossible_cache_does_not_stop_work(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfmind.images.file_cache.LOCK_WAIT_S", 0.05)
    cache = tmp_path / "cache.sqlite"
    check_files(photos[:5], cache=cache)
    connection = sqlite3.connect(cache)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        assert len(check_files(photos, cache=cache)) == 3
    finally:
        connection.close()
    assert len(check_files(photos[:5], cache=cache)) == 1
    assert len(check_files(photos, cache=tmp_path)) == 3
    (tmp_path / "file").touch()
    assert len(check_files(photos, cache=tmp_path / "file" / "cache.sqlite")) == 3


def test_names_that_are_not_utf_8(tmp_path: Path, opened: list[Path]) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff.jpg")
    try:
        path.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    for _ in range(2):
        bad = check_files([path], cache=tmp_path / "cache.sqlite")
    assert len(opened) == 1
    reject_too_many_bad(bad, 1, 1.0, tmp_path / "bad_files.csv")
    assert b"bad\xff.jpg,zero bytes" in (tmp_path / "bad_files.csv").read_bytes()


def bad_files(count: int) -> list[BadFile]:
    return [BadFile(Path(f"照片 {number}, x.jpg"), "truncated") for number in range(count)]


@pytest.mark.parametrize(("count", "total", "limit"), [(0, 0, 0.0), (0, 5, 0.0), (29, 100, 0.29), (7, 100, 0.07)])
def test_exactly_the_limit_is_allowed(count: int, total: int, limit: float, tmp_path: Path) -> None:
    reject_too_many_bad(bad_files(count), total, limit, tmp_path / "bad_files.csv")
    with open(tmp_path / "bad_files.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["path", "reason"], *([str(bad.path), bad.reason] for bad in bad_files(count))]
    assert [path.name for path in tmp_path.iterdir()] == ["bad_files.csv"]


def test_more_than_the_limit_is_refused_with_the_list(tmp_path: Path) -> None:
    path = tmp_path / "run" / "bad_files.csv"
    with pytest.raises(UserError) as caught:
        reject_too_many_bad(bad_files(5), 100, 0.04, path)
    message = str(caught.value)
    assert message.startswith("5 of 100 images cannot be used, more than the limit of 4%: ")
    for part in ("照片 0, x.jpg (truncated)", "照片 2", str(path), "max_bad_fraction"):
        assert part in message
    assert "照片 3" not in message
    assert len(path.read_text(encoding="utf-8").splitlines()) == 6


def test_the_note_on_bad_files_counts_the_reasons_and_names_the_list(tmp_path: Path) -> None:
    assert note_bad_files([], 10, tmp_path / "bad.csv") == []
    bad = [BadFile(Path(f"{number}.jpg"), "zero bytes" if number else "truncated") for number in range(4)]
    (note,) = note_bad_files(bad, 10, tmp_path / "bad.csv")
    assert note.startswith("4 of 10 files cannot be used: zero bytes (3), truncated (1); for example 0.jpg; ")
    assert note.endswith(f" listed in {tmp_path / 'bad.csv'}")
    assert note_bad_files(bad[:1], 1) == ["1 of 1 file cannot be used: truncated (1); for example 0.jpg"]


def test_a_list_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        reject_too_many_bad([], 1, 0.1, tmp_path / "file" / "bad_files.csv")


def test_a_cached_result_with_a_flipped_bit_is_not_used(tmp_path: Path) -> None:
    """SQLite reads it without noticing."""
    cache, entry = tmp_path / "cache.sqlite", CacheEntry(1, 2, b"a checksum of a photo")
    with FileCache(cache) as file_cache:
        file_cache.keep([(b"/a.jpg", entry), (b"/b.jpg", CacheEntry(1, 2, None))])
        assert file_cache.recall([b"/a.jpg", b"/b.jpg"]) == {b"/a.jpg": entry, b"/b.jpg": CacheEntry(1, 2, None)}
    content = cache.read_bytes()
    assert content.count(b"a checksum") == 1
    cache.write_bytes(content.replace(b"a checksum", b"a checktum"))
    with FileCache(cache) as file_cache:
        assert file_cache.recall([b"/a.jpg", b"/b.jpg"]).keys() == {b"/b.jpg"}


def test_opening_a_cache_does_not_write_it(tmp_path: Path) -> None:
    """SQLite syncs what is written, which takes many times as long as the queries."""
    cache, entry = tmp_path / "cache.sqlite", CacheEntry(1, 2, b"a checksum")
    with FileCache(cache) as file_cache:
        file_cache.keep([(b"/a.jpg", entry)])
    content = cache.read_bytes()
    with FileCache(cache) as file_cache:
        assert file_cache.recall([b"/a.jpg"]) == {b"/a.jpg": entry}
    assert cache.read_bytes() == content


def test_a_cached_result_that_became_a_number_is_not_used(tmp_path: Path) -> None:
    """One bit of SQLite's record header makes a number of a checksum, which Python could take for a length."""
    cache = tmp_path / "cache.sqlite"
    with FileCache(cache) as file_cache:
        file_cache.keep([(b"/a.jpg", CacheEntry(1, 2, b"a checksum"))])
    with closing(sqlite3.connect(cache)) as database, database:
        database.execute("UPDATE findings SET content = ?", (2**60,))
    with FileCache(cache) as file_cache:
        assert file_cache.recall([b"/a.jpg"]) == {}
        file_cache.keep([(b"/a.jpg", CacheEntry(1, 2, b"new"))])
        assert file_cache.recall([b"/a.jpg"]) == {b"/a.jpg": CacheEntry(1, 2, b"new")}


def test_an_object_is_named_by_its_url(tmp_path: Path) -> None:
    bad, listed = [BadFile(Path("s3://shop/茶/1.jpg"), "not an image")], tmp_path / "bad.csv"
    assert "for example s3://shop/茶/1.jpg" in note_bad_files(bad, 2)[0]
    reject_too_many_bad(bad, 1, 1.0, listed)
    assert "s3://shop/茶/1.jpg,not an image" in listed.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="s3://shop/茶/"):
        reject_too_many_bad(bad, 1, 0.5, listed)
