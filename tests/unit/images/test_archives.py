"""Members of archives are read like files, and damage is named."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.images import archives
from shelfmind.images.archives import in_reading_order, members_of, split_member
from shelfmind.images.content import hash_files, sha256_of
from shelfmind.images.decoding import MISSING, ZERO_BYTES, BadImage, open_image
from shelfmind.images.photo_files import file_exists, file_status, read_file
from shelfmind.images.squares import DecodedOnDemand, open_squares
from shelfmind.recipe import DataRecipe
from shelfmind.records import Sample

DATA = DataRecipe(image_size=32, resize_to=32)
LONG = "很长的名字" * 30
BLOCK = 512


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test."""
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SHELFMIND_CACHE_GB", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def photos(make_photo: Any, encode: Any) -> list[tuple[str, bytes]]:
    """Names and contents of nine photos, three in folders, one with a name that does not fit into a tar header."""
    names = [*(f"照片 {number}.jpg" for number in range(5)), "可乐/1.jpg", "可乐/2.jpg", "./dot/3.jpg", f"{LONG}.jpg"]
    return [(name, encode(make_photo(number, 60, 50))) for number, name in enumerate(names)]


@pytest.fixture
def tar(tmp_path: Path, packing: Any, photos: Any) -> Path:
    return packing.pack_tar(tmp_path / "数据" / "train-000.tar", photos)


def test_a_member_is_read_like_a_file(tar: Path, photos: Any) -> None:
    assert list(members_of(tar).names) == [name.removeprefix("./") for name, _ in photos]
    for name, content in photos:
        path = tar / name
        assert read_file(path) == content
        assert file_status(path).size == len(content)
        assert open_image(path).size == (60, 50)
    assert file_exists(tar / "可乐/1.jpg")
    assert not file_exists(tar / "可乐/7.jpg")
    with pytest.raises(BadImage, match=MISSING):
        open_image(tar / "可乐/7.jpg")


def test_a_folder_named_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    (tmp_path / "a.tar" / "1.jpg").write_bytes(b"x")
    assert split_member(tmp_path / "a.tar" / "1.jpg") is None
    assert read_file(tmp_path / "a.tar" / "1.jpg") == b"x"


def test_squares_and_digests_are_those_of_plain_files(tmp_path: Path, tar: Path, photos: Any) -> None:
    plain = []
    for number, (_, content) in enumerate(photos):
        plain.append(tmp_path / f"{number}.jpg")
        plain[-1].write_bytes(content)
    inside = [tar / name for name, _ in photos]
    assert hash_files(inside) == hash_files(plain)
    of_files, _, _ = open_squares([Sample(path, 0, "train") for path in plain], DATA)
    of_members, good, bad = open_squares([Sample(path, 0, "train") for path in reversed(inside)], DATA)
    assert not bad
    assert [sample.path for sample in good] == inside[::-1]
    for index in range(len(plain)):
        assert np.array_equal(of_files[index], of_members[len(plain) - 1 - index])


def test_squares_of_an_archive_larger_than_the_cache_are_decoded_from_it(
    tar: Path, photos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE_GB", "0")
    samples = [Sample(tar / name, 0, "train") for name, _ in photos]
    squares, _, bad = open_squares(samples, DATA)
    assert isinstance(squares, DecodedOnDemand)
    assert not bad
    assert squares[3].shape == (32, 32, 3)


def test_bad_members_are_listed_in_the_given_order(tmp_path: Path, packing: Any) -> None:
    tar = packing.pack_tar(tmp_path / "a.tar", [("1.jpg", b""), ("2.jpg", b"no image"), ("3.jpg", b"")])
    paths = [tar / "3.jpg", tar / "1.jpg", tar / "2.jpg", tar / "4.jpg"]
    _, good, bad = open_squares([Sample(path, 0, "train") for path in paths], DATA)
    assert good == []
    assert [(each.path, each.reason) for each in bad] == [
        (paths[0], ZERO_BYTES),
        (paths[1], ZERO_BYTES),
        (paths[2], "not an image"),
        (paths[3], MISSING),
    ]


def test_archives_are_read_from_start_to_end(tmp_path: Path, packing: Any, photos: Any) -> None:
    first, second = (packing.pack_tar(tmp_path / name, photos) for name in ("a.tar", "b.tar"))
    paths = [archive / name for archive in (first, second) for name, _ in photos]
    random.Random(0).shuffle(paths)
    ordered = [paths[index] for index in in_reading_order(paths)]
    for archive in (first, second):
        own = [path for path in ordered if path.is_relative_to(archive)]
        assert own == [archive / name for name, _ in photos]
        assert ordered.index(own[-1]) - ordered.index(own[0]) == len(own) - 1
    plain = [tmp_path / "2.jpg", tmp_path / "1.jpg"]
    assert in_reading_order(plain).tolist() == [0, 1]


def test_threads_read_members_at_the_same_time(tar: Path, photos: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda each: read_file(tar / each[0]), photos * 20))
    assert read == [content for _, content in photos * 20]


def test_members_are_listed_once_for_each_version(tar: Path, packing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    original = archives.tar_members
    monkeypatch.setattr(archives, "tar_members", lambda *args: listed.append(args) or original(*args))
    first = members_of(tar)
    assert list(members_of(tar).names) == list(first.names)
    assert len(listed) == 1
    packing.pack_tar(tar, [("new.jpg", b"1")])
    os.utime(tar, ns=(1, 1))
    assert list(members_of(tar).names) == ["new.jpg"]
    assert read_file(tar / "new.jpg") == b"1"
    assert len(listed) == 2


@pytest.mark.parametrize("position", [0, 30, -30, -1])
def test_a_damaged_list_of_members_is_made_again(tar: Path, cache: Path, position: int) -> None:
    names = list(members_of(tar).names)
    (kept,) = (cache / "archives").iterdir()
    content = bytearray(kept.read_bytes())
    content[position] ^= 0x55
    kept.write_bytes(content)
    assert list(members_of(tar).names) == names
    kept.write_bytes(content[: len(content) // 2])
    assert list(members_of(tar).names) == names


@pytest.mark.parametrize("left", [BLOCK + 40, 3 * BLOCK, -3 * BLOCK])
def test_a_truncated_tar_is_named(tar: Path, left: int) -> None:
    content = tar.read_bytes()
    end = members_of(tar).places[-1] + members_of(tar).sizes[-1]
    tar.write_bytes(content[: left if left > 0 else end + left])
    os.utime(tar, ns=(2, 2))
    with pytest.raises(UserError, match=r"train-000\.tar is .*truncated.*download or copy it again"):
        members_of(tar)


@pytest.fixture
def plain_tar(tmp_path: Path, packing: Any) -> Path:
    """A tar whose members have one header block each."""
    return packing.pack_tar(tmp_path / "a.tar", [(f"{number}.jpg", bytes([number]) * 700) for number in range(4)])


@pytest.mark.parametrize("more", [0, 100])
def test_a_tar_that_ends_between_two_members_is_truncated(plain_tar: Path, more: int) -> None:
    plain_tar.write_bytes(plain_tar.read_bytes()[: int(members_of(plain_tar).places[2]) - BLOCK + more])
    with pytest.raises(UserError, match=r"truncated after its member 1\.jpg: it lacks the end marker"):
        members_of(plain_tar)


def test_a_damaged_header_does_not_end_the_archive_silently(plain_tar: Path) -> None:
    content = bytearray(plain_tar.read_bytes())
    content[int(members_of(plain_tar).places[3]) - BLOCK + 10] ^= 0x20
    plain_tar.write_bytes(content)
    os.utime(plain_tar, ns=(3, 3))
    with pytest.raises(UserError, match=r"damaged after its member 2\.jpg: byte [\d,]+ does not start a member"):
        members_of(plain_tar)


def test_two_members_of_one_name_are_named(tmp_path: Path, packing: Any) -> None:
    tar = packing.pack_tar(tmp_path / "a.tar", [("茶.jpg", b"1"), ("b.jpg", b"2"), ("茶.jpg", b"3")])
    with pytest.raises(UserError, match=r"a\.tar has several members named 茶\.jpg; .*different names"):
        members_of(tar)


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/secret.jpg", "a/../../b.jpg"])
def test_names_that_leave_the_archive_are_refused(tmp_path: Path, packing: Any, name: str) -> None:
    with pytest.raises(UserError, match="unsafe name"):
        members_of(packing.pack_tar(tmp_path / "a.tar", [(name, b"1")]))


def test_links_are_skipped_and_counted(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo(f"{kind!r}.jpg")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("empty.jpg"), io.BytesIO())
    assert list(members_of(tmp_path / "a.tar").names) == ["empty.jpg"]
    assert members_of(tmp_path / "a.tar").skipped == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "is empty"), (b"x" * 2000, "is not a tar archive"), (gzip.compress(b"x" * 2000), "unpack it with gunzip")],
)
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(UserError, match=why):
        members_of(tmp_path / "a.tar")


def test_an_empty_tar_has_no_members(tmp_path: Path, packing: Any) -> None:
    assert list(members_of(packing.pack_tar(tmp_path / "a.tar", [])).names) == []


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_rows_are_read_like_files(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any, kind: str) -> None:
    table = packing.rows_table([(name, content, 0) for name, content in photos[:5]])
    write = packing.write_parquet if kind == "parquet" else packing.write_arrow
    file = write(tmp_path / f"数据.{kind}", table, 2)
    assert list(members_of(file).names) == [name for name, _ in photos[:5]]
    for name, content in photos[:5]:
        assert read_file(file / name) == content
    assert sha256_of(file / photos[1][0]) is not None
    shuffled = photos[:5] * 10
    random.Random(1).shuffle(shuffled)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda each: read_file(file / each[0]), shuffled))
    assert read == [content for _, content in shuffled]


def test_an_arrow_file_is_read_like_a_stream(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any) -> None:
    table = packing.rows_table([(name, content, 0) for name, content in photos[:3]])
    with pyarrow.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert [read_file(tmp_path / "a.arrow" / name) for name, _ in photos[:3]] == [content for _, content in photos[:3]]
    content = (tmp_path / "a.arrow").read_bytes()
    for number, cut in enumerate((0, 6, len(content) // 2)):
        (tmp_path / f"{number}.arrow").write_bytes(content[:cut])
        with pytest.raises(UserError, match=rf"{number}\.arrow is truncated or damaged: it cannot be opened"):
            members_of(tmp_path / f"{number}.arrow")


@pytest.mark.parametrize("name", ["..", "x/..", ".", "a\0.jpg", "no suffix"])
def test_rows_with_names_that_are_no_file_names_are_numbered(
    tmp_path: Path, packing: Any, pyarrow: Any, name: str
) -> None:
    rows = packing.rows_table([(name, b"\x89PNG", 0), ("2.png", b"\x89PNG", 0)])
    assert list(members_of(packing.write_parquet(tmp_path / "a.parquet", rows)).names) == ["000000.png", "000001.png"]


def test_rows_without_names_of_their_own_are_numbered(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any) -> None:
    contents = [content for _, content in photos[:3]]
    same = packing.write_parquet(tmp_path / "a.parquet", packing.rows_table([("1.jpg", each, 0) for each in contents]))
    none = packing.write_parquet(tmp_path / "b.parquet", packing.rows_table([(None, each, 0) for each in contents]))
    for file in (same, none):
        assert list(members_of(file).names) == ["000000.jpg", "000001.jpg", "000002.jpg"]
        assert [read_file(file / name) for name in members_of(file).names] == contents


def test_a_row_without_a_photo_is_a_bad_file(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any) -> None:
    table = packing.rows_table([("1.jpg", photos[0][1], 0), ("2.jpg", None, 0)])
    file = packing.write_parquet(tmp_path / "a.parquet", table)
    with pytest.raises(BadImage, match=ZERO_BYTES):
        open_image(file / "2.jpg")


def test_a_truncated_parquet_file_is_named(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any) -> None:
    file = packing.write_parquet(tmp_path / "a.parquet", packing.rows_table([("1.jpg", photos[0][1], 0)]))
    content = file.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    no_thrift = content[:footer] + b"\xff" * 40 + content[footer + 40 :]
    for damaged in (*(content[:cut] for cut in (0, 3, len(content) // 2, len(content) - 1)), no_thrift):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.parquet is truncated or damaged: .*download or copy it again"):
            members_of(file)


def test_a_damaged_row_group_is_named(tmp_path: Path, packing: Any, photos: Any, pyarrow: Any) -> None:
    rows = [(f"{number}.jpg", photos[number % 5][1] * 3, 0) for number in range(8)]
    file = packing.write_parquet(tmp_path / "a.parquet", packing.rows_table(rows), 4)
    assert len(members_of(file).names) == 8
    content = bytearray(file.read_bytes())
    content[4:60] = bytes(56)
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet is truncated or damaged: row 0 cannot be read"):
        read_file(file / "0.jpg")


def test_paths_without_photos_are_refused(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    images = pyarrow.array([{"bytes": None, "path": "1.jpg"}, {"bytes": None, "path": "2.jpg"}], kind)
    file = packing.write_parquet(tmp_path / "a.parquet", pyarrow.table({"image": images, "label": [0, 1]}))
    with pytest.raises(UserError, match="has the paths of photos, but not the photos"):
        members_of(file)


def test_columns_that_hold_no_photos_are_listed(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    no_photo = packing.write_parquet(tmp_path / "a.parquet", pyarrow.table({"text": ["x"], "label": [0]}))
    with pytest.raises(UserError, match=r"no column of photos; .* \(columns: text, label\)"):
        members_of(no_photo)
    two = packing.write_parquet(tmp_path / "b.parquet", pyarrow.table({"front": [b"x"], "back": [b"y"]}))
    with pytest.raises(UserError, match=r"several columns of bytes \(front, back\)"):
        members_of(two)
