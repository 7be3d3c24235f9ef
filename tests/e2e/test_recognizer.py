"""A run and a gallery as one recogniser, by command and in Python."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import open_files
from shelfmind.recognition.rule import TEMPERATURE
from shelfmind.records import Predictions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def new_products(place):
    """Twelve drawn products that no network learnt."""
    from shelfmind import generate

    folder = place / "later products"
    sizes = {"long_side": (96, 160), "test_fraction": 0.2}
    generate(folder, classes=12, images=72, layout="folder", others_share=0, tail=0, seed=8, **sizes)
    return folder


@pytest.fixture(scope="module")
def gallery(trained, data, new_products, warm, place):
    """A calibrated gallery of their training photos."""
    folder = place / "answering gallery"
    assert trained.outcome.status == 0
    assert warm("gallery", "create", folder, "--run", trained.run, "--data", new_products / "train").status == 0
    early = warm("predict", trained.run, new_products / "test", "--gallery", folder)
    assert early.status == 2
    assert "gallery calibrate" in early.error
    everything = place / "all photos"
    shutil.copytree(data, everything)
    later = sorted((new_products / "train").iterdir())[0]
    shutil.copytree(later, everything / "train" / later.name)
    words = ("--false-accepts", "0.2", "--precision", "0.7", "--json", "-")
    outcome = warm("gallery", "calibrate", folder, everything, *words)
    assert outcome.status == 0, outcome.stderr
    assert f"left out: 1 class unknown to the run ({later.name})" in outcome.stderr
    fitted = json.loads(outcome.stdout)
    assert fitted["rehearsed"] == "enrolled products"
    assert fitted["rejection"]["unknown_photos"] >= 48
    stored = Gallery(open_files(folder)).recognition()
    assert stored is not None
    assert stored[0][TEMPERATURE] == 1.0
    return folder


def test_answers_say_who_was_matched_by_which_photo(trained, gallery, new_products, photos, bad, warm, tmp_path):
    broken = next(path for path in bad if path.name == "text.jpg")
    enrolled = sorted((new_products / "train").rglob("*.jpg"))[0]
    out = tmp_path / "答案.jsonl"
    outcome = warm("predict", trained.run, enrolled, broken, photos[0], "--gallery", gallery, "--out", out)
    assert outcome.status == 0, outcome.stderr
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["path"] for row in rows] == [str(enrolled), str(broken), str(photos[0])]
    assert "error" in rows[1]
    candidates = {each["product"]: each for each in rows[0]["candidates"]}
    own = candidates[enrolled.parent.name]
    assert own["similarity"] == pytest.approx(1, abs=1e-3)
    assert own["reference"]["photo"] == enrolled.name
    assert own["source"] == "gallery"
    for row in rows[::2]:
        shares = [each["probability"] for each in row["candidates"]]
        assert shares == sorted(shares, reverse=True)
        assert row["level"] in ("product", "family", "undecided", "unknown")

    table = tmp_path / "answers.csv"
    assert warm("predict", trained.run, enrolled, "--gallery", gallery, "--top", "2", "--out", table).status == 0
    with open(table, encoding="utf-8-sig", newline="") as stream:
        row = next(csv.DictReader(stream))
    assert float(row["probability_1"]) == pytest.approx(rows[0]["candidates"][0]["probability"], abs=1e-5)
    assert row["answer"] == (rows[0]["answer"] or "")
    arrays = tmp_path / "answers.npz"
    assert warm("predict", trained.run, enrolled, "--gallery", gallery, "--out", arrays).status == 0
    kept = Predictions.load(arrays)
    assert len(kept.class_names) == 3 + 12
    np.testing.assert_allclose(kept.probabilities.sum(axis=1), 1, rtol=1e-4)


def test_photos_of_one_object_get_one_answer(trained, gallery, new_products, warm, tmp_path):
    product = sorted((new_products / "test").iterdir())[0]
    out = tmp_path / "one.jsonl"
    words = ("--gallery", gallery, "--together", "--out", out)
    assert warm("predict", trained.run, product, *words).status == 0
    (line,) = out.read_text(encoding="utf-8").splitlines()
    paths = json.loads(line)["paths"]
    assert sorted(paths) == sorted(map(str, product.iterdir()))
    assert warm("predict", trained.run, product, "--together").status == 2


LATER = """
import shelfmind
found = shelfmind.recognizer({run!r}, gallery={gallery!r})
before = found.recognize({photo!r}, top=99)[0]
shelfmind.gallery_add({gallery!r}, {photo!r}, sku="刚入库 1L")
after = found.recognize({photo!r}, top=99)[0]
shelfmind.gallery_remove({gallery!r}, "刚入库 1L")
again = found.recognize({photo!r}, top=99)[0]
own = next(each for each in after.candidates if each.name == "刚入库 1L")
answer = {{
    "early": [each.name for each in before.candidates],
    "similarity": own.similarity,
    "photo": own.reference.photo,
    "restored": again == before,
}}
"""


def test_what_is_enrolled_later_counts_in_the_next_answer(trained, gallery, photos, warm):
    found = warm.python(LATER.format(run=str(trained.run), gallery=str(gallery), photo=str(photos[1])))
    assert "刚入库 1L" not in found["early"]
    assert found["similarity"] == pytest.approx(1, abs=1e-3)
    assert found["photo"] == photos[1].name
    assert found["restored"]


def test_an_evaluation_counts_trained_enrolled_and_unknown(trained, gallery, data, new_products, place, warm):
    listing = place / "mixed.csv"
    test = sorted((new_products / "test").rglob("*.jpg"))
    with open(listing, "w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "label", "split"])
        rows.writerows([path, path.parent.name, "test"] for path in (data / "test").rglob("*.jpg"))
        rows.writerows([path, path.parent.name, "test"] for path in test[1:])
        rows.writerow([test[0], "nobody knows it", "test"])
        train = next((new_products / "train").rglob("*.jpg"))
        rows.writerow([train, train.parent.name, "test"])
    before = trained.run.joinpath("metrics.json").read_bytes()
    outcome = warm("evaluate", trained.run, listing, "--gallery", gallery, "--json", "-", "--max-bad-fraction", "1")
    assert outcome.status == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    found = figures["recognition"]
    assert found["trained"]["photos"] == len(list((data / "test").rglob("*.jpg")))
    assert found["enrolled"]["photos"] == len(test) - 1
    assert found["false_accepts"]["photos"] == 1
    assert figures["images"] == found["trained"]["photos"] + found["enrolled"]["photos"]
    assert any("1 photo of the split is enrolled" in note for note in figures["notes"])
    assert sum(level["answered"]["count"] for level in found["levels"]) <= figures["images"]
    page = (trained.run / "gallery_report.html").read_text(encoding="utf-8")
    assert "Trained, enrolled and unknown" in page
    assert 'id="difficulties-table"' in page
    assert "Distance to the product&#39;s training and enrolled photos" in page
    unfamiliar = [each for each in figures["difficulties"]["slices"] if each["difficulty"] == "unfamiliar"]
    assert sum(each["images"] for each in unfamiliar) == figures["images"]
    assert all(each["low"] is not None or each["high"] is not None for each in unfamiliar)  # all could be measured
    assert (trained.run / "evaluation" / "test" / "gallery" / "slices.csv").exists()
    assert trained.run.joinpath("metrics.json").read_bytes() == before


def test_an_enrolled_answer_is_explained_by_the_photo_that_matched(trained, gallery, new_products, warm, tmp_path):
    enrolled = sorted((new_products / "train").rglob("*.jpg"))[0]
    words = ("--gallery", gallery, "--class", enrolled.parent.name, "--neighbours", "2", "--out", tmp_path / "why")
    outcome = warm("explain", trained.run, enrolled, *words)
    assert outcome.status == 0, outcome.stderr
    found = json.loads((tmp_path / "why" / "explanations.jsonl").read_text(encoding="utf-8"))
    assert found["asked"] == enrolled.parent.name
    assert any(each["enrolled"] and each["path"] == enrolled.name for each in found["neighbours"])
    assert (tmp_path / "why" / found["overlay"]).exists()


def test_expand_measures_and_goes_on_where_it_was(new_products, warm, tmp_path):
    out = tmp_path / "expansion"
    words = ("--recipe", "demo", "--unseen", "0.34", "--shots", "1,2", "--draws", "1", "--epochs", "1")
    model = "model.arguments={widths: [8], depths: [1], attention: none}"
    small = (model, "data.image_size=32", "data.resize_to=32", "data.evaluation_size=32", "train.stages=[]")
    words = (*words, *(word for value in small for word in ("--set", value)), "--false-accepts", "0.5")
    first = warm("expand", new_products, *words, "--seeds", "1", "--out", out, "--json", "-")
    assert first.status == 0, first.stderr
    result = json.loads(first.stdout)
    assert set(result["estimates"]["recogniser"]) == {"1", "2"}
    assert set(result["estimates"]["galleries"]) == {"embedding", "pixels", "colour_histogram"}
    assert len(result["seeds"][0]["unseen"]) == 4
    assert "New products of" in (out / "report.html").read_text(encoding="utf-8")
    weights = out / "seed-0" / "run" / "weights.ckpt"
    trained_at = weights.stat().st_mtime_ns
    again = warm("expand", new_products, *words, "--seeds", "1", "--out", out, "--json", "-")
    assert json.loads(again.stdout) == result
    assert weights.stat().st_mtime_ns == trained_at
    other = warm("expand", new_products, *words, "--seeds", "1", "--out", out, "--unseen", "0.4")
    assert other.status == 2
    assert "other settings (unseen)" in other.error
