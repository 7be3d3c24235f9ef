"""Pictures come from the data set alone, whatever the suspects say."""

from __future__ import annotations

import io
import os

import pytest
from PIL import Image

from shelfmind.review.pictures import EDGES, NoPicture, Pictures


@pytest.fixture
def pictures(root):
    return Pictures(root, "folder")


def decoded(content):
    with Image.open(io.BytesIO(content)) as image:
        return image.format, image.size


def test_a_picture_is_a_jpeg_no_larger_than_asked_for(pictures):
    for size, edge in EDGES.items():
        content, _ = pictures.render("test/可乐/large.png", size)
        assert decoded(content) == ("JPEG", (round(edge / 3), edge))
    assert decoded(pictures.render("train/可乐/1.jpg", "large")[0]) == ("JPEG", (60, 90))


def test_the_tag_changes_with_the_file_and_the_size(pictures, root):
    first = pictures.render("train/可乐/1.jpg", "small")
    assert pictures.render("train/可乐/1.jpg", "small") == first
    assert pictures.render("train/可乐/1.jpg", "medium")[1] != first[1]
    Image.new("RGB", (61, 90), "blue").save(root / "train/可乐/1.jpg")
    assert pictures.render("train/可乐/1.jpg", "small")[1] != first[1]


@pytest.fixture
def secret(tmp_path):
    """An image that is not in the data set."""
    path = tmp_path / "secret.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def test_nothing_outside_the_data_set_is_shown(pictures, root, secret):
    (root / "out.png").symlink_to(secret)
    (root / "up").symlink_to(root.parent)
    places = ["../secret.png", str(secret), "train/../../secret.png", "out.png", "up/secret.png", "/etc/passwd"]
    for place in [*places, "train/可乐/../../../secret.png", "a\0.png", "", "train", f"{root}/../secret.png"]:
        with pytest.raises(NoPicture):
            pictures.render(place, "small")


def test_only_images_are_shown(pictures, root):
    (root / "train/可乐/notes.txt").write_text("secret")
    (root / "train/可乐/text.jpg").write_text("secret")
    os.mkfifo(root / "train/可乐/pipe.jpg")
    for name in ("notes.txt", "text.jpg", "pipe.jpg", "gone.jpg"):
        with pytest.raises(NoPicture):
            pictures.render(f"train/可乐/{name}", "small")


def test_members_of_shards_are_shown_and_nothing_else_in_them(tmp_path, packing):
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "blue").save(content, "PNG")
    photos = [("茶.png", content.getvalue(), "tea"), ("b.png", content.getvalue(), "beer")]
    packing.pack_labelled_tar(tmp_path / "数据" / "train-0.tar", photos)
    pictures = Pictures(tmp_path / "数据", "webdataset")
    picture, tag = pictures.render("train-0.tar/茶.png", "small")
    assert decoded(picture) == ("JPEG", (40, 30))
    assert pictures.render("train-0.tar/b.png", "small")[1] != tag
    for name in ("train-0.tar/茶.cls", "train-0.tar/c.png", "train-0.tar", "../数据.png"):
        with pytest.raises(NoPicture):
            pictures.render(name, "small")


def test_what_the_catalog_lists_is_in_the_data_set_though_it_is_a_link(pictures, root, secret):
    (root / "train/可乐/linked.png").symlink_to(secret)
    assert decoded(pictures.render("train/可乐/linked.png", "small")[0]) == ("JPEG", (20, 20))


def test_a_list_may_name_images_elsewhere_and_shows_no_others(root, secret, tmp_path):
    other = tmp_path / "other.png"
    Image.new("RGB", (20, 20)).save(other)
    (tmp_path / "lists").mkdir()
    listed = tmp_path / "lists" / "photos.csv"
    listed.write_text(f"path,label\n{secret},a\n../商品/train/可乐/1.jpg,b\n", encoding="utf-8")
    for place in (listed, listed.parent):
        pictures = Pictures(place, "csv")
        assert pictures.render(str(secret), "small")
        assert pictures.render("../商品/train/可乐/1.jpg", "small")
        for outside in (str(other), "../other.png", "../商品/train/可乐/2.jpg"):
            with pytest.raises(NoPicture):
                pictures.render(outside, "small")


def test_the_memory_is_bounded(pictures, monkeypatch):
    monkeypatch.setattr("shelfmind.review.pictures._KEPT_BYTES", 3000)
    for path in ("test/可乐/large.png", "train/可乐/1.jpg", "train/可乐/2.jpg", "train/雪碧/1.jpg"):
        pictures.render(path, "small")
    assert 0 < sum(map(len, pictures._kept.contents.values())) <= 3000
