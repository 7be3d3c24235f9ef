"""`shelfmind gallery` by command: enrol, look up, undo; what is refused, and what is found to be damaged."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def products(trained, photos, bad, warm, place):
    """A gallery of two products with Chinese names, three photos each; a broken file was among them."""
    folder = place / "商品库"
    assert warm("gallery", "create", folder, "--run", trained.run).status == 0
    broken = next(path for path in bad if path.name == "text.jpg")
    first = warm("gallery", "add", folder, *photos[:3], broken, "--sku", "可乐 330ml", "-m", "新品")
    assert first.status == 0, first.stderr
    assert first.stderr.count("text.jpg") == 1
    assert warm("gallery", "add", folder, *photos[3:6], "--sku", "雪碧/500", "--author", "王").status == 0
    return folder


def said(outcome):
    assert outcome.status == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_enrolled_photos_find_themselves(products, photos, bad, warm):
    broken = next(path for path in bad if path.name == "text.jpg")
    found = said(warm("gallery", "search", products, photos[4], broken, photos[0], "--json", "-"))
    assert [each["error"] is None for each in found] == [True, False, True]
    assert [each["matches"][0]["sku"] for each in found if each["matches"]] == ["雪碧/500", "可乐 330ml"]
    for each in found[::2]:
        similarities = [match["similarity"] for match in each["matches"]]
        assert similarities[0] == pytest.approx(1, abs=1e-3)
        assert similarities == sorted(similarities, reverse=True)
        assert len(similarities) == 2


def test_the_history_says_who_and_why(products, warm):
    changes = said(warm("gallery", "history", products, "--json", "-"))
    assert [each["version"] for each in changes] == [1, 2, 3]
    assert [each["kind"] for each in changes] == ["create", "add", "add"]
    assert changes[1]["reason"] == "新品"
    assert changes[2]["author"] == "王"


def test_photos_that_are_enrolled_are_passed_over(products, photos, warm):
    outcome = warm("gallery", "add", products, *photos[:2], "--sku", "可乐 330ml")
    assert outcome.status == 0, outcome.stderr
    assert "nothing to change" in outcome.stderr
    assert len(said(warm("gallery", "history", products, "--json", "-"))) == 3


def test_a_removed_product_comes_back(products, warm, tmp_path):
    copy = shutil.copytree(products, tmp_path / "copy")
    assert warm("gallery", "remove", copy, "雪碧/500").status == 0
    assert said(warm("gallery", "list", copy, "--json", "-")) == {"可乐 330ml": 3}
    assert said(warm("gallery", "list", copy, "--version", "3", "--json", "-")) == {"可乐 330ml": 3, "雪碧/500": 3}
    assert warm("gallery", "rollback", copy, "3").status == 0
    assert said(warm("gallery", "list", copy, "--json", "-")) == {"可乐 330ml": 3, "雪碧/500": 3}
    assert warm("gallery", "merge", copy, "可乐 330ml", "雪碧/500", "--into", "饮料").status == 0
    assert warm("gallery", "rename", copy, "饮料", "all").status == 0
    assert said(warm("gallery", "list", copy, "--json", "-")) == {"all": 6}
    assert len(said(warm("gallery", "show", copy, "all", "--json", "-"))) == 6
    assert warm("gallery", "compact", copy).status == 0
    assert "was deleted by a compaction" in warm("gallery", "rollback", copy, "3").error
    assert said(warm("gallery", "list", copy, "--json", "-")) == {"all": 6}
    assert warm("gallery", "verify", copy).status == 0


def test_an_exported_gallery_is_a_data_set_that_makes_the_same_one(products, trained, warm, tmp_path):
    assert warm("gallery", "export", products, "--out", tmp_path / "out").status == 0
    with open(tmp_path / "out" / "list.csv", encoding="utf-8", newline="") as stream:
        assert {row["label"] for row in csv.DictReader(stream)} == {"可乐 330ml", "雪碧/500"}
    words = ("--run", trained.run, "--data", tmp_path / "out" / "list.csv")
    again = warm("gallery", "create", tmp_path / "again", *words)
    assert again.status == 0, again.stderr
    assert said(warm("gallery", "list", tmp_path / "again", "--json", "-")) == {"可乐 330ml": 3, "雪碧/500": 3}
    assert "not an empty folder" in warm("gallery", "export", products, "--out", tmp_path / "out").error


def test_a_flipped_byte_is_named(products, warm, tmp_path):
    copy = shutil.copytree(products, tmp_path / "copy")
    photo = next(path for path in (copy / "photos").rglob("*") if path.is_file())
    content = bytearray(photo.read_bytes())
    content[len(content) // 2] ^= 1
    photo.write_bytes(content)
    outcome = warm("gallery", "verify", copy)
    assert outcome.status == 2
    assert photo.name in outcome.stdout
    assert "damaged" in warm("gallery", "export", copy, "--out", tmp_path / "out").error
    assert not (tmp_path / "out").exists()


def test_an_enrolment_is_guarded_and_refused_if_strict(products, photos, warm, tmp_path):
    copy = shutil.copytree(products, tmp_path / "copy")
    before = sorted(path for path in copy.rglob("*"))
    refused = warm("gallery", "add", copy, photos[0], "--sku", "百事", "--strict").error
    assert f"{photos[0].name} of 百事 is the same photo as {photos[0].name} of 可乐 330ml" in refused
    assert "百事 has 1 photo" in refused
    assert sorted(path for path in copy.rglob("*")) == before
    warned = warm("gallery", "add", copy, photos[0], "--sku", "百事")
    assert warned.status == 0
    assert "百事 has 1 photo; with 5 or more" in warned.stderr
    assert len(said(warm("gallery", "history", copy, "--json", "-"))) == 4


def test_a_gallery_is_audited(products, photos, warm, tmp_path):
    shown = warm("gallery", "audit", products, "--out", tmp_path / "审计")
    assert shown.status == 0, shown.stderr
    assert "可乐 330ml has 3 photos" in shown.stdout
    assert "report.html" in shown.stderr
    assert (tmp_path / "审计" / "report.html").exists()
    figures = said(warm("gallery", "audit", products, "--json", "-"))
    assert figures["found"]["few_photos"] == 2
    assert "--overwrite" in warm("gallery", "audit", products, "--out", tmp_path / "审计").error


def test_an_enrolment_that_was_refused_goes_on_by_the_same_command(trained, photos, warm, tmp_path):
    for name, photo in zip(("可乐", "雪碧"), photos, strict=False):
        (tmp_path / "新品" / name).mkdir(parents=True)
        shutil.copy(photo, tmp_path / "新品" / name)
    place = tmp_path / "新库"
    words = ("gallery", "create", place, "--run", trained.run, "--data", tmp_path / "新品")
    refused = warm(*words, "--strict")
    assert refused.status == 2
    assert "可乐 has 1 photo" in refused.error
    assert warm(*words).status == 0
    assert said(warm("gallery", "list", place, "--json", "-")) == {"可乐": 1, "雪碧": 1}
    assert "already a gallery" in warm(*words).error


def test_mistakes_are_one_line(products, trained, photos, bad, warm, tmp_path):
    nowhere, broken = tmp_path / "nowhere", next(path for path in bad if path.name == "text.jpg")
    assert "there is no gallery at" in warm("gallery", "list", nowhere).error
    assert "already a gallery" in warm("gallery", "create", products, "--run", trained.run).error
    assert "there is no run at" in warm("gallery", "create", nowhere, "--run", nowhere).error
    assert "did you mean 雪碧/500" in warm("gallery", "remove", products, "雪碧500").error
    assert "no such file" in warm("gallery", "add", products, "nothing.jpg", "--sku", "x").error
    assert "not an image" in warm("gallery", "add", products, broken, "--sku", "x").error
    assert "--sku" in warm("gallery", "add", products, photos[0]).error
    assert "name must have" in warm("gallery", "add", products, photos[0], "--sku", " x").error
    assert "did you mean search" in warm("gallery", "serch", products).error
    assert not nowhere.exists()


def test_another_run_is_refused_until_vectors_are_renewed(products, data, settings, photos, warm, tmp_path):
    other, copy = tmp_path / "other", shutil.copytree(products, tmp_path / "copy")
    assert warm("train", data, "--out", other, *settings("train.epochs=1"), "--seed", "1").status == 0
    refused = warm("gallery", "search", copy, photos[0], "--run", other)
    assert "of another network" in refused.error
    assert f"shelfmind gallery re-embed {copy} --run {other}" in refused.error
    assert warm("gallery", "re-embed", copy, "--run", other).status == 0
    found = said(warm("gallery", "search", copy, photos[0], "--json", "-"))
    assert found[0]["matches"][0]["similarity"] == pytest.approx(1, abs=1e-3)
    moved = other.rename(tmp_path / "moved")
    assert "is no longer at" in warm("gallery", "search", copy, photos[0]).error
    assert warm("gallery", "search", copy, photos[0], "--run", moved).status == 0
