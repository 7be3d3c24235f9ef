"""`shelfmind explain`: overlays, what is most like them in training, and what cannot be explained."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def explanations(folder):
    return [json.loads(line) for line in (folder / "explanations.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def explained(trained, photos, bad, warm, place):
    """Two photos with Chinese names and one broken file, explained."""
    folder = place / "解释"
    broken = next(path for path in bad if path.name == "text.jpg")
    outcome = warm("explain", trained.run, *photos[:2], broken, "--out", folder)
    assert outcome.status == 0, outcome.stderr
    return folder


def test_each_image_has_a_class_an_overlay_and_neighbours(explained, photos, data):
    rows = explanations(explained)
    assert [row["path"] for row in rows[:2]] == [str(path) for path in photos[:2]]
    names = {path.name for path in (data / "train").iterdir()}
    for row in rows[:2]:
        assert row["asked"] == row["guesses"][0][0]
        assert sum(chance for _, chance in row["guesses"]) == pytest.approx(1, abs=1e-4)  # of three classes
        with Image.open(explained / row["overlay"]) as picture:
            assert picture.size == (32, 32)
        similarities = [each["similarity"] for each in row["neighbours"]]
        assert len(similarities) == 4
        assert similarities == sorted(similarities, reverse=True)
        assert all(-1 <= value <= 1 for value in similarities)
        for each in row["neighbours"]:
            assert "/train/" in each["path"]
            assert each["class_name"] in each["path"]
            assert each["class_name"] in names


def test_a_broken_file_is_named_and_the_others_are_explained(explained):
    broken = explanations(explained)[2]
    assert broken["error"] == "not an image"
    assert broken["overlay"] == ""
    assert len(list(explained.glob("*.png"))) == 2


def test_the_page_stands_alone(explained, photos):
    page = (explained / "index.html").read_text(encoding="utf-8")
    assert photos[0].name in page
    assert "not an image" in page
    assert page.count("data:image/") >= 2 * (1 + 1 + 4)
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)[^\"']*[\"']", page)


def test_a_class_can_be_asked_about(trained, photos, data, warm, tmp_path):
    name = sorted(path.name for path in (data / "train").iterdir())[-1]
    learnt = sorted((data / "train" / name).iterdir())[0]
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(learnt.read_bytes() + b"metadata")
    words = ("explain", trained.run, photos[0], learnt, copy, "--class", name)
    outcome = warm(*words, "--neighbours", "0", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    rows = explanations(tmp_path / "out")
    assert {row["asked"] for row in rows} == {name}
    assert [row["neighbours"] for row in rows] == [[]] * 3
    assert [row["seen"] for row in rows] == [None, "train", "near-copy"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "the run was trained on this photo" in page
    assert "unknown class" in warm(*words[:-1], "没有", "--out", tmp_path / "other").error


def test_without_its_training_images_it_explains_all_the_same(copied_run, photos, warm, tmp_path):
    path = copied_run / "provenance.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["data"]["path"] = str(tmp_path / "gone")
    path.write_text(json.dumps(content), encoding="utf-8")
    assert warm("explain", copied_run, photos[0], "--out", tmp_path / "out").status == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "does not exist any more, so no training images are shown" in page


def test_an_earlier_page_is_replaced_only_if_asked_and_with_nothing_of_it_left(trained, photos, warm, tmp_path):
    words = ("explain", trained.run, *photos[:2], "--neighbours", "0", "--out", tmp_path / "out")
    assert warm(*words).status == 0
    assert "--overwrite" in warm(*words).error
    again = ("explain", trained.run, photos[2], "--neighbours", "0", "--out", tmp_path / "out", "--overwrite")
    assert warm(*again).status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"index.html", "explanations.jsonl", "00000.png"}
    (tmp_path / "out" / "mine.txt").touch()
    assert "mine.txt" in warm(*again).error


def test_what_it_cannot_do_is_said_before_anything_is_written(trained, photos, warm, tmp_path):
    (tmp_path / "full").mkdir()
    shutil.copy(photos[0], tmp_path / "full")
    assert "full" in warm("explain", trained.run, photos[0], "--out", tmp_path / "full").error
    assert "no such file" in warm("explain", trained.run, tmp_path / "nothing.jpg", "--out", tmp_path / "out").error
    assert "there is no run" in warm("explain", tmp_path / "run", photos[0], "--out", tmp_path / "out").error
    assert not (tmp_path / "out").exists()


def test_a_run_that_takes_no_files_is_explained(copied_run, photos, warm, tmp_path):
    shutil.rmtree(copied_run / "evaluation", ignore_errors=True)
    (copied_run / "evaluation").touch()  # in the folder's place: nothing can be written there, not even by root
    outcome = warm("explain", copied_run, photos[0], "--out", tmp_path / "explained")
    assert outcome.status == 0, outcome.stderr
    assert len(explanations(tmp_path / "explained")[0]["neighbours"]) == 4
