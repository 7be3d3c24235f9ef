"""Groups of copies become leaks, conflicts and duplicates; issues become rows and suspects."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfmind.analysis.image_audit.issues import (
    COLUMNS,
    Copies,
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


def issues_of(samples, members, differences=None, pixels=None):
    """The issues of a group, by default of identical pixels, or of different ones if there are differences."""
    data = catalog(*samples)
    different = tuple(members) if differences else (0,) * len(members)
    group = Group(tuple(members), tuple(differences or [0.0] * len(members)), pixels or different)
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


class Counted(tuple):
    """Counts how many of its items are looked at."""

    looked_at = 0

    def __iter__(self):
        for item in super().__iter__():
            Counted.looked_at += 1
            yield item


@pytest.mark.parametrize(
    ("splits", "labels"),
    [
        (["train"] * 2000, [0] * 2000),
        (["train", "test"] * 1000, [0] * 2000),
        (["train"] * 1990 + ["test"] * 10, [0] * 1990 + [1] * 10),
        (["train"] * 2000, list(range(2000))),
    ],
    ids=["duplicates", "leak", "both", "as many labels as images"],
)
def test_the_time_of_a_huge_group_is_linear(splits, labels, monkeypatch) -> None:
    monkeypatch.setattr(Counted, "looked_at", 0)
    members = range(2000)
    samples = tuple(Sample(ROOT / f"{each}.jpg", labels[each], splits[each]) for each in members)
    data = Catalog(samples, tuple(str(each) for each in members), ROOT, "folder")
    group = Group(Counted(members), Counted([0.0] * 2000), Counted([0] * 2000))
    copy_issues([Copies(group, Counted(splits), Counted(labels))], data, 0.12)
    assert 0 < Counted.looked_at < 100 * 2000


def test_the_same_pixels_are_named_only_where_another_split_or_label_has_them() -> None:
    pairs = [(0, "train"), (0, "train"), (1, "test"), (1, "test")]
    issues, _ = issues_of(pairs, range(4), [0.06] * 4, pixels=(0, 0, 2, 2))
    assert {issue.score for issue in issues} == {0.75}
    assert [issue.detail for issue in issues if issue.image in (0, 3)] == [
        "near-duplicate of an image in test; drop it here to keep test unchanged",
        "near-duplicate of an image labelled 茶",
        "near-duplicate of an image in train",
        f"near-duplicate of an image labelled {CLASSES[0]}",
    ]


def test_each_split_of_a_leak_is_named_with_how_alike_its_images_are() -> None:
    issues, _ = issues_of([(0, "train"), (0, "val"), (0, "test")], range(3), [0.06] * 3, pixels=(0, 1, 0))
    assert [(issue.score, issue.detail) for issue in issues] == [
        (
            1.0,
            "same pixels as an image in test; near-duplicate of an image in val; drop it here to keep test unchanged",
        ),
        (0.75, "near-duplicate of an image in train, test; drop it here to keep test unchanged"),
        (1.0, "same pixels as an image in train; near-duplicate of an image in val"),
    ]


def test_a_conflict_names_a_label_that_has_the_same_pixels() -> None:
    labels = [0, 2, 1, 1, 1]
    issues, _ = issues_of([(label, "train") for label in labels], range(5), [0.06] * 5, pixels=(0, 0, 2, 3, 4))
    assert (issues[0].score, issues[0].suggested) == (1.0, 1)
    assert issues[0].detail == "same pixels as an image labelled others"
    assert issues[2].detail == f"near-duplicate of an image labelled {CLASSES[0]}"
    assert issues[2].score == 0.75


def test_a_duplicate_without_an_identical_one_is_a_near_duplicate() -> None:
    issues, _ = issues_of([(0, "train")] * 3, range(3), [0.06] * 3, pixels=(0, 0, 2))
    assert [issue.detail for issue in issues] == [
        *["same pixels as another image of its class"] * 2,
        "near-duplicate of another image of its class",
    ]
    assert [issue.score for issue in issues] == [0.4, 0.4, 0.4 * 0.75]


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
        *copy_issues(describe_copies([Group((0, 1), (0.12, 0.12), (0, 1))], data), data, 0.12),
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
