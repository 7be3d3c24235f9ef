"""A run as one file: what it answers is what the run answers, without MindSpore."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from shelfmind.machine.instructions import runs_fast

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="onnx or ONNX Runtime is not installed"
)


@pytest.fixture(scope="module")
def exported(trained, warm, place):
    """A copy of the trained run that was exported, and the file."""
    assert trained.outcome.status == 0
    run = place / "exported run"
    shutil.copytree(trained.run, run)
    outcome = warm("export", run, "--json", "-")
    assert outcome.status == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    assert figures["path"] == str(run / "network.onnx")
    for engine in figures["engines"].values():
        assert engine["greatest_difference"] < 1e-4
        assert engine["agreement"] == 1
    shutil.copy(run / "network.onnx", place / "货架.onnx")
    return run, place / "货架.onnx"


def rows(path):
    """The best class and its probability for each image."""
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return [(row["path"], row["class_1"], round(float(row["probability_1"]), 4)) for row in csv.DictReader(stream)]


def test_engines_and_the_file_answer_as_mindspore(exported, photos, warm, tmp_path):
    run, file = exported
    asked = {"mindspore": run, "onnx": run, "auto": file}
    if find_spec("openvino") is not None:
        asked["openvino"] = file
    found = {}
    for engine, place in asked.items():
        out = tmp_path / f"{engine}.csv"
        outcome = warm("predict", place, *photos, "--engine", engine, "--out", out)
        assert outcome.status == 0, outcome.stderr
        found[engine] = rows(out)
    assert len(found["mindspore"]) == len(photos)
    assert all(answers == found["mindspore"] for answers in found.values())


def test_an_evaluation_names_its_engine(exported, data, warm):
    run, _ = exported
    figures = {}
    for engine in ("mindspore", "onnx"):
        outcome = warm("evaluate", run, data, "--engine", engine, "--json", "-")
        assert outcome.status == 0, outcome.stderr
        figures[engine] = json.loads(outcome.stdout)
        assert engine in (run / "report.html").read_text(encoding="utf-8")
    assert [each["engine"] for each in figures.values()] == ["mindspore", "onnx fp32"]
    assert figures["onnx"]["top1"] == figures["mindspore"]["top1"]
    assert figures["onnx"]["ece"] == pytest.approx(figures["mindspore"]["ece"], abs=1e-4)
    parts = {engine: _parts(each) for engine, each in figures.items()}
    assert len(parts["onnx"]) > 4
    assert parts["onnx"] == parts["mindspore"]


def _parts(figures):
    """Images and right answers of the slices that do not hang on the last digit of an embedding."""
    own = ("siblings", "unfamiliar")
    return sorted(
        (each["difficulty"], str(each["low"]), each["images"], each["right"])
        for each in figures["difficulties"]["slices"]
        if each["difficulty"] not in own
    )


@pytest.fixture(scope="module")
def in_every_form(exported, trained, warm, place):
    """What else a run is written as, by engine and precision; the network has hardly learnt, so all its answers are
    doubts: that rounding loses nothing is for photos to show, and here only what it may not touch."""
    kinds = {"onnx:int8": ("onnx", "int8"), "mindir": ("mindir", "fp32")}
    if find_spec("openvino") is not None:
        kinds |= {"openvino:fp32": ("openvino", "fp32"), "openvino:int8": ("openvino", "int8")}
        if runs_fast("bf16"):
            kinds["openvino:bf16"] = ("openvino", "bf16")
    files = {}
    for engine, (form, precision) in kinds.items():
        if not runs_fast(precision):
            continue
        files[engine] = place / f"shelf.{precision}.{form}"
        outcome = warm(
            "export", trained.run, "--out", files[engine], "--format", form, "--precision", precision,
            "--tolerance", "1e-4" if precision == "fp32" else "0.9", "--calibration", "16", "--json", "-",
        )  # fmt: skip
        assert outcome.status == 0, outcome.stderr
        figures = json.loads(outcome.stdout)
        assert figures["precision"] == precision
        assert all(each["least_cosine"] > 0.95 for each in figures["engines"].values())
    return files


def test_every_format_and_precision_answers(in_every_form, exported, photos, trained, warm, tmp_path):
    run, _ = exported
    expected = tmp_path / "expected.csv"
    assert warm("predict", run, *photos, "--engine", "mindspore", "--out", expected).status == 0
    for engine, file in in_every_form.items():
        out = tmp_path / "found.csv"
        outcome = warm("predict", file, *photos, "--engine", engine, "--out", out)
        assert outcome.status == 0, outcome.stderr
        assert f"engine: {engine.partition(':')[0]} " in outcome.stdout + outcome.stderr
        close = 1e-3 if engine in ("mindir", "openvino:fp32") else 0.1
        for (path, _, probability), (again, _, other) in zip(rows(expected), rows(out), strict=True):
            assert path == again
            assert other == pytest.approx(probability, abs=close)


def test_what_a_file_was_not_made_for(in_every_form, exported, data, photos, warm, tmp_path):
    run, file = exported
    mistakes = {
        ("predict", in_every_form["mindir"], photos[0], "--tta", "scale"): "was exported for images of",
        ("predict", in_every_form["mindir"], photos[0], "--engine", "onnx"): "which mindir reads, but not onnx",
        ("predict", file, photos[0], "--engine", "onnx:int8"): "computes in fp32, not int8",
        ("predict", run, photos[0], "--engine", "onnx:int8"): "has not been exported for --engine onnx:int8",
        ("predict", run, photos[0], "--engine", "onnx", "--rules", "contest"): "contest rule 1: MindSpore only",
        ("evaluate", run, data, "--engine", "onnx", "--rules", "contest"): "contest rule 1: MindSpore only",
        ("export", run, "--precision", "bf16"): "no engine runs the format onnx in bf16",
        ("export", run, "--precision", "int4"): "unknown precision 'int4'",
        ("export", run, "--format", "tflite"): "unknown format 'tflite'",
    }
    for words, message in mistakes.items():
        outcome = warm(*words)
        assert outcome.status == 2
        assert message in outcome.error
    outcome = warm("predict", run, photos[0], "--rules", "contest")
    assert outcome.status == 0, outcome.stderr
    assert "engine: mindspore" in outcome.stdout + outcome.stderr


WITHOUT = """
import sys
sys.modules["mindspore"] = None
import shelfmind
shelfmind.gallery_create({gallery!r}, run={file!r})
shelfmind.gallery_add({gallery!r}, [{photo!r}], sku="可乐 330ml", run={file!r})
print(shelfmind.gallery_search({gallery!r}, [{photo!r}])[0].matches[0].sku)
for place in ({run!r}, {file!r}):
    predictor = shelfmind.load(place)
    print(predictor.engine.name, predictor.predict({photo!r})[0].guesses[0].class_name)
"""


def test_a_machine_without_mindspore_predicts_and_enrols(exported, photos, tmp_path):
    run, file = exported
    code = WITHOUT.format(gallery=str(tmp_path / "库"), file=str(file), run=str(run), photo=str(photos[0]))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sku, by_run, by_file = done.stdout.splitlines()
    assert sku == "可乐 330ml"
    assert by_run == by_file
    assert by_run.split(" fp32")[0] in ("onnx", "openvino")


def test_what_cannot_be_used_is_one_line(exported, photos, trained, warm, tmp_path):
    run, file = exported
    damaged, foreign, stale = tmp_path / "damaged.onnx", tmp_path / "foreign.onnx", tmp_path / "stale"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    foreign.write_bytes(b"nothing of ours")
    shutil.copytree(run, stale)
    (stale / "weights.ckpt").write_bytes((stale / "weights.ckpt").read_bytes() + b" ")
    mistakes = {
        (damaged, "auto"): "is damaged: its checksum does not match",
        (foreign, "auto"): "is not an export of shelfmind",
        (file, "mindspore"): "use the run's folder",
        (trained.run, "onnx"): "has not been exported for",
        (stale, "onnx"): "is of other weights than",
        (run, "onyx"): "did you mean onnx",
        (tmp_path / "nothing.onnx", "auto"): "there is no file",
    }
    for (place, engine), words in mistakes.items():
        outcome = warm("predict", place, photos[0], "--engine", engine)
        assert outcome.status == 2
        assert words in outcome.error


def test_what_differs_more_than_is_accepted_is_not_written(trained, warm, tmp_path):
    out = tmp_path / "exact.onnx"
    outcome = warm("export", trained.run, "--out", out, "--tolerance", "1e-30")
    assert outcome.status == 2
    assert "differs from MindSpore by up to" in outcome.error
    assert "nothing was written" in outcome.error
    assert not list(tmp_path.iterdir())
