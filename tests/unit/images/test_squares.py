"""Photos are decoded once, whatever becomes of the files, the cache and the disk."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.errors import UserError
from shelfmind.files import cache_folder
from shelfmind.images import checking, square_cache
from shelfmind.images.decoding import NO_MEMORY, UNREADABLE, BadImage, open_image
from shelfmind.images.squares import (
    CachedSquares,
    DecodedOnDemand,
    cache_limit_bytes,
    in_order,
    open_splits,
    open_squares,
    square,
)
from shelfmind.recipe import DataRecipe
from shelfmind.records import Sample

DATA = DataRecipe(image_size=16, resize_to=16)
SQUARE_BYTES = 16 * 16 * 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SHELFMIND_CACHE_GB", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Six photos of noise."""
    paths = [tmp_path / f"照片 {number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        save_noise(path, number)
    return paths


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collects the files that are decoded."""
    seen: list[Path] = []

    def spy(path: Path) -> Image.Image:
        seen.append(path)
        return open_image(path)

    monkeypatch.setattr(checking, "open_image", spy)
    return seen


def limit_cache(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE_GB", repr(size / 2**30))


def save_noise(path: Path, seed: int) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)).save(path)


def samples_of(paths: list[Path]) -> list[Sample]:
    return [Sample(path, number, "train") for number, path in enumerate(paths)]


def assert_squares_of(paths: list[Path], bad: dict[Path, str] | None = None, progress: Any = None) -> Any:
    """Open them and compare every square with its own photo."""
    bad = bad or {}
    samples = samples_of(paths)
    squares, good, bad_files = open_squares(samples, DATA, progress)
    assert {file.path: file.reason for file in bad_files} == bad
    assert good == [sample for sample in samples if sample.path not in bad]
    assert len(squares) == len(good)
    for index, sample in enumerate(good):
        np.testing.assert_array_equal(squares[index], square(sample.path, DATA))
    return squares


def shards(cache: Path) -> list[Path]:
    """The squares of all shards, least recently used first."""
    return sorted((cache / "squares").glob("*/*.npy"), key=lambda path: path.with_suffix(".index").stat().st_mtime)


def test_the_second_time_decodes_nothing(photos: list[Path], opened: list[Path]) -> None:
    for expected in (photos, []):
        done: list[int] = []
        assert_squares_of(photos, progress=done.append)
        assert sum(done) == 6
        assert sorted(opened) == expected
        opened.clear()


@pytest.mark.parametrize("touch_only", [False, True])
def test_a_changed_file_is_read_again(touch_only: bool, photos: list[Path], opened: list[Path]) -> None:
    assert_squares_of(photos)
    opened.clear()
    if not touch_only:
        save_noise(photos[2], 99)
    os.utime(photos[2], ns=(10**18, 10**18))
    assert_squares_of(photos)
    assert photos[2] in opened


@pytest.mark.parametrize("limit", [10**9, 1])
def test_bad_files_leave_squares_and_samples_aligned(
    limit: int, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_cache(monkeypatch, limit)
    photos[1].write_text("text")
    photos[4].unlink()
    for _ in range(2):
        assert_squares_of(photos, {photos[1]: "not an image", photos[4]: "missing"})


def test_a_file_that_could_not_be_read_for_once_is_read_the_next_time(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> Image.Image:
        if path == photos[3]:
            raise BadImage(NO_MEMORY)
        return open_image(path)

    with monkeypatch.context() as patch:
        patch.setattr(checking, "open_image", fail)
        assert_squares_of(photos, {photos[3]: NO_MEMORY})
    assert_squares_of(photos)


@pytest.mark.parametrize("shortage", ["limit", "disk"])
def test_what_is_too_large_to_keep_is_decoded_on_demand(
    shortage: str, photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = assert_squares_of(photos[:5])
    if shortage == "limit":
        limit_cache(monkeypatch, 6 * SQUARE_BYTES - 1)
    else:
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2 * SQUARE_BYTES - 1))
    before = shards(cache)
    squares = assert_squares_of(photos)
    assert isinstance(squares, DecodedOnDemand)
    assert shards(cache) == before
    for order in (None, [4, 0, 3]):
        on_demand, packed = list(in_order(squares, order)), np.stack(list(in_order(kept, order)))
        np.testing.assert_array_equal(np.stack(on_demand)[: len(packed)], packed)
    assert len(list(in_order(squares))) == 6


def test_what_was_used_longest_ago_makes_room(
    photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_cache(monkeypatch, 3 * SQUARE_BYTES)  # two files with their headers, and no third
    assert_squares_of(photos[:1])
    os.utime(shards(cache)[0].with_suffix(".index"), (1000, 1000))
    assert_squares_of(photos[1:2])
    os.utime(shards(cache)[1].with_suffix(".index"), (2000, 2000))
    assert_squares_of(photos[:1])  # used again: now the second is the older one
    assert_squares_of(photos[2:3])
    assert len(shards(cache)) == 2
    opened.clear()
    assert_squares_of(photos[:1])
    assert opened == []
    assert_squares_of(photos[1:2])
    assert opened == [photos[1]]


@pytest.mark.parametrize(("room", "cached"), [(6, [True, True]), (4, [True, False]), (2.5, [False, True])])
def test_splits_of_a_command_do_not_make_room_for_each_other(
    room: float, cached: list[bool], photos: list[Path], opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_cache(monkeypatch, int(room * SQUARE_BYTES))
    splits = [samples_of(photos[:3]), samples_of(photos[3:5])]
    for decoded in ([*photos[:5]], []):
        opened.clear()
        found = open_splits(splits, DATA)
        assert sorted(opened) == decoded
        assert [isinstance(squares, CachedSquares) for squares, _, _ in found] == cached
        for (squares, good, bad_files), samples in zip(found, splits, strict=True):
            assert (good, bad_files) == (samples, [])
            assert all(np.array_equal(squares[index], square(each.path, DATA)) for index, each in enumerate(good))


def test_a_split_that_is_cached_stays_while_another_one_arrives(
    photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_squares_of(photos[3:5])
    os.utime(shards(cache)[0].with_suffix(".index"), (1000, 1000))
    assert_squares_of(photos[5:])
    limit_cache(monkeypatch, int(5.5 * SQUARE_BYTES))
    opened.clear()
    open_splits([samples_of(photos[:3]), samples_of(photos[3:5])], DATA)
    assert sorted(opened) == photos[:3]


DAMAGES: dict[str, Any] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-100],
    "cut in the header": lambda content: content[:40],
    "text": lambda content: b"this is no array",
    "zeros": lambda content: bytes(len(content)),
    "fewer squares": lambda content: content.replace(b"(6, 16,", b"(5, 16,"),
    "smaller squares": lambda content: content.replace(b"(6, 16,", b"(6, 15,"),
    "broken header": lambda content: content.replace(b"'shape'", b"'shape("),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_squares_are_made_anew(damage: str, photos: list[Path], cache: Path, opened: list[Path]) -> None:
    assert_squares_of(photos)
    (packed,) = shards(cache)
    content = packed.read_bytes()
    packed.write_bytes(DAMAGES[damage](content))
    assert packed.read_bytes() != content
    opened.clear()
    assert_squares_of(photos)
    assert sorted(set(opened)) == photos
    opened.clear()
    assert_squares_of(photos)
    assert opened == []


def test_a_flipped_byte_of_a_square_is_decoded_again(photos: list[Path], cache: Path) -> None:
    assert_squares_of(photos)
    (shard,) = shards(cache)
    content = bytearray(shard.read_bytes())
    content[-3 * SQUARE_BYTES - 7] ^= 1
    shard.write_bytes(content)
    assert_squares_of(photos)  # the square is right although the cache is not
    assert shards(cache) == []
    assert_squares_of(photos)
    assert len(shards(cache)) == 1


def test_a_flipped_byte_of_an_index_makes_its_shard_anew(photos: list[Path], cache: Path) -> None:
    assert_squares_of(photos)
    (shard,) = shards(cache)
    content = bytearray(shard.with_suffix(".index").read_bytes())
    content[len(content) // 2] ^= 1
    shard.with_suffix(".index").write_bytes(content)
    assert_squares_of(photos)
    assert len(shards(cache)) == 1
    assert shards(cache) != [shard]


def test_a_changed_data_set_decodes_only_what_changed(photos: list[Path], cache: Path, opened: list[Path]) -> None:
    assert_squares_of(photos[:4])
    opened.clear()
    save_noise(photos[1], 99)
    os.utime(photos[1], ns=(10**18, 10**18))
    assert_squares_of([photos[5], *photos[:4]])
    assert sorted(opened) == [photos[1], photos[5]]
    opened.clear()
    assert_squares_of([photos[3], photos[5]])
    assert opened == []


def test_whole_shards_survive_a_kill(
    photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(square_cache, "SHARD_BYTES", 2 * SQUARE_BYTES)
    done = 0

    def stop(more: int) -> None:
        nonlocal done
        done += more
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_squares(samples_of(photos), DATA, stop)
    assert len(shards(cache)) == 2
    opened.clear()
    assert_squares_of(photos)
    assert sorted(opened) == photos[4:]


def test_leftovers_and_an_earlier_layout_are_deleted(photos: list[Path], cache: Path) -> None:
    assert_squares_of(photos[:2])
    folder = shards(cache)[0].parent
    for name in ("old.tmp", "without_index.npy", ".a.index.1-00000000.tmp.index"):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (1000, 1000))
    (folder / "new.tmp").write_bytes(b"x")
    (cache / "squares" / "earlier.npy").write_bytes(b"x")
    assert_squares_of(photos[2:3])
    names = {path.name for path in (cache / "squares").rglob("*") if path.is_file()}
    assert "new.tmp" in names
    assert not names & {"old.tmp", "without_index.npy", "earlier.npy", ".a.index.1-00000000.tmp.index"}


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_shard_that_cannot_be_read_now_stays(
    number: int, photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_squares_of(photos[:3])
    before, load = shards(cache), np.load

    def fail(path: Path, **options: Any) -> Any:
        if path in before:
            raise OSError(number, os.strerror(number))
        return load(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", fail)
        assert_squares_of(photos)
    assert set(before) < set(shards(cache))
    opened.clear()
    assert_squares_of(photos)
    assert opened == []


def test_a_shard_is_mapped_once(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert_squares_of(photos[:3])
    mapped: list[Path] = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda path, **options: mapped.append(path) or load(path, **options))
    assert_squares_of(photos)
    assert len(mapped) == len(set(mapped)) == 2


def test_more_shards_than_a_process_may_open(
    photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(square_cache, "most_open_files", lambda: 8)
    monkeypatch.setattr(square_cache, "SHARD_BYTES", SQUARE_BYTES)
    assert_squares_of(photos)
    opened.clear()
    squares = assert_squares_of(photos)
    assert opened == []
    for index in (5, 0, 3, 3, 1, 5, 2, 4):
        np.testing.assert_array_equal(squares[index], square(photos[index], DATA))
        assert len(squares.shards.maps) == 2
    assert len(shards(cache)) == 6
    shutil.rmtree(cache / "squares")
    for index in range(6):
        np.testing.assert_array_equal(squares[index], square(photos[index], DATA))


def test_the_index_that_another_process_writes_is_left_alone(photos: list[Path], cache: Path) -> None:
    assert_squares_of(photos)
    (shard,) = shards(cache)
    for name in (f".{shard.stem}.index.1-00000000.tmp.index", ".other.index.1-00000000.tmp.index"):
        (shard.parent / name).write_bytes(b"half")
        assert_squares_of(photos)
        assert (shard.parent / name).exists()


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_shard_of_another_user_is_used(
    photos: list[Path], cache: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_squares_of(photos[:3])
    (theirs,) = shards(cache)
    opened.clear()
    monkeypatch.setattr(os, "utime", refuse)
    assert_squares_of(photos)
    assert sorted(opened) == photos[3:]
    assert theirs in shards(cache)


def test_a_damaged_shard_that_cannot_be_deleted_is_not_used(
    photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_squares_of(photos)
    (theirs,) = shards(cache)
    theirs.write_bytes(theirs.read_bytes()[:-100])
    unlink = Path.unlink

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.stem == theirs.stem:
            refuse()
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", remove)
    assert_squares_of(photos)
    assert theirs.exists()


def test_what_cannot_be_deleted_counts(photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_cache(monkeypatch, 4 * SQUARE_BYTES)  # three files with their headers, and no fourth
    for number in range(3):
        assert_squares_of(photos[number : number + 1])
    oldest, second, third = shards(cache)
    for age, shard in enumerate((third, second, oldest)):
        os.utime(shard.with_suffix(".index"), (1000 - age, 1000 - age))
    unlink = Path.unlink

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.stem == oldest.stem:
            refuse()
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", remove)
    assert_squares_of(photos[3:4])
    assert oldest in shards(cache)
    assert second not in shards(cache)
    assert third in shards(cache)


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_an_index_has_the_permissions_of_its_squares(mask: int, photos: list[Path], cache: Path) -> None:
    before = os.umask(mask)
    try:
        assert_squares_of(photos)
    finally:
        os.umask(before)
    (shard,) = shards(cache)
    modes = [stat.S_IMODE(shard.with_suffix(suffix).stat().st_mode) for suffix in (".npy", ".index")]
    assert modes == [0o666 & ~mask] * 2


def test_a_path_that_no_file_can_have_is_a_bad_file(photos: list[Path], tmp_path: Path) -> None:
    impossible = tmp_path / "a\0b.png"
    for _ in range(2):
        assert_squares_of([*photos, impossible], {impossible: UNREADABLE})


def test_squares_that_are_deleted_while_in_use_are_right(photos: list[Path], cache: Path) -> None:
    squares, _, _ = open_squares(samples_of(photos), DATA)
    shutil.rmtree(cache / "squares")
    np.testing.assert_array_equal(squares[2], square(photos[2], DATA))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_what_is_broken_off_leaves_nothing(error: BaseException, photos: list[Path], cache: Path) -> None:
    def stop(done: int) -> None:
        raise error

    with pytest.raises(UserError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        open_squares(samples_of(photos), DATA, stop)
    assert isinstance(error, KeyboardInterrupt) or "SHELFMIND_CACHE" in str(caught.value)
    assert shards(cache) == []
    assert_squares_of(photos)


def test_a_full_disk_stays_as_it_was(photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="cannot be stored"):
        open_squares(samples_of(photos), DATA)
    assert [path for path in (cache / "squares").rglob("*") if path.is_file()] == []


def test_no_photos_are_no_squares() -> None:
    for _ in range(2):
        squares, samples, bad_files = open_squares([], DATA)
        assert (len(squares), samples, bad_files) == (0, [], [])


@pytest.mark.parametrize("change", [{"resize": "squash"}, {"resize_to": 18}, {"fill": (9, 9, 9)}])
def test_another_preparation_has_squares_of_its_own(change: dict[str, Any], photos: list[Path]) -> None:
    assert_squares_of(photos)
    other = DATA.model_copy(update=change)
    squares, _, _ = open_squares(samples_of(photos), other)
    np.testing.assert_array_equal(squares[0], square(photos[0], other))


def test_bytes_give_the_square_of_their_file(photos: list[Path]) -> None:
    np.testing.assert_array_equal(square(photos[0].read_bytes(), DATA), square(photos[0], DATA))


def test_the_cache_lies_where_the_user_wants(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    assert cache.is_dir()
    monkeypatch.delenv("SHELFMIND_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "shelfmind"
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="set SHELFMIND_CACHE"):
        cache_folder()


@pytest.mark.parametrize(("given", "expected"), [(None, 8 * 2**30), ("", 8 * 2**30), ("0.5", 2**29), ("0", 0)])
def test_the_cache_takes_what_the_user_allows(
    given: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is not None:
        monkeypatch.setenv("SHELFMIND_CACHE_GB", given)
    assert cache_limit_bytes() == expected


@pytest.mark.parametrize("given", ["much", "-1", "nan", "inf", "8 GB"])
def test_a_limit_that_is_no_number_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE_GB", given)
    with pytest.raises(UserError, match="SHELFMIND_CACHE_GB must be a number of gigabytes"):
        cache_limit_bytes()
