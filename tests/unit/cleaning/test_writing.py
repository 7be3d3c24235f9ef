"""Images are linked, copied or converted, and their sources stay as they are."""

from __future__ import annotations

import errno
import os
import shutil

import pytest
from PIL import Image

from shelfmind.cleaning.writing import LINKS, place_images
from shelfmind.errors import UserError


def place(folder, sources, *, link="auto", jpeg=False):
    targets = [f"train/可乐/{path.stem}{'.jpg' if jpeg else path.suffix}" for path in sources]
    return place_images(folder, sources, targets, link=link, jpeg=jpeg, progress=lambda done: None), targets


@pytest.fixture
def images(tmp_path):
    photo = Image.effect_noise((20, 30), 80).convert("RGB")
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.png", "c.bmp"):
        photo.save(tmp_path / "in" / name)
    shutil.copy(tmp_path / "in" / "a.jpg", tmp_path / "in" / "d.png")  # a JPEG by content
    return sorted((tmp_path / "in").iterdir())


@pytest.mark.parametrize("link", LINKS)
def test_every_way_of_linking_gives_the_same_bytes(tmp_path, images, link):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images}
    counts, targets = place(tmp_path / "out", images, link=link)
    for source, target in zip(images, targets, strict=True):
        made = tmp_path / "out" / target
        assert made.read_bytes() == source.read_bytes()
        assert made.is_symlink() == (link == "symbolic")
        assert made.samefile(source) == (link != "copy")
    assert counts == {"copied" if link == "copy" else "linked": 4}
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images}


def test_links_lead_to_the_file_itself(tmp_path, images):
    middle = tmp_path / "in" / "e.jpg"
    middle.symlink_to(images[0])
    place(tmp_path / "hard", [middle], link="hard")
    place(tmp_path / "symbolic", [middle], link="symbolic")
    middle.unlink()
    for name in ("hard", "symbolic"):
        assert (tmp_path / name / "train/可乐/e.jpg").read_bytes() == images[0].read_bytes()
    assert not (tmp_path / "hard/train/可乐/e.jpg").is_symlink()


def test_where_no_hard_link_is_possible_it_is_copied_or_refused(tmp_path, images, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    assert place(tmp_path / "auto", images)[0] == {"copied": 4}
    with pytest.raises(UserError, match="cannot be linked: Invalid cross-device link; use link='copy'"):
        place(tmp_path / "hard", images, link="hard")


def test_as_jpeg_only_what_is_none_by_content_is_converted(tmp_path, images):
    counts, _ = place(tmp_path / "out", images, jpeg=True)
    assert counts == {"linked": 2, "converted to JPEG": 2}
    place(tmp_path / "again", images, jpeg=True)
    for name in "abcd":
        made = tmp_path / "out" / "train" / "可乐" / f"{name}.jpg"
        assert made.read_bytes() == (tmp_path / "again" / "train" / "可乐" / f"{name}.jpg").read_bytes()
        with Image.open(made) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (20, 30))
    assert (tmp_path / "out/train/可乐/d.jpg").samefile(tmp_path / "in" / "d.png")
