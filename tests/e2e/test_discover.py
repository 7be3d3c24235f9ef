"""`shelfmind gallery discover` by command: groups, what is refused, and a folder that is whole or not there."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def products(trained, photos, warm, place):
    """A gallery of two products, and a folder of other photos, each twice, with a broken one among them."""
    folder, new = place / "新品库", place / "新照片"
    assert warm("gallery", "create", folder, "--run", trained.run).status == 0
    assert warm("gallery", "add", folder, *photos[:2], "--sku", "可乐").status == 0
    assert warm("gallery", "add", folder, *photos[2:4], "--sku", "雪碧").status == 0
    new.mkdir()
    for number, photo in enumerate(photos[4:7]):
        for copy in "ab":
            shutil.copyfile(photo, new / f"照片{number}{copy}{photo.suffix}")
    (new / "坏.jpg").write_bytes(b"no image")
    return folder, new


def test_new_photos_are_grouped_for_the_review(products, photos, warm, tmp_path):
    gallery, new = products
    outcome = warm("gallery", "discover", gallery, new, photos[0], "--out", tmp_path / "发现", "--json", "-")
    assert outcome.status == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    assert (figures["photos"], figures["unusable"], figures["products"]) == (7, 1, 2)
    assert outcome.stderr.count("坏.jpg") == 1
    assert "review them with: shelfmind review" in outcome.stderr
    assert (figures["known"], figures["learnt_from"]) == (1, "photos")
    with open(tmp_path / "发现" / "groups.csv", encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert len(rows) == 8
    assert rows[str(photos[0])]["what"] == "known"
    assert rows[str(new / "坏.jpg")]["what"].startswith("unusable: ")
    assert {row["nearest"] for row in rows.values()} == {"可乐", "雪碧", ""}
    page = (tmp_path / "发现" / "discovery.html").read_text(encoding="utf-8")
    assert "新商品？" in page


def test_mistakes_are_one_line_and_leave_nothing(products, trained, photos, warm, tmp_path):
    gallery, new = products
    out = tmp_path / "out"
    assert "no such file" in warm("gallery", "discover", gallery, "nothing.jpg", "--out", out).error
    assert "there is no gallery" in warm("gallery", "discover", tmp_path / "no", new, "--out", out).error
    assert "no image" in warm("gallery", "discover", gallery, tmp_path, "--out", out).error
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("x")
    assert "not an empty folder" in warm("gallery", "discover", gallery, new, "--out", out).error
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert "is not an audit" in warm("review", out, "--no-browser").error


def test_beside_an_empty_gallery_everything_is_new(products, trained, photos, warm, tmp_path):
    assert warm("gallery", "create", tmp_path / "empty", "--run", trained.run).status == 0
    words = ("gallery", "discover", tmp_path / "empty", *photos[:2], "--least", "1", "--out", tmp_path / "out")
    outcome = warm(*words, "--json", "-")
    assert outcome.status == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    assert (figures["known"], figures["in_groups"], figures["alone"]) == (0, 2, 0)
