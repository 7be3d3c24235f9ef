"""Groups of copies become leaks, conflicts and duplicates; issues become rows and suspects."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.analysis.image_audit.issues import (
    COLUMNS,
    bad_file_issues,
    copy_issues,
    describe_copies,
    join_names,
    parse_names,
    quality_issues,
    suspects,
    unusual_file_issues,
    write_issues,
)
from shelfmind.analysis.image_audit.quality import flag_quality
from shelfmind.analysis.measuring.measurement import FACTS
from shelfmind.analysis.measuring.oddities import bit_of
from shelfmind.analysis.near_duplicates.groups import Group
from shelfmind.analysis.suspects import Suspect
from shelfmind.records import BadFile, Catalog, Sample

ROOT = Path("/data/photos")
CLASSES = ("可乐 330ml", "茶", "others")


def catalog(*samples):
    found = tuple(Sample(ROOT / f"{number}.jpg", label, split) for number, (label, split) in enumerate(samples))
    return Catalog(found, CLASSES, ROOT, "folder")


def issues_of(samples, members, differences=None):
    data = catalog(*samples)
    group = Group(tuple(members), tuple(differences or [0.0] * len(members)))
    return copy_issues(describe_copies([group], data), data, 0.12), data


def kinds(issues):
    return [(issue.image, issue.kind) for issue in issues]


def test_a_leak_names_the_other_split_and_asks_to_drop_it_from_train() -> None:
    issues, data = issues_of([(0, "train"), (0, "test"), (0, "train")], [0, 1], [0.06, 0.06])
    assert kinds(issues) == [(0, "leak"), (1, "leak")]
    assert issues[0].related == (1,)
    assert issues[0].detail == "near-duplicate of an image in test; drop it here to keep test unchanged"
    assert issues[1].detail == "near-duplicate of an image in train"
    assert issues[0].score == 0.75
    (suspect,) = suspects(issues, data)
    assert (suspect.path, suspect.kind, suspect.suggested, suspect.neighbours) == ("0.jpg", "leak", None, ("1.jpg",))
    assert suspect.given_neighbours == ("2.jpg",)


def test_a_conflict_suggests_the_other_class() -> None:
    issues, data = issues_of([(0, "train"), (1, "train"), (1, "train")], [0, 1, 2])
    assert [(issue.image, issue.kind, issue.suggested) for issue in issues] == [
        (0, "conflict", 1),
        (1, "conflict", 0),
        (2, "conflict", 0),
    ]
    assert issues[0].related == (1, 2)
    assert issues[0].score == 1.0
    assert "same pixels as an image labelled 茶" in issues[0].detail
    assert [suspect.suggested for suspect in suspects(issues, data)] == ["茶", CLASSES[0], CLASSES[0]]


def test_a_group_may_be_both() -> None:
    issues, _ = issues_of([(0, "train"), (1, "val")], [0, 1])
    assert kinds(issues) == [(0, "leak"), (0, "conflict"), (1, "leak"), (1, "conflict")]


def test_copies_in_one_class_and_split_are_only_listed() -> None:
    issues, data = issues_of([(0, "train"), (0, "train")], [0, 1])
    assert kinds(issues) == [(0, "duplicate"), (1, "duplicate")]
    assert suspects(issues, data) == []


def test_a_huge_group_does_not_grow_with_its_square() -> None:
    issues, _ = issues_of([(0, "train")] * 500 + [(0, "test")] * 500, range(1000))
    assert max(len(issue.related) for issue in issues) == 16
    assert len(issues) == 1000


def test_poor_quality_and_odd_files() -> None:
    facts = np.zeros(3, FACTS)
    facts["width"], facts["height"] = [100, 20, 700], [100, 90, 100]
    facts["brightness"], facts["edges"] = 200, 0.3
    facts["blur"] = [0.4, 0.9, 0.4]
    facts["oddities"] = [bit_of("turned"), 0, bit_of("transparent") | bit_of("turned")]
    poor = quality_issues(flag_quality(facts, np.zeros(3, np.int64)), [5, 6, 7])
    assert [(issue.image, issue.kind, issue.score) for issue in poor] == [(6, "blur", 0.6)]
    odd = unusual_file_issues(facts, [5, 6, 7])
    assert [(issue.image, issue.detail) for issue in odd] == [
        (6, "only 20 x 90 pixels"),
        (7, "transparent; extreme aspect ratio: 700 x 100"),
    ]


def test_rows_are_sorted_and_keep_any_name(tmp_path) -> None:
    strange = Path(os.fsdecode(b"/data/photos/bad\xff\nname,<b>.jpg"))
    outside = Path("/elsewhere/x.jpg")
    data = Catalog((Sample(strange, 0, "train"), Sample(outside, -1, "test")), CLASSES, ROOT, "csv")
    issues = [
        *bad_file_issues([BadFile(strange, "truncated")], {strange: 0}),
        *copy_issues(describe_copies([Group((0, 1), (0.12, 0.12))], data), data, 0.12),
    ]
    judged = [Suspect("a.jpg", "val", "茶", None, "outlier", 0.8, "far off", ("b.jpg", "c.jpg"))]
    write_issues(tmp_path / "issues.csv", issues, judged, data)
    with open(tmp_path / "issues.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["kind"], row["score"]) for row in rows[:2]] == [("unreadable", "1.0000"), ("outlier", "0.8000")]
    assert rows[0]["path"] == os.fsdecode(b"bad\xff\nname,<b>.jpg")
    assert rows[1]["related"] == "b.jpg|c.jpg"
    assert {row["path"] for row in rows} == {rows[0]["path"], "/elsewhere/x.jpg", "a.jpg"}
    conflict = next(row for row in rows if row["kind"] == "conflict" and row["path"].startswith("/elsewhere"))
    assert (conflict["class"], conflict["suggested"]) == ("", CLASSES[0])


@given(st.lists(st.text(min_size=1)))
def test_names_in_one_cell_are_parted_again_whatever_they_hold(names: list[str]) -> None:
    assert parse_names(join_names(names)) == names


def test_usual_names_are_joined_as_people_read_them() -> None:
    assert join_names(["a/b.jpg", "商品（1）.jpg"]) == "a/b.jpg|商品（1）.jpg"
