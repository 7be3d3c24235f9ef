"""What the verbs about data print at their end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shelfmind.cli.outcomes.data_sets import show_reviewed
from shelfmind.display import Display
from shelfmind.requests.auditing import ReviewRequest
from shelfmind.review.running import ReviewOutcome


@pytest.mark.parametrize(
    ("issues", "options"),
    [
        ({"leak": 1, "duplicate": 2}, "--audit AUDIT --drop-duplicates --drop-leaks"),
        ({"leak": 1}, "--audit AUDIT --drop-leaks"),
        ({"blur": 1}, ""),
        (None, ""),
    ],
)
def test_a_review_ends_with_a_copy_that_drops_what_the_audit_found(
    issues: dict[str, int] | None, options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = tmp_path / "audit"
    audit.mkdir()
    if issues is not None:
        (audit / "audit.json").write_text(json.dumps({"issues": issues}))
    outcome = ReviewOutcome(1, 2, audit / "review.jsonl", tmp_path / "photos")
    show_reviewed(outcome, ReviewRequest(audit=audit), Display())
    said = capsys.readouterr()
    (following,) = [line for line in (said.out + said.err).splitlines() if line.startswith("next: ")]
    assert sorted(options.replace("AUDIT", str(audit)).split()) == sorted(
        word for word in following.split() if word.startswith(("--audit", "--drop")) or word == str(audit)
    )


def test_a_format_that_is_not_detected_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = ReviewOutcome(1, 2, tmp_path / "review.jsonl", tmp_path / "photos", format="folder")
    show_reviewed(outcome, ReviewRequest(audit=tmp_path), Display())
    assert f"shelfmind prepare {tmp_path / 'photos'} --format folder" in "".join(capsys.readouterr()).replace("\n", " ")
