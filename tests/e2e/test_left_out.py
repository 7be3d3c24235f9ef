"""No photo vanishes without a word: what cannot be read keeps its row, what is left out or joined is said on screen."""

from __future__ import annotations

import csv
import os
import shutil

import pytest
from PIL import Image, features

NEEDED = "needs pillow-heif: pip install 'shelfmind[heif]'"
LEFT_OUT = "note: 3 files were skipped, not an image by suffix: 2 .txt, 1 .psd"


@pytest.fixture(scope="module")
def untidy(place, data):
    """Three products, one of them in two subfolders, an empty one, a photo of a phone, and what is no image."""
    root = place / "杂乱"
    one, two, three = sorted((data / "train").iterdir())
    shutil.copytree(one, root / "茶")
    shutil.copytree(two, root / "汤")
    shutil.copytree(three, root / "饮料" / "可乐")
    (root / "饮料" / "芬达").mkdir()
    first = sorted((root / "饮料" / "可乐").iterdir())[0]
    first.rename(root / "饮料" / "芬达" / first.name)
    (root / "空").mkdir()
    (root / "茶" / "圈").symlink_to(root)
    (root / "茶" / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(200))
    if features.check("avif"):
        with Image.open(sorted((root / "茶").glob("*.jpg"))[0]) as photo:
            photo.save(root / "茶" / "web.avif")
    for name in ("notes.txt", "prices.txt", "poster.psd"):
        (root / "茶" / name).touch()
    return root


@pytest.fixture(scope="module")
def without_heif(place, started):
    """Runs commands where pillow-heif is not installed."""
    folder = place / "without_heif"
    folder.mkdir()
    (folder / "pillow_heif.py").write_text("raise ImportError")
    return started(PYTHONPATH=os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))))


@pytest.fixture(scope="module")
def run(untidy, without_heif, place, settings):
    """A run that was trained on it, and what the command said."""
    folder = place / "untidy run"
    words = ["train", untidy, "--out", folder, "--max-bad-fraction", "0.2", *settings("train.epochs=1")]
    return folder, without_heif(*words)


def assert_notes(outcome, root) -> None:
    assert outcome.status == 0, outcome.stderr
    lines = outcome.stderr.splitlines()
    assert lines.count(LEFT_OUT) == 1
    for words in ("饮料 (可乐, 芬达)", "circular links were not followed: 茶/圈", "without images", "空"):
        assert sum(words in line for line in lines) == 1, words
    assert sum(NEEDED in line and str(root / "茶" / "IMG_0001.HEIC") in line for line in lines) <= 1


def test_training_says_what_it_leaves_out_joins_and_cannot_read(run, untidy) -> None:
    folder, outcome = run
    assert_notes(outcome, untidy)
    assert f"cannot be used: {NEEDED} (1); for example {untidy / '茶' / 'IMG_0001.HEIC'}" in outcome.stderr
    with open(folder / "bad_files.csv", encoding="utf-8") as file:
        assert [(row["path"], row["reason"]) for row in csv.DictReader(file)] == [
            (str(untidy / "茶" / "IMG_0001.HEIC"), NEEDED)
        ]


def test_audit_says_the_same(untidy, without_heif, tmp_path) -> None:
    outcome = without_heif("audit", untidy, "--out", tmp_path / "audit")
    assert_notes(outcome, untidy)
    assert f"{NEEDED} (1)" in outcome.stderr


def test_evaluation_says_the_same(run, untidy, without_heif) -> None:
    words = ["evaluate", run[0], untidy, "--split", "train", "--max-bad-fraction", "0.2"]
    assert_notes(without_heif(*words), untidy)


def test_prediction_keeps_the_row_and_says_what_it_leaves_out(run, untidy, without_heif, tmp_path) -> None:
    table = tmp_path / "p.csv"
    outcome = without_heif("predict", run[0], untidy / "茶", "--out", table)
    assert outcome.status == 0, outcome.stderr
    assert LEFT_OUT in outcome.stderr.splitlines()
    with open(table, encoding="utf-8-sig", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows[str(untidy / "茶" / "IMG_0001.HEIC")]["error"] == NEEDED
    assert len(rows) == sum(path.suffix in (".jpg", ".avif", ".HEIC") for path in (untidy / "茶").iterdir())
    if features.check("avif"):
        assert rows[str(untidy / "茶" / "web.avif")]["class_1"]


def test_a_photo_of_a_phone_predicts_like_its_pixels(run, photos, warm, tmp_path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    with Image.open(photos[0]) as photo:
        pillow_heif.from_pillow(photo).save(tmp_path / "a.heic", quality=-1)  # without loss
        photo.convert("RGB").save(tmp_path / "b.png")
    outcome = warm("predict", run[0], tmp_path, "--top", 1, "--out", tmp_path / "p.csv")
    assert outcome.status == 0, outcome.stderr
    with open(tmp_path / "p.csv", encoding="utf-8-sig", newline="") as file:
        one, other = csv.DictReader(file)
    assert (one["class_1"], one["error"]) == (other["class_1"], "")
    assert float(one["probability_1"]) == pytest.approx(float(other["probability_1"]), abs=0.01)
