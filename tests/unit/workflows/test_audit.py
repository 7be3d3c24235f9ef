"""An audit as a whole: a small data set with known faults, told in four files that are whole or absent."""

from __future__ import annotations

import csv
import errno
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from shelfmind.analysis.appearances import AppearancesFound
from shelfmind.analysis.measuring import measurement
from shelfmind.analysis.suspects import Suspect, read_suspects
from shelfmind.errors import UserError
from shelfmind.pages import audit_report
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection, Table
from shelfmind.workflows import audit as module
from shelfmind.workflows.audit import audit

OUTPUTS = ["audit.json", "issues.csv", "report.html", "suspects.jsonl"]


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_photo, encode) -> Path:
    """Two classes with 8 images in train and 4 in test, and one fault of each kind."""
    root = tmp_path_factory.mktemp("audited") / "商品 <b>"
    for number, name in enumerate(("可乐", "<script>alert(1)</script>".replace("/", "∕"))):
        for split, count in (("train", 8), ("test", 4)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for place in range(count):
                seed = 100 * number + 10 * place + (split == "test")
                (folder / f"{place}.jpg").write_bytes(encode(make_photo(seed, 160, 130), quality=90))
    first, second = sorted((root / "train").iterdir())
    test = root / "test"
    leaked = Image.open(first / "0.jpg").crop((4, 3, 157, 128))
    (test / first.name / "leaked.jpg").write_bytes(encode(leaked, quality=70))
    (second / "wrong.jpg").write_bytes((first / "1.jpg").read_bytes())
    (first / "again.jpg").write_bytes((first / "2.jpg").read_bytes())
    (first / "cut.jpg").write_bytes((first / "3.jpg").read_bytes()[:900])
    blurred = Image.open(second / "3.jpg").filter(ImageFilter.GaussianBlur(9))
    (second / "unsharp.jpg").write_bytes(encode(blurred, quality=90))
    Image.new("RGB", (20, 20), (9, 9, 9)).save(second / "small.png")
    return root


@pytest.fixture(scope="module")
def made(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("audits") / "audit"
    audit(data, out)
    return out


def issues(folder: Path) -> set[tuple[str, str]]:
    with open(folder / "issues.csv", encoding="utf-8", newline="") as file:
        return {(row["path"].rsplit("/", 1)[-1], row["kind"]) for row in csv.DictReader(file)}


def test_each_fault_is_found_and_nothing_else(made) -> None:
    assert sorted(os.listdir(made)) == OUTPUTS
    found = issues(made)
    assert found >= {
        ("leaked.jpg", "leak"),
        ("wrong.jpg", "conflict"),
        ("again.jpg", "duplicate"),
        ("cut.jpg", "unreadable"),
        ("unsharp.jpg", "blur"),
        ("small.png", "odd_file"),
    }
    kinds = {kind for _, kind in found}
    assert kinds <= {
        "leak", "conflict", "duplicate", "unreadable", "blur", "odd_file", "dark", "low_information", "tilted",
    }  # fmt: skip
    assert {name for name, kind in found if kind == "tilted"} == {"3.jpg"}, "whose lines are oblique, by chance"
    assert {name for name, kind in found if kind in ("dark", "low_information")} <= {"small.png", "unsharp.jpg"}


def test_the_figures_say_the_same(made, data) -> None:
    figures = json.loads((made / "audit.json").read_text(encoding="utf-8"))
    assert (figures["root"], figures["data"], figures["format"], figures["seed"]) == (str(data), str(data), "folder", 0)
    assert len(figures["class_names"]) == 2
    assert figures["images"] == 30
    assert figures["usable_images"] == 29
    assert sum(figures["splits"].values()) == 30
    assert {split: sum(counts) for split, counts in figures["class_counts"].items()} == figures["splits"]
    assert figures["duplicates"]["leaks"] == {"groups": 1, "images": 2}
    assert figures["duplicates"]["conflicts"] == {"groups": 1, "images": 2}
    assert figures["duplicates"]["groups"] == 3
    assert [bad["reason"] for bad in figures["bad_files"]] == ["truncated"]
    assert sum(figures["aspect_ratios"]["counts"]) == 29
    assert figures["quality"]["blur"]["flagged"] >= 1
    assert np.array(figures["channels_255"]["mean"]) / 255 == pytest.approx(figures["channels_1"]["mean"])
    assert figures["images_per_second"] > 0
    assert set(figures["versions"]) >= {"shelfmind", "numpy", "pillow", "python"}


def test_suspects_can_be_reviewed(made, data) -> None:
    found = read_suspects(made / "suspects.jsonl")
    assert {suspect.kind for suspect in found} == {"leak", "conflict", "quality"}
    for suspect in found:
        for path in (suspect.path, *suspect.neighbours, *suspect.given_neighbours):
            assert (data / path).is_file()
    assert [suspect.score for suspect in found] == sorted((each.score for each in found), reverse=True)
    (leak,) = [suspect for suspect in found if suspect.kind == "leak"]
    assert leak.split == "train"


class Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_in_itself_and_names_are_text(made) -> None:
    page = Page((made / "report.html").read_text(encoding="utf-8"))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 1
    assert "b" not in tags
    addresses = [attrs[name] or "" for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    targets = {attrs.get("id") for _, attrs in page.tags}
    assert all(address[1:] in targets for address in addresses if address.startswith("#"))
    assert "<script>alert(1)<∕script>" in page.text
    assert "1 photo is in more than one split." in page.text
    assert "1 photo is labelled with more than one class." in page.text
    assert "1 file is unreadable." in page.text


def test_a_second_audit_measures_nothing_anew(made, data, tmp_path, monkeypatch) -> None:
    def fail(path):
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(measurement, "opened_file", fail)
    audit(data, tmp_path / "again")
    assert (tmp_path / "again" / "issues.csv").read_bytes() == (made / "issues.csv").read_bytes()
    assert (tmp_path / "again" / "suspects.jsonl").read_bytes() == (made / "suspects.jsonl").read_bytes()


def test_an_earlier_audit_is_replaced_only_if_asked_for(data, tmp_path) -> None:
    out = tmp_path / "audit"
    out.mkdir()
    audit(data, out)
    (out / "report.html").write_text("old")
    with pytest.raises(UserError, match="overwrite=True"):
        audit(data, out)
    assert (out / "report.html").read_text() == "old"
    audit(data, out, overwrite=True)
    assert "old" not in (out / "report.html").read_text(encoding="utf-8")[:10]
    (out / "review.jsonl").write_text("decisions")
    with pytest.raises(UserError, match=r"review\.jsonl, which would be lost"):
        audit(data, out, overwrite=True)
    assert (out / "review.jsonl").read_text() == "decisions"
    assert sorted(os.listdir(tmp_path)) == ["audit"]


@pytest.mark.parametrize("step", ["measure_files", "gather_findings", "write_suspects", "write_json"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_nothing(step, error, data, tmp_path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, step, fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UserError
    with pytest.raises(expected) as caught:
        audit(data, tmp_path / "audit")
    if expected is UserError:
        assert "no space left" in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_data_that_cannot_be_audited(tmp_path, make_photo) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no data set"):
        audit(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UserError, match="no such file or folder"):
        audit(tmp_path / "missing", tmp_path / "out")
    one = tmp_path / "one" / "only"
    one.mkdir(parents=True)
    make_photo(0).save(one / "a.jpg")
    with pytest.raises(UserError, match="only one class"):
        audit(tmp_path / "one", tmp_path / "out")
    for name in ("a", "b"):
        folder = tmp_path / "broken" / name
        folder.mkdir(parents=True)
        (folder / "x.jpg").write_text("no image")
    with pytest.raises(UserError, match=r"none of the 2 images .* is usable: .*not an image"):
        audit(tmp_path / "broken", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_adds_its_parts(data, tmp_path, monkeypatch) -> None:
    asked = []
    section = PageSection(
        "labels",
        "Suspicious labels",
        "What a run doubts.",
        galleries=(Gallery("", "", (Card((data / "gone.jpg",), (Line("is", "<i>茶</i>", True),)),), 5),),
        tables=(Table("All", (("Class", True), ("Images", False)), (("<u>a</u>", "3"),), 9, filtered=True),),
    )
    suspect = Suspect("train/x.jpg", "train", "可乐", "茶", "label", 0.97, "doubted")

    def judge(catalog):
        asked.append(catalog)
        return SimpleNamespace(
            suspects=(suspect,),
            figures={"label_errors": 3},
            appearances=AppearancesFound((), 0),
            accuracies=SimpleNamespace(classes=()),
        )

    headline = Headline("bad", "3 labels are doubted.", "Review them.", "labels")
    monkeypatch.setattr(audit_report, "label_check_sections", lambda label_findings: [section])
    monkeypatch.setattr(audit_report, "label_check_headlines", lambda label_findings: [headline])

    monkeypatch.setattr(module, "_label_check_by", lambda run, counter: judge)
    audit(data, tmp_path / "audit", run=tmp_path)
    assert len(asked[0].samples) == 29
    assert json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"))["label_errors"] == 3
    assert suspect in read_suspects(tmp_path / "audit" / "suspects.jsonl")
    assert ("x.jpg", "label") in issues(tmp_path / "audit")
    page = Page((tmp_path / "audit" / "report.html").read_text(encoding="utf-8"))
    assert not {"i", "u"} & {tag for tag, attrs in page.tags if tag == "u" or (tag == "i" and attrs)}
    assert "<i>茶</i>" in page.text
    assert "4 more in issues.csv" in page.text
    assert "8 more rows: see issues.csv, audit.json." in page.text
    assert "cannot be opened" in page.text


def test_a_page_of_thousands_of_classes_stays_small(tmp_path, make_photo, encode) -> None:
    """2,000 classes of one image, each a copy of other classes'."""
    contents = [encode(make_photo(seed, 60, 50), quality=80) for seed in range(40)]
    lines = ["path,label,split"]
    (tmp_path / "photos").mkdir()
    for number in range(2000):
        path = tmp_path / "photos" / f"{number}.jpg"
        path.write_bytes(contents[number % 40])
        lines.append(
            f"photos/{number}.jpg,一个相当长的商品名称 500ml（{number}）,{'test' if number % 3 == 0 else 'train'}"
        )
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    figures = audit(tmp_path / "list.csv", tmp_path / "audit").figures
    assert figures["duplicates"]["conflicts"]["groups"] == 40
    assert (tmp_path / "audit" / "report.html").stat().st_size < 1_400_000
    assert (tmp_path / "audit" / "issues.csv").stat().st_size < 5_400_000
