"""Objects arrive whole or not at all, are fetched once, and a store that is away says what to do."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.images.content import hash_files
from shelfmind.images.decoding import MISSING, BadImage, opened_file
from shelfmind.images.photo_files import file_status, read_file
from shelfmind.object_stores import objects
from shelfmind.object_stores.cache import ObjectCache
from shelfmind.object_stores.objects import fetch_all, forget, local_copy, objects_below
from shelfmind.object_stores.store import StoreError
from shelfmind.progress import count_silently

PHOTO = Path("test://shop/数据/茶 1.jpg")


def copies(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "objects").glob("*/*"))


def test_an_object_is_fetched_once(store: Any, tmp_path: Path) -> None:
    store.contents["shop/数据/茶 1.jpg"] = b"photo"
    for _ in range(2):
        assert read_file(PHOTO) == b"photo"
        assert file_status(PHOTO).size == 5
        forget()
    assert store.fetched == ["shop/数据/茶 1.jpg"]
    assert len(copies(tmp_path)) == 1


def test_threads_fetch_an_object_once(store: Any) -> None:
    store.contents["shop/a.jpg"] = b"photo" * 1000
    with ThreadPoolExecutor(16) as pool:
        read = list(pool.map(read_file, [Path("test://shop/a.jpg")] * 64))
    assert set(read) == {b"photo" * 1000}
    assert store.fetched == ["shop/a.jpg"]


def test_folders_are_listed_without_their_markers_and_neighbours(store: Any) -> None:
    store.contents = {"shop/a/": b"", "shop/a/1.jpg": b"1", "shop/a/b/2.jpg": b"2", "shop/ab/3.jpg": b"3"}
    assert objects_below(Path("test://shop/a")) == [Path("test:/shop/a/1.jpg"), Path("test:/shop/a/b/2.jpg")]


def test_a_store_that_fails_for_a_moment_is_asked_again(store: Any) -> None:
    store.contents["shop/a.jpg"] = b"photo"
    store.failures = [StoreError("slow down", True)] * 3
    assert read_file(Path("test://shop/a.jpg")) == b"photo"


def test_a_refusal_is_final(store: Any) -> None:
    store.contents["shop/a.jpg"] = b"photo"
    store.failures = [StoreError("Access denied.", False)]
    with pytest.raises(UserError, match=r"^test://shop/a\.jpg cannot be read: Access denied$"):
        read_file(Path("test://shop/a.jpg"))


def test_a_store_that_goes_away_in_the_middle_is_resumed(store: Any) -> None:
    names = [f"shop/{number}.jpg" for number in range(20)]
    store.contents = {name: name.encode() for name in names}
    paths = objects_below(Path("test://shop"))
    store.away_after = 8
    with pytest.raises(UserError, match=r"no route to host \(after 5 attempts\); .* is not fetched again"):
        hash_files(paths)
    store.away_after = None
    for thread in threading.enumerate():  # the error did not wait for objects on their way
        if thread.name.startswith("fetch"):
            thread.join()
    forget()
    digests = hash_files(objects_below(Path("test://shop")))
    assert digests == [hashlib.sha256(str(path)[6:].encode()).digest() for path in paths]
    assert sorted(store.fetched) == sorted(names)


def test_an_object_that_is_gone_is_missing(store: Any) -> None:
    with pytest.raises(BadImage, match=MISSING), opened_file(Path("test://shop/none.jpg")):
        pass
    store.contents["shop/a.jpg"] = b"photo"
    (path,) = objects_below(Path("test://shop"))
    store.contents.clear()
    with pytest.raises(BadImage, match=MISSING), opened_file(path):
        pass


def test_a_part_of_an_object_is_never_used(store: Any, tmp_path: Path) -> None:
    store.contents["shop/a.jpg"] = b"photo"
    store.cut = 2
    with pytest.raises(UserError, match="3 of 5 bytes arrived"):
        read_file(Path("test://shop/a.jpg"))
    assert copies(tmp_path) == []


def test_a_promised_checksum_is_verified(store: Any) -> None:
    store.contents = {"shop/a.jpg": b"photo", "shop/b.jpg": b"other"}
    store.promised = {"shop/a.jpg": hashlib.md5(b"photo").hexdigest(), "shop/b.jpg": hashlib.md5(b"x").hexdigest()}
    assert read_file(Path("test://shop/a.jpg")) == b"photo"
    assert read_file(Path("test://shop/b.jpg")) == b"other"  # twice the same content: the tag is not an MD5
    assert store.fetched == ["shop/a.jpg", "shop/b.jpg", "shop/b.jpg"]


def test_a_damaged_copy_is_fetched_again(store: Any, tmp_path: Path) -> None:
    store.contents["shop/a.jpg"] = b"photo"
    read_file(Path("test://shop/a.jpg"))
    (copy,) = copies(tmp_path)
    for content in (b"phoTo", b"", b"photos"):
        copy.write_bytes(content)
        forget()
        assert read_file(Path("test://shop/a.jpg")) == b"photo"
    copy.unlink()
    assert read_file(Path("test://shop/a.jpg")) == b"photo"
    assert len(store.fetched) == 5


def test_a_copy_of_another_user_is_used(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    store.contents["shop/a.jpg"] = b"photo"
    read_file(Path("test://shop/a.jpg"))
    forget()
    monkeypatch.setattr(os, "utime", refuse)
    for _ in range(2):
        assert read_file(Path("test://shop/a.jpg")) == b"photo"
    assert len(store.fetched) == len(copies(tmp_path)) == 1


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_a_copy_that_cannot_be_read_now_stays(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise OSError(number, os.strerror(number))

    ObjectCache(tmp_path, 10).keep("a", 4, lambda path: path.write_bytes(b"aaaa"))
    cache = ObjectCache(tmp_path, 10)
    with monkeypatch.context() as patch:
        patch.setattr("shelfmind.object_stores.cache.file_sha256", fail)
        assert cache.find("a") is None
    assert cache.find("a") is not None


def test_a_damaged_copy_that_cannot_be_deleted_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    ObjectCache(tmp_path, 10).keep("a", 4, lambda path: path.write_bytes(b"aaaa")).write_bytes(b"aaab")
    cache = ObjectCache(tmp_path, 10)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert cache.find("a") is None
    assert not cache.holds("a")


def test_a_changed_object_is_another_version(store: Any) -> None:
    store.contents["shop/a.jpg"] = b"photo"
    before = file_status(Path("test://shop/a.jpg"))
    assert read_file(Path("test://shop/a.jpg")) == b"photo"
    store.contents["shop/a.jpg"] = b"other"  # in the same second, of the same size
    forget()
    assert read_file(Path("test://shop/a.jpg")) == b"other"
    assert file_status(Path("test://shop/a.jpg")) != before


def test_the_least_recently_used_copies_make_room(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 10)
    for name in "abc":
        cache.keep(name, 4, lambda path, name=name: path.write_bytes(name.encode() * 4))
        if name == "b":
            assert cache.find("a") is not None
    assert [cache.holds(name) for name in "abc"] == [True, False, True]
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) == 8
    assert [ObjectCache(tmp_path, 10).holds(name) for name in "abc"] == [True, False, True]


def test_copies_that_arrive_at_the_same_time_stay_below_the_limit(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 10)

    def fill(path: Path) -> None:
        cache.keep("b", 6, lambda other: other.write_bytes(b"b" * 6))
        path.write_bytes(b"a" * 6)

    cache.keep("a", 6, fill)
    assert [cache.holds(name) for name in "ab"] == [True, False]
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) == 6


def test_shards_in_the_cache_do_not_make_room_for_their_neighbours(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE_GB", str(1000 / 2**30))
    monkeypatch.setattr(objects, "available_cores", lambda: 1)
    store.contents = {f"shop/{number}.tar": bytes(200) for number in range(4)} | {"other/a.tar": bytes(300)}
    shards = objects_below(Path("test://shop"))
    fetch_all(shards[1:], count_silently)
    fetch_all([Path("test://other/a.tar")], count_silently)
    fetch_all(shards, count_silently)
    assert store.fetched.count("shop/0.tar") == 1
    assert len(store.fetched) == 5


def test_a_key_with_a_double_slash_is_read(store: Any) -> None:
    store.contents = {"shop//a//1.jpg": b"photo"}
    assert [read_file(path) for path in objects_below(Path("test://shop"))] == [b"photo"]


def test_leftovers_of_killed_processes_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    old, new, foreign = f"{'a' * 32}.{'0' * 8}.tmp", f"{'b' * 32}.{'0' * 8}.tmp", "diary.tmp"
    for name, age in ((old, 2 * 24 * 3600), (new, 60), (foreign, 2 * 24 * 3600)):
        (tmp_path / "ab" / name).touch()
        os.utime(tmp_path / "ab" / name, (0, (tmp_path / "ab" / name).stat().st_mtime - age))
    ObjectCache(tmp_path, 0).make_room(10)
    assert sorted(path.name for path in tmp_path.glob("*/*")) == [new, foreign]


def test_shards_that_do_not_fit_are_refused_before_they_are_fetched(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.contents = {f"shop/{number}.tar": bytes(400_000) for number in range(3)}
    monkeypatch.setenv("SHELFMIND_CACHE_GB", "0.001")
    paths = objects_below(Path("test://shop"))
    with pytest.raises(UserError, match=r"the 3 shards in test://shop have .* set SHELFMIND_CACHE_GB to at least 1,"):
        fetch_all(paths, count_silently)
    assert store.fetched == []


def test_a_cache_that_cannot_be_written_is_named(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.contents["shop/a.jpg"] = b"photo"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot be cached in .*objects: no space left.*set SHELFMIND_CACHE"):
        local_copy(Path("test://shop/a.jpg"))


@pytest.mark.parametrize("place", ["test://", "test:///"])
def test_a_url_without_a_bucket_is_refused(store: Any, place: str) -> None:
    with pytest.raises(UserError, match="names no bucket"):
        objects.objects_below(Path(place))


def test_stopping_does_not_wait_for_what_is_on_its_way(store: Any, tmp_path: Path) -> None:
    store.contents = {f"shop/{number}.tar": bytes(100) for number in range(8)}
    paths = objects_below(Path("test://shop"))
    seen: list[int] = []

    def stop(done: int) -> None:
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_all(paths, lambda *_: stop)
    assert seen == [100]
    fetch_all(paths, count_silently)  # resumes
    assert len(copies(tmp_path)) == 8
