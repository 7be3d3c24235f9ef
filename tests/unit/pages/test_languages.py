"""Every page can be read in Chinese from its first word to its last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.label_errors.check import check_labels
from shelfmind.analysis.label_errors.files import find_suspects
from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, describe, network_findings
from shelfmind.pages.explanations import Explanation, Likeness, Panel, write_explanations
from shelfmind.pages.label_report import write_label_report
from shelfmind.pages.templates import Picture
from shelfmind.workflows import audit as audit_module
from shelfmind.workflows.audit import audit
from shelfmind.workflows.prepare import prepare

Find = Callable[[str], set[str]]
FIGURES = {
    "folder",
    "python",
    "numpy",
    "pillow",
    "scipy",
    "clipped",
    "edges",
    "luma",
    "glare",
    "brightness",
    "lines",
    "tilt",
    "askew",
}
"""Names of formats, packages and fields, as `audit.json` has them."""


@pytest.fixture
def data(tmp_path: Path, make_photo, encode) -> Path:
    """Two classes with a fault of each kind, all names in Chinese."""
    root = tmp_path / "数据"
    for number, name in enumerate(("可乐", "雪碧")):
        for split, count in (("train", 8), ("test", 5)):
            for place in range(count):
                file = root / split / name / f"{place}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(encode(make_photo(100 * number + 10 * place + (split == "test"), 160, 130)))
    first, second = root / "train" / "可乐", root / "train" / "雪碧"
    (root / "test" / "可乐" / "泄漏.jpg").write_bytes((first / "0.jpg").read_bytes())
    (second / "标错.jpg").write_bytes((first / "1.jpg").read_bytes())
    (first / "重复.jpg").write_bytes((first / "2.jpg").read_bytes())
    (first / "断.jpg").write_bytes((first / "3.jpg").read_bytes()[:900])
    (first / "说明.txt").write_text("不是图片")
    Image.new("RGB", (20, 300), (9, 9, 9)).save(second / "小.png")
    (root / "train" / "空").mkdir()
    return root


def page(folder: Path, name: str = "report.html") -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_the_audit(data: Path, tmp_path: Path, in_english_only: Find) -> None:
    audit(data, tmp_path / "审查")
    assert in_english_only(page(tmp_path / "审查")) <= FIGURES
    assert "1 class has no image: 空." in page(tmp_path / "审查")


def test_the_audit_with_a_judge(
    data: Path, tmp_path: Path, opinion: NetworkOutputs, in_english_only: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in opinion.held_out.names:
        Image.new("RGB", (8, 8), "red").save(tmp_path / name)
    monkeypatch.setattr(audit_module, "_label_check_by", lambda run, counter: lambda catalog: network_findings(opinion))
    audit(data, tmp_path / "审查", run=tmp_path)
    assert in_english_only(page(tmp_path / "审查")) <= FIGURES | {"others", *opinion.source.split()}


def test_the_label_check(planted, tmp_path: Path, in_english_only: Find) -> None:
    check = check_labels(planted.probabilities, planted.held_out, lambda _: planted.embeddings)
    suspects = find_suspects(check, planted.held_out, lambda _: planted.embeddings)
    opinion = NetworkOutputs(
        "3 networks, each on held-out images",
        planted.held_out,
        planted.probabilities,
        lambda _: planted.embeddings,
        np.ones(240, np.bool_),
        tmp_path,
    )
    figures = {"images": 240, "checked": 240, "folds": 3, "trusted_folds": 2}
    about = {"data": "/数据", "format": "folder", "seed": 0, "class_names": ["甲"] * 8, "figures": figures}
    label_findings = describe(opinion, check, suspects)
    write_label_report(tmp_path / "report.html", label_findings, check, planted.held_out, tmp_path, about)
    left = in_english_only(page(tmp_path))
    assert left <= {"class", "folder", "images", "checked", "folds", "trusted"}


def test_explanations(tmp_path: Path, in_english_only: Find) -> None:
    nothing, picture = Picture(None, ""), Picture("data:,", "一.jpg")
    likeness = (Likeness("/二.jpg", "可乐", 0.8),)
    good = Explanation("/照片/一.jpg", "可乐", (("可乐", 0.9),), "00000.png", likeness, seen="near-copy")
    bad = Explanation("/照片/断.jpg", error="truncated")
    panels = [Panel(good, picture, picture, (picture,)), Panel(bad, nothing, nothing, ())]
    notes = ["/数据 does not exist any more, so no training images are shown for comparison."]
    write_explanations(tmp_path / "index.html", "一", panels, notes)
    assert in_english_only(page(tmp_path, "index.html")) == set()


def test_a_clean_copy(data: Path, tmp_path: Path, in_english_only: Find) -> None:
    prepare(data, tmp_path / "整理", drop_duplicates=True, drop_leaks=True, max_bad_fraction=0.5, fraction=0.8)
    assert in_english_only(page(tmp_path / "整理")) == set()
