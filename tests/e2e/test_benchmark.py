"""`benchmark` by command: what it measures, what it writes, what it compares; never how fast it was."""

import json

import pytest

pytestmark = pytest.mark.slow

BRIEFLY = """
from shelfmind.benchmarking import benchmark
benchmark.usual = benchmark.SECONDS, benchmark.TRAININGS
few = {"mindspore": benchmark.TRAININGS["mindspore"]}
benchmark.SECONDS, benchmark.TRAININGS = 0, few
"""
AS_USUAL = """
from shelfmind.benchmarking import benchmark
benchmark.SECONDS, benchmark.TRAININGS = benchmark.usual
"""


@pytest.fixture
def brief(warm):
    """Measures three calls of each batch and no more: what is measured is not what is tested."""
    warm.python(BRIEFLY)
    yield warm
    warm.python(AS_USUAL)


def test_a_run_is_measured_and_compared(copied_run, data, brief, tmp_path):
    assert brief("export", copied_run, "--data", data, "--images", 20).status == 0
    photos = data / "train"
    options = ("--rounds", 1, "--images", 4, "--batch", "1,3", "--data", photos)
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    outcome = brief("benchmark", copied_run, *options, "--out", first)
    assert outcome.status == 0, outcome.stderr
    record = json.loads(first.read_text())
    assert record["predicting"].keys() == {"mindspore", "onnx fp32 of onnx", "openvino fp32 of onnx"}
    for subject in record["predicting"].values():
        assert subject["batches"].keys() == {"1", "3"}
        assert subject["command"]["images"] == 4
        assert 0 < subject["batches"]["3"]["p50_ms"] <= subject["batches"]["3"]["p99_ms"]
    assert "mindspore" in record["training"]
    assert record["hardware"]["cores"] >= 1
    options = ("--parts", "engines", "--rounds", 1, "--batch", "1", "--compare", first, "--out", second)
    again = brief("benchmark", copied_run / "network.onnx", *options)
    assert again.status == 0, again.stderr
    assert "ratio" in again.stdout
    assert json.loads(second.read_text())["predicting"].keys() == {"onnx fp32 of onnx", "openvino fp32 of onnx"}


def test_figures_of_something_else_are_refused(trained, warm, tmp_path):
    wrong = tmp_path / "metrics.json"
    wrong.write_text("{}")
    outcome = warm("benchmark", trained.run, "--compare", wrong)
    assert outcome.status == 2
    assert "metrics.json" in outcome.error
