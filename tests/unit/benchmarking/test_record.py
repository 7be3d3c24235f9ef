"""Earlier figures are compared with those of now, or refused before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shelfmind.benchmarking.record import changes, differences, read_record, speed_of
from shelfmind.errors import UserError


def record(**others: Any) -> dict[str, Any]:
    """What `benchmark` writes, of one engine."""
    figures = {"batches": {"1": speed_of(1, [[2.0, 2.0]])}, "command": {"memory_mb": 100.0, "first_answer_s": None}}
    setting = {"hardware": {"cores": 2}, "versions": {"numpy": "1"}, "network": {}, "settings": {}}
    return {"benchmark": 1, "predicting": {"onnx": figures}, "training": {}, **setting, **others}


def test_ratios_above_1_are_better_and_differences_are_named() -> None:
    faster = {"onnx": {"batches": {"1": speed_of(1, [[1.0, 1.0]])}, "command": {"memory_mb": 50.0}}}
    now = record(predicting=faster, hardware={"cores": 4})
    assert {change.what.rpartition(", ")[2]: change.ratio for change in changes(record(), now)} == {
        "images_per_second": 2.0,
        "p50_ms": 2.0,
        "p99_ms": 2.0,
        "memory_mb": 2.0,
    }
    assert differences(record(), now) == ["hardware: cores was 2, is now 4"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(json.dumps(record()))
    assert read_record(path) == record()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps(record(predicting=[])),
        json.dumps(record(predicting={"onnx": {}})),
        json.dumps(record(predicting={"onnx": {"batches": {"1": {}}}})),
        json.dumps(record(predicting={"onnx": {"batches": {"1": dict.fromkeys(speed_of(1, [[1.0]]), "fast")}}})),
        json.dumps(record(hardware="mine")),
    ],
)
def test_what_holds_no_figures_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"before\.json is not a result of"):
        read_record(path)


def test_figures_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(json.dumps(record(benchmark=9)))
    with pytest.raises(UserError, match="newer shelfmind"):
        read_record(path)
