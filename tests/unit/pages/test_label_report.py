"""The page of a label check shows suspects beside their examples, escaped, and the classes they gather in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.label_errors.check import check_labels
from shelfmind.analysis.label_errors.files import find_suspects
from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, describe
from shelfmind.pages.label_report import class_section, write_label_report


@pytest.fixture(scope="module")
def check(planted):
    return check_labels(planted.probabilities, planted.held_out, lambda _: planted.embeddings)


def test_the_page_names_and_shows_every_suspect(planted, check, tmp_path):
    names = tuple(f"<b>{name}" for name in planted.held_out.class_names)
    held_out = replace(
        planted.held_out, class_names=names, given=tuple(names[label] for label in planted.held_out.labels)
    )
    suspects = find_suspects(check, held_out, lambda _: planted.embeddings)
    for path in {picture for each in suspects for picture in (each.path, *each.neighbours, *each.given_neighbours)}:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(tmp_path / path)
    short = "a budget of 8 minutes gives each of 3 folds about 46 steps, too few to find wrong labels reliably. Allow"
    figures = {"images": 240, "checked": 240, "alone": 0, "accuracy": 0.9, "folds": 3, "trusted_folds": 3}
    figures |= {"doubt": None, "short_budget": f"{short} at least 20 minutes"}
    audit = {"data": "/<data>", "format": "folder", "seed": 0, "class_names": list(names), "figures": figures}
    opinion = NetworkOutputs(
        "three networks",
        held_out,
        planted.probabilities,
        lambda _: planted.embeddings,
        np.ones(240, np.bool_),
        tmp_path,
    )
    label_findings = describe(opinion, check, suspects)
    write_label_report(tmp_path / "report.html", label_findings, check, held_out, tmp_path, audit)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>class" not in page
    assert "&lt;b&gt;class" in page
    assert "&lt;data&gt;" in page
    assert page.count('<li class="card">') >= len(suspects) > 10
    assert all(picture.name in page for each in suspects for picture in [Path(each.path)])
    assert page.count("data:image/") >= 2 * len(suspects)
    assert f"A{short[1:]} at least 20 minutes." in page
    assert "预算只够 3 折" in page
    assert "networks that clearly beat guessing" in page
    assert not any(f">{name}<" in page for name in ("doubt", "alone", "trusted folds", "short budget", "None"))
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "each by one of 3 networks" in page
    unchecked = {**audit, "figures": {**figures, "checked": 0, "trusted_folds": 0}}
    write_label_report(tmp_path / "report.html", label_findings, check, held_out, tmp_path, unchecked)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "None of 240 labels in 8 classes was checked. 3 of 3 networks failed to learn." in page
    assert "0 networks" not in page


def test_classes_are_listed_by_their_flagged_labels(planted, check):
    section = class_section(check, planted.held_out)
    flagged = np.bincount(planted.held_out.labels[check.flagged], minlength=8)
    rows = section.tables[0].rows
    assert [int(row[2]) for row in rows] == sorted(flagged[flagged > 0].tolist(), reverse=True)
    assert sum(int(row[2]) for row in rows) == check.flagged.sum()
    label = planted.held_out.class_names.index(rows[0][0])
    assert int(rows[0][1]) == (planted.held_out.labels == label).sum()


def test_nothing_flagged_is_said(plant):
    data = plant(errors=0, foreign=0, noise=0.1)
    check = check_labels(data.probabilities, data.held_out, lambda _: data.embeddings)
    assert not check.flagged.any()
    section = class_section(check, data.held_out)
    assert section.tables == ()
    assert section.empty
