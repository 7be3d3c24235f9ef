"""The report says what became of the images, and names are text in it."""

from __future__ import annotations

import re

from shelfmind.analysis.decisions import append_decision, decide
from shelfmind.cleaning.rows import Row, drop_rows
from shelfmind.pages.preparation_report import class_lines
from shelfmind.workflows.prepare import prepare


def test_the_report_shows_what_changed_and_escapes_names(make, tmp_path):
    evil = "<b onclick=x>（1）"
    root = make({f"train/{evil}": 4, "train/雪碧": 20, f"test/{evil}": 1, "test/雪碧": 1})
    log = tmp_path / "review.jsonl"
    append_decision(log, decide("<i>", f"train/{evil}/0.jpg", evil, "relabel", "雪碧"))
    figures = prepare(root, tmp_path / "clean", decisions=(log,), cap_all=8).figures
    page = (tmp_path / "clean" / "report.html").read_text(encoding="utf-8")
    assert "<b onclick" not in page
    assert "<i>" not in page
    assert "&lt;b onclick=x&gt;（1）" in page
    assert "_b onclick=x_(1)" in page
    assert f"Over the cap ({figures.dropped['over the cap']})" in page
    shown = min(12, figures.dropped["over the cap"]) + figures.relabelled
    assert len(re.findall(r'src="data:image/jpeg;base64,', page)) == shown
    assert not re.search(r"https?://", page)
    assert page.count("<script") == 1


def test_classes_are_counted_before_and_after_under_their_new_names():
    rows = [
        Row("1", "可乐（1L）", "train", "可乐(1L)", "train"),
        Row("2", "可乐（1L）", "train", "雪碧", "val"),
        Row("3", "雪碧", "test", "雪碧", "test"),
        Row("4", "芬达", "train", "芬达", "train"),
    ]
    lines = class_lines(drop_rows(rows, {"4": "unusable: truncated"}), {"可乐（1L）": "可乐(1L)"})
    assert [(line.name, line.before, line.after, line.splits) for line in lines] == [
        ("可乐(1L)", 2, 1, (1, 0, 0)),
        ("芬达", 1, 0, (0, 0, 0)),
        ("雪碧", 1, 2, (0, 1, 1)),
    ]
