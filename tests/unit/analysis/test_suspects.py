"""Suspects survive the way through their file, and a damaged file is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shelfmind.analysis.suspects import Suspect, read_suspects, write_suspects
from shelfmind.errors import UserError


def suspect(path: str, score: float, **more: object) -> Suspect:
    return Suspect(path, "train", "可乐", "<Fanta>", "label", score, **more)  # type: ignore[arg-type]


def test_comes_back_as_written_worst_first(tmp_path: Path) -> None:
    mild = suspect("a/1.jpg", 0.25, detail="why", neighbours=("b/1.jpg", "b/2.jpg"), given_neighbours=("a/2.jpg",))
    foreign = Suspect("线\n\u2028.jpg", "val", "可乐", None, "outlier", 1.0)
    odd = suspect("a/\udcff.jpg", 0.25)
    write_suspects(tmp_path / "suspects.jsonl", [mild, odd, foreign])
    assert read_suspects(tmp_path / "suspects.jsonl") == [foreign, mild, odd]


def test_each_line_is_json_with_readable_names(tmp_path: Path) -> None:
    write_suspects(tmp_path / "suspects.jsonl", [suspect("a.jpg", 0.5), suspect("\udcff.jpg", 0.4)])
    lines = (tmp_path / "suspects.jsonl").read_text(encoding="utf-8").splitlines()
    assert "可乐" in lines[0]
    assert json.loads(lines[1])["path"] == "\udcff.jpg"
    assert set(json.loads(lines[0])) == {
        *("path", "split", "given", "suggested", "kind", "score", "detail", "neighbours", "given_neighbours")
    }


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_score_outside_its_range_is_not_written(tmp_path: Path, score: float) -> None:
    with pytest.raises(ValueError, match=r"a\.jpg"):
        write_suspects(tmp_path / "suspects.jsonl", [suspect("a.jpg", score)])
    assert not (tmp_path / "suspects.jsonl").exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: not a suspect"),
        ("[]", "line 2: not a suspect"),
        ('{"path": "a"}', "line 2: not a suspect \\(no 'split'\\)"),
        ('{"path": 1, "split": "", "given": "", "suggested": null, "kind": "", "score": 0}', "1 must be text"),
        (
            '{"path": "", "split": "", "given": "", "suggested": null, "kind": "", "score": NaN}',
            "score must lie between 0 and 1, got nan",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "suspects.jsonl"
    write_suspects(path, [suspect("a.jpg", 0.5)])
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        read_suspects(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl cannot be read"):
        read_suspects(tmp_path / "none.jsonl")
