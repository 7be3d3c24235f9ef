"""A network and a gallery answer together, whatever happened to the network's temperature since the calibration."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.stores import open_files
from shelfmind.inference.embedder import photo_embedder
from shelfmind.inference.predict_files import PredictionOutcome, predict_files
from shelfmind.inference.recognizer import Answer, recognizer
from shelfmind.recognition.rule import TEMPERATURE

TEAL = (60, 150, 120)


def _answer(network: Path, gallery: Path, photo: bytes) -> Answer:
    return recognizer(network, gallery, "onnx").recognize(photo)[0]


def _shares(answer: Answer) -> dict[str, float]:
    return {each.name: each.probability for each in answer.candidates}


def test_answers_keep_the_temperature_that_they_were_calibrated_at(
    tiny: Any, network: Path, gallery: Path, tmp_path: Path
) -> None:
    warmer = tiny.write_network(tmp_path / "warmer.onnx", temperatures=[(["flip"], 2.5)])
    photo = tiny.encoded(TEAL)
    before = _answer(network, gallery, photo)
    assert _shares(_answer(warmer, gallery, photo)) != pytest.approx(_shares(before), abs=0.01)  # an old record

    made = Gallery(open_files(gallery))
    fitted = made.recognition()
    assert fitted is not None
    record, arrays = fitted
    made.set_recognition({**record, TEMPERATURE: 1.0}, arrays, photo_embedder(network), Attribution("test"))
    assert _answer(network, gallery, photo) == before
    assert _shares(_answer(warmer, gallery, photo)) == pytest.approx(_shares(before), abs=1e-5)


@pytest.fixture
def photos(tiny: Any, tmp_path: Path) -> list[Path]:
    """Two photos of one object, and between them two files that are none."""
    found = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, path in enumerate(found):
        path.write_bytes(tiny.encoded(tiny.YELLOW, number) if number in (0, 2) else b"no photo")
    return found


def _predicted_together(network: Path, gallery: Path, photos: list[Path], out: Path | None) -> PredictionOutcome:
    found: PredictionOutcome = predict_files(
        run=network, paths=tuple(map(str, photos)), gallery=str(gallery), together=True, engine="onnx", out=out
    )
    assert [Path(bad.path) for bad in found.bad_files] == [photos[1], photos[3]]
    assert found.images == 4
    assert sum(answer.images for answer in found.answers) == 4
    return found


def test_photos_that_one_answer_leaves_out_are_listed(
    network: Path, gallery: Path, photos: list[Path], tmp_path: Path
) -> None:
    good, bad = [str(photos[0]), str(photos[2])], [str(photos[1]), str(photos[3])]
    out, bad_list = tmp_path / "one.csv", tmp_path / "one.csv.bad_files.csv"
    assert _predicted_together(network, gallery, photos, out).bad_list == bad_list
    assert bad_list.read_text("utf-8-sig").count("not an image") == 2
    with open(out, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == ["; ".join(good), *bad]
    assert [row["answer"] for row in rows] == ["yellow 500 ml", "", ""]
    assert [bool(row["error"]) for row in rows] == [False, True, True]

    lines = tmp_path / "one.jsonl"
    _predicted_together(network, gallery, photos, lines)
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert records[0]["paths"] == good
    assert [record["path"] for record in records[1:]] == bad
    assert _predicted_together(network, gallery, photos, None).bad_list is None
