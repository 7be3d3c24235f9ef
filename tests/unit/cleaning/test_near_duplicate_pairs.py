"""What an audit calls repetitions is read, and a folder that is no audit is named."""

from __future__ import annotations

import pytest

from shelfmind.cleaning.near_duplicate_pairs import audited_pairs
from shelfmind.errors import UserError
from shelfmind.tables import write_table

COLUMNS = ("path", "split", "class", "kind", "score", "suggested", "related", "detail")


def issue(path, kind, related):
    return (path, "train", "可乐", kind, "1.0", "", related, "")


def test_pairs_of_the_same_picture_are_read(tmp_path):
    rows = [
        issue("1.jpg", "duplicate", "2.jpg|3 .jpg"),
        issue("3.jpg", "leak", "4\n.jpg"),
        issue("5.jpg", "label", "6.jpg"),
        issue("7.jpg", "duplicate", ""),
        issue("8\udce9.jpg", "conflict", "9.jpg"),
    ]
    write_table(tmp_path / "issues.csv", COLUMNS, rows)
    assert audited_pairs(tmp_path) == [
        ("1.jpg", "2.jpg"),
        ("1.jpg", "3 .jpg"),
        ("3.jpg", "4\n.jpg"),
        ("8\udce9.jpg", "9.jpg"),
    ]


def test_what_is_no_audit_is_named(tmp_path):
    with pytest.raises(UserError, match=r"shelfmind\.audit\(data=DATA, out="):
        audited_pairs(tmp_path)
    write_table(tmp_path / "issues.csv", ("path", "kind"), [])
    with pytest.raises(UserError, match="lacks the columns path, kind and related"):
        audited_pairs(tmp_path)
    write_table(tmp_path / "issues.csv", COLUMNS, [("1.jpg", "train")])
    with pytest.raises(UserError, match="line 2: expected 8 cells, got 2"):
        audited_pairs(tmp_path)
