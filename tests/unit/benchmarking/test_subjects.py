"""What can be measured of a run; what cannot is named with the reason, and stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.benchmarking import subjects
from shelfmind.benchmarking.subjects import subjects_of


def test_a_damaged_file_is_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "find_spec", lambda name: name)
    for name in ("recipe.yaml", "weights.ckpt", "network.onnx"):
        (tmp_path / name).write_bytes(b"")
    found, notes = subjects_of(tmp_path)
    assert [subject.name for subject in found] == ["mindspore"]
    assert len(notes) == 1
    assert "network.onnx was skipped" in notes[0]
    assert "is not an export of shelfmind" in notes[0]
