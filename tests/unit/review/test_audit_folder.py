"""An audit is read, and whatever is wrong with it is named."""

from __future__ import annotations

import json

import pytest

from shelfmind.errors import UserError
from shelfmind.review.audit_folder import read_audit
from shelfmind.review.pictures import Pictures


def test_an_audit_is_read(audit, root):
    assert (audit.root, audit.format, audit.class_names) == (root, "folder", ("可乐", "芬达（1L）", "雪碧"))
    assert [each.path for each in audit.suspects] == ["train/可乐/1.jpg", "train/雪碧/2.png", "train/可乐/2.jpg"]


def test_a_data_set_that_moved_can_be_named(audit, root, tmp_path):
    root.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=r"no longer at .*商品; set its location with data=PATH"):
        read_audit(audit.folder)
    assert read_audit(audit.folder, tmp_path / "moved").root == tmp_path / "moved"


def test_a_list_beside_another_one_is_found_again(audit, root, tmp_path):
    for name in ("a.csv", "b.csv"):
        (root / name).write_text("path,label\ntrain/可乐/1.jpg,可乐\ntrain/雪碧/1.jpg,雪碧\n", encoding="utf-8")
    facts = json.loads((audit.folder / "audit.json").read_text(encoding="utf-8"))
    facts |= {"data": str(root / "a.csv"), "format": "csv"}
    (audit.folder / "audit.json").write_text(json.dumps(facts), encoding="utf-8")
    found = read_audit(audit.folder)
    assert found.root == root / "a.csv"
    assert Pictures(found.root, found.format).locate("train/可乐/1.jpg") == root / "train/可乐/1.jpg"


def test_how_to_audit_again_names_a_format_that_is_not_detected(audit, root):
    (audit.folder / "suspects.jsonl").unlink()
    (root / "a.csv").write_text("path,label\ntrain/可乐/1.jpg,可乐\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"shelfmind\.audit\(data='.*商品', format='folder', out="):
        read_audit(audit.folder)


def test_a_folder_that_is_no_audit_is_named(tmp_path, audit):
    with pytest.raises(UserError, match="no such file or folder"):
        read_audit(tmp_path / "none")
    with pytest.raises(UserError, match=r"is not an audit: it has no audit\.json"):
        read_audit(tmp_path)
    (audit.folder / "suspects.jsonl").unlink()
    with pytest.raises(UserError, match=r"has no suspects\.jsonl"):
        read_audit(audit.folder)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"root": "x"}',
        '{"root": "r", "data": 3, "format": "f", "class_names": []}',
        '{"root": 3, "format": "f", "class_names": []}',
    ],
)
def test_a_damaged_audit_is_named(audit, content):
    (audit.folder / "audit.json").write_text(content)
    with pytest.raises(UserError, match=r"audit\.json is damaged"):
        read_audit(audit.folder)


def test_a_damaged_suspect_is_named_with_its_line(audit):
    with open(audit.folder / "suspects.jsonl", "a") as file:
        file.write(json.dumps({"path": "x"}) + "\n")
    with pytest.raises(UserError, match=r"suspects\.jsonl, line 4"):
        read_audit(audit.folder)
