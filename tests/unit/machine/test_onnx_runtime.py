"""Answers are told to nobody else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime")
SOURCE = Path(__file__).parents[3] / "src"
ASK = """
import sys
import numpy as np
from shelfmind.inference.predictor import load
predictor = load(sys.argv[1], engine="onnx")
side = predictor.recipe.data.resize_to
predictor.ask([np.zeros((side, side, 3), np.uint8)])
"""
OF_THEIRS = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")


def left_behind(home: Path, network: Path, **variables: str) -> list[Path]:
    """The files that an answer leaves in a user's folder, of those that ONNX Runtime makes to report."""
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in OF_THEIRS}
    folders = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PYTHONPATH": str(SOURCE),
    }
    subprocess.run([sys.executable, "-c", ASK, str(network)], env={**kept, **folders, **variables}, check=True)
    return [path for path in home.rglob("*") if re.search("Microsoft|[.]ses$", str(path.relative_to(home)))]


def test_an_answer_reports_to_nobody(tiny: Any, tmp_path: Path) -> None:
    network = tiny.write_network(tmp_path / "network.onnx")
    assert left_behind(tmp_path / "home", network) == []


def test_it_is_imported_in_one_place() -> None:
    imports = re.compile(r"^\s*(import onnxruntime\b|from onnxruntime import)", re.MULTILINE)
    found = {path.name for path in SOURCE.rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))}
    assert found == {"onnx_runtime.py"}
