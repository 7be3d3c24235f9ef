"""A data set's checksums are recorded and verified by one command, and commands verify the shards that they open."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.images import verified_files
from shelfmind.machine.checksum_lists import CHECKSUMS, checksums_in, write_checksums
from shelfmind.requests.tool import VerifyRequest
from shelfmind.workflows.integrity import verify_files

DIFFERS = "is damaged or edited: its checksum does not match"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def shards(tmp_path: Path, packing: Any) -> Path:
    root = tmp_path / "分片"
    for split in ("train", "val"):
        photos = [(f"{number}.jpg", bytes([number]) * 50, str(number % 2)) for number in range(4)]
        packing.pack_labelled_tar(root / split / f"{split}-0.tar", photos)
    (root / "classes.txt").write_text("可乐\n雪碧\n", encoding="utf-8")
    return root


def verified(*paths: Path, accept: bool = False) -> list[tuple[Path, str]]:
    return verify_files(VerifyRequest(paths=paths, accept=accept))


def flip(path: Path, at: int, bit: int = 3) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def test_every_flipped_bit_is_found_and_named(shards: Path) -> None:
    assert verified(shards, accept=True) == []
    assert verified(shards) == []
    chance = random.Random(0)
    for path in (shards / "train" / "train-0.tar", shards / "val" / "val-0.tar", shards / "classes.txt"):
        before = path.read_bytes()
        for _ in range(8):
            flip(path, chance.randrange(len(before)), chance.randrange(8))
            assert verified(shards) == [(path, DIFFERS)]
            with pytest.raises(UserError, match=rf"{path.name} is damaged or edited: its checksum in SHA256SUMS"):
                open_catalog(shards)
            path.write_bytes(before)
    open_catalog(shards)


def test_every_flipped_bit_of_the_list_is_found(shards: Path) -> None:
    verified(shards, accept=True)
    path = shards / CHECKSUMS
    before = path.read_bytes()
    for at in range(0, len(before), 5):
        flip(path, at, at % 8)
        try:
            assert verified(shards) != [], at
        except UserError as error:
            assert f"{CHECKSUMS}, line " in str(error)  # noqa: PT017 - either way
        path.write_bytes(before)


def test_missing_and_unlisted_files_are_named(shards: Path) -> None:
    verified(shards, accept=True)
    shutil.copy(shards / "val" / "val-0.tar", shards / "val" / "val-1.tar")
    assert verified(shards) == [(shards / "val" / "val-1.tar", "is not listed in SHA256SUMS")]
    note = "1 shard is not listed in SHA256SUMS and therefore not verified: val/val-1.tar"
    assert note in open_catalog(shards).notes
    (shards / "train" / "train-0.tar").unlink()
    assert (shards / "train" / "train-0.tar", "is missing") in verified(shards)
    with pytest.raises(UserError, match=r"1 shard is missing in .*listed in SHA256SUMS: train/train-0\.tar; copy"):
        open_catalog(shards)
    assert verified(shards, accept=True) == []
    assert checksums_in(shards).keys() == {"classes.txt", "val/val-0.tar", "val/val-1.tar"}
    assert verified(shards) == []


def test_one_shard_is_verified_and_accepted_alone(shards: Path) -> None:
    verified(shards, accept=True)
    before = dict(checksums_in(shards))
    changed, damaged = shards / "train" / "train-0.tar", shards / "val" / "val-0.tar"
    flip(changed, 700)
    flip(damaged, 700)
    assert verified(changed) == [(changed, DIFFERS)]
    assert verified(changed, accept=True) == []
    assert verified(changed) == []
    assert verified(shards) == [(damaged, DIFFERS)]
    after = checksums_in(shards)
    assert {name for name in before if before[name] != after[name]} == {"train/train-0.tar"}


def test_the_lists_of_a_publisher_are_used_and_renewed(shards: Path) -> None:
    train = shards / "train"
    write_checksums(train, {"train-0.tar": "0" * 64, ".gone": "1" * 64})
    assert (train / "train-0.tar", DIFFERS) in verified(shards)
    assert (train / ".gone", "is missing") in verified(shards)
    with pytest.raises(UserError, match=r"train-0\.tar is damaged"):
        open_catalog(shards)
    assert verified(shards, accept=True) == []
    assert checksums_in(train).keys() == {"train-0.tar"}
    assert checksums_in(shards).keys() == {"classes.txt", "val/val-0.tar"}
    open_catalog(shards)


def test_a_data_set_of_files_can_be_verified_too(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.jpg").write_bytes(name.encode())
    notes = open_catalog(tmp_path / "photos").notes
    verified(tmp_path / "photos", accept=True)
    assert open_catalog(tmp_path / "photos").notes == notes
    flip(tmp_path / "photos" / "b" / "1.jpg", 0)
    assert verified(tmp_path / "photos") == [(tmp_path / "photos" / "b" / "1.jpg", DIFFERS)]


def test_results_of_datasets_are_not_recorded(tmp_path: Path, packing: Any, pyarrow: Any) -> None:
    table = packing.rows_table([("1.jpg", b"1", 0), ("2.jpg", b"2", 1)], ("a", "b"))
    packing.write_arrow(tmp_path / "saved" / "data-0.arrow", table)
    packing.write_arrow(tmp_path / "saved" / "cache-1.arrow", table)
    verified(tmp_path / "saved", accept=True)
    assert checksums_in(tmp_path / "saved").keys() == {"data-0.arrow"}
    assert verified(tmp_path / "saved") == []
    flip(tmp_path / "saved" / "data-0.arrow", -20)
    with pytest.raises(UserError, match=r"data-0\.arrow is damaged or edited"):
        open_catalog(tmp_path / "saved")


def test_what_cannot_be_verified_is_refused_with_a_remedy(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder, and no SHA256SUMS lists .*verify\(.*accept=True\)"):
        verified(shards)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    with pytest.raises(UserError, match=r"neither an image nor a shard in .*texts"):
        verified(tmp_path / "texts", accept=True)
    with pytest.raises(UserError, match="s3://bucket/shards is in an object store"):
        verified(Path("s3://bucket/shards"))
    with pytest.raises(UserError, match="no such file or folder"):
        VerifyRequest(paths=tmp_path / "nothing").require_inputs()


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_read(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shelfmind.files.tempfile.TemporaryFile", refuse)  # root may write anywhere
    monkeypatch.setattr(verified_files, "file_sha256", refuse)
    with pytest.raises(UserError, match=r"SHA256SUMS cannot be written: Permission denied"):
        verified(shards, accept=True)


def test_an_unreadable_file_is_named_and_not_recorded(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(shards, accept=True)
    link = shards / "train" / "train-0.tar"
    link.unlink()
    os.symlink("nowhere", link)
    assert verified(shards) == [(link, "cannot be read: No such file or directory")]
    monkeypatch.setattr(verified_files, "_read", lambda path: OSError(5, "Input/output error"))
    before = (shards / CHECKSUMS).read_bytes()
    with pytest.raises(UserError, match=r"cannot be read: Input/output error; no checksum was recorded"):
        verified(shards, accept=True)
    assert (shards / CHECKSUMS).read_bytes() == before
