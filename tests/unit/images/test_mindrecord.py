"""MindRecord shards hold the squares that training would see, and the same bytes again."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from PIL import Image

from shelfmind.errors import UserError


@pytest.fixture
def photos(tmp_path):
    generator = np.random.default_rng(0)
    paths = []
    for number in range(10):
        size = (int(generator.integers(20, 90)), int(generator.integers(20, 90)))
        pixels = np.kron(generator.integers(0, 256, (size[1] // 10 + 1, size[0] // 10 + 1, 3)), np.ones((10, 10, 1)))
        paths.append(tmp_path / f"图{number}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


def write(folder, photos, monkeypatch, shard=4):
    from shelfmind.images import mindrecord

    monkeypatch.setattr(mindrecord, "IMAGES_PER_SHARD", shard)
    folder.mkdir()
    labels = [number % 3 for number in range(len(photos))]
    names = [f"train/可乐/{path.name}" for path in photos]
    done: list[int] = []
    shards = mindrecord.write_shards(folder, "train", photos, labels, names, image_size=48, progress=done.append)
    assert sum(done) == len(photos)
    return shards


def test_the_shards_are_read_by_mindspore_also_when_their_folder_was_renamed(mindspore, photos, tmp_path, monkeypatch):
    from shelfmind.images.squares import square
    from shelfmind.recipe import DataRecipe

    shards = write(tmp_path / "made", photos, monkeypatch)
    assert shards == [f"train-{number:05d}.mindrecord" for number in range(3)]
    (tmp_path / "made").rename(tmp_path / "moved")
    files = [str(tmp_path / "moved" / shard) for shard in shards]
    dataset = mindspore.dataset.MindDataset(files, shuffle=False)
    dataset = dataset.map(mindspore.dataset.vision.Decode(), input_columns="image")
    rows = list(dataset.create_dict_iterator(output_numpy=True, num_epochs=1))
    assert sorted(str(row["path"]) for row in rows) == [f"train/可乐/{path.name}" for path in photos]
    by_name = {str(row["path"]).rsplit("/", 1)[1]: row for row in rows}
    for number, path in enumerate(photos):
        row = by_name[path.name]
        assert int(row["label"]) == number % 3
        expected = square(path, DataRecipe(resize_to=48)).astype(int)
        assert row["image"].shape == (48, 48, 3)
        assert np.abs(row["image"].astype(int) - expected).mean() < 3  # JPEG, quality 95


def test_the_same_images_give_the_same_bytes(mindspore, photos, tmp_path, monkeypatch):
    from shelfmind.images.mindrecord import describe_shards

    digests = [
        describe_shards(tmp_path / name, write(tmp_path / name, photos, monkeypatch)) for name in ("first", "second")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 6
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "first").iterdir()} == {0o644}


def test_a_place_that_cannot_be_written_is_one_sentence(mindspore, photos, tmp_path, monkeypatch):
    from shelfmind.images import mindrecord

    with pytest.raises(OSError, match="No such file"):
        mindrecord.write_shards(tmp_path / "none", "train", photos, [0] * 10, ["x"] * 10, image_size=48, progress=print)
    (tmp_path / "train-00000.mindrecord.db").mkdir()  # where MindRecord wants its index
    with pytest.raises(UserError, match=r"cannot be written: .*check the free space") as raised:
        mindrecord.write_shards(tmp_path, "train", photos, [0] * 10, ["x"] * 10, image_size=48, progress=print)
    assert "\n" not in str(raised.value)


def test_a_shard_ends_when_it_has_enough_bytes(mindspore, photos, tmp_path, monkeypatch):
    from shelfmind.images import mindrecord

    monkeypatch.setattr(mindrecord, "BYTES_PER_SHARD", 1)
    assert len(write(tmp_path / "made", photos, monkeypatch)) == len(photos)


def test_where_there_is_no_space_it_is_said_before_mindrecord_begins(mindspore, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write(tmp_path / "made", photos, monkeypatch)
    assert list((tmp_path / "made").iterdir()) == []
