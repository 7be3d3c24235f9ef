"""The table, the suspects, the figures, the page and the review count the same; without good judges all say so."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.analysis.label_errors.check import LabelCheck, check_labels
from shelfmind.analysis.label_errors.files import find_suspects, write_label_errors
from shelfmind.analysis.label_errors.network_findings import NetworkFindings, NetworkOutputs, describe
from shelfmind.analysis.suspects import FILE_NAME, write_suspects
from shelfmind.files import write_json
from shelfmind.pages.label_check_sections import label_check_headlines
from shelfmind.pages.label_report import class_section, write_label_report
from shelfmind.review.audit_folder import read_audit
from shelfmind.review.deck import Deck
from shelfmind.tables import read_table


def written(planted: Any, probabilities: np.ndarray, folder: Path) -> tuple[LabelCheck, NetworkFindings]:
    """Everything that a label check leaves in its folder."""

    def embeddings(fold: int) -> Any:
        return planted.embeddings

    held_out = planted.held_out
    check = check_labels(probabilities, held_out, embeddings)
    suspects = find_suspects(check, held_out, embeddings)
    opinion = NetworkOutputs(
        "networks", held_out, probabilities, embeddings, np.ones(held_out.checkable, np.bool_), folder
    )
    label_findings = describe(opinion, check, suspects)
    trusted = sum(judge.trusted for judge in check.competences)
    figures = {
        "images": 240,
        "accuracy": 0.75,
        "estimated_wrong": 44,
        "checked": int(check.checked.sum()),
        "folds": 3,
        "trusted_folds": trusted,
    }
    about = {"data": str(folder), "root": str(folder), "format": "folder", "seed": 0}
    audit = {**about, "class_names": list(held_out.class_names), "figures": figures, **label_findings.figures}
    write_label_errors(folder / "label_errors.csv", check, held_out)
    write_suspects(folder / FILE_NAME, suspects)
    write_label_report(folder / "report.html", label_findings, check, held_out, folder, audit)
    write_json(folder / "audit.json", audit)
    return check, label_findings


def flags(folder: Path) -> Counter[str]:
    (_, header), *rows = read_table(folder / "label_errors.csv", exact=True)
    return Counter(row[header.index("flagged")] for _, row in rows)


def reviewed(folder: Path) -> dict[str, Any]:
    return Deck(read_audit(folder), "Wang", folder / "review.jsonl").overview()


@pytest.mark.parametrize("seen_by_one_less", [False, True])
def test_all_places_count_the_same(seen_by_one_less: bool, plant: Any, tmp_path: Path) -> None:
    planted = plant(errors=12, foreign=3)
    probabilities = planted.probabilities.copy()
    if seen_by_one_less:
        weak = planted.held_out.folds == 1
        probabilities[weak] = np.random.default_rng(0).permutation(probabilities[weak])
    check, label_findings = written(planted, probabilities, tmp_path)
    assert (check.outliers & (check.score > 0.5)).any()  # such an image used to be counted as both
    labels, outliers = int(check.flagged.sum()), int(check.outliers.sum())
    assert labels
    assert outliers

    assert (flags(tmp_path)["yes"], flags(tmp_path)["outlier"]) == (labels, outliers)
    assert flags(tmp_path)["not checked"] == (~check.checked).sum() == (80 if seen_by_one_less else 0)

    assert label_findings.figures["suspected_labels"] == labels
    assert label_findings.figures["outliers"] == outliers
    assert label_findings.figures["checked_images"] == check.checked.sum()
    said = json.loads((tmp_path / "audit.json").read_text())
    assert (said["suspected_labels"], said["outliers"]) == (labels, outliers)

    lines = (tmp_path / FILE_NAME).read_text(encoding="utf-8").splitlines()
    assert Counter(json.loads(line)["kind"] for line in lines) == {"label": labels, "outlier": outliers}

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{labels} labels are suspicious" in page
    assert f"{outliers} images fit no class" in page
    assert f"{check.checked.sum()} of 240 labels" in page
    assert re.search("classes that the networks confuse.*?<td>44<", page)  # not of the same kind as the suspects
    assert "<td>75.0%<" in page
    assert ("does not clearly beat guessing" in page.split('id="made"')[0]) == seen_by_one_less
    classes = class_section(check, planted.held_out).tables[0].rows
    assert sum(int(row[2]) for row in classes) == labels

    assert Counter(reviewed(tmp_path)["kind"]) == {"label": labels, "outlier": outliers}
    assert ("not clearly beat guessing" in str(reviewed(tmp_path)["notice"])) == seen_by_one_less


def test_without_a_good_judge_all_places_say_so(planted: Any, tmp_path: Path) -> None:
    lucky = np.random.default_rng(0).permutation(planted.probabilities)
    _, label_findings = written(planted, lucky, tmp_path)
    reason = "none of 3 networks clearly beats guessing"
    assert flags(tmp_path) == {"not checked": 240}
    (_, header), *rows = read_table(tmp_path / "label_errors.csv", exact=True)
    assert {row[header.index("score")] for _, row in rows} == {""}
    assert {row[header.index("why_not_checked")] for _, row in rows} == {"its network does not clearly beat guessing"}
    assert (tmp_path / FILE_NAME).read_bytes() == b""
    assert label_findings.figures["doubt"].startswith(reason)
    assert label_findings.figures["families"] == []
    assert [judge["trusted"] for judge in label_findings.figures["networks"]] == [False] * 3
    assert [line.grade for line in label_check_headlines(label_findings)] == ["bad"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert reason.replace("none", "None") in page
    assert "No suspicious labels" not in page
    assert reviewed(tmp_path)["notice"].startswith(reason)
    assert "Train longer" in reviewed(tmp_path)["notice"]


def test_no_page_claims_what_share_of_suspicions_holds(planted: Any, tmp_path: Path) -> None:
    written(planted, planted.probabilities, tmp_path)
    assert not re.search("(?i)about half|half of", (tmp_path / "report.html").read_text(encoding="utf-8"))


def test_ratios_are_sober(planted: Any, tmp_path: Path) -> None:
    written(planted, planted.probabilities, tmp_path)
    details = [json.loads(line)["detail"] for line in (tmp_path / FILE_NAME).read_text(encoding="utf-8").splitlines()]
    found = [match[1] for each in details if (match := re.search(r"is ((?:over )?[\d.]+) times as likely", each))]
    assert "over 100" in found
    assert all(each == "over 100" or 1 <= float(each) <= 100 for each in found)
    assert all(len(each) <= 3 for each in found if each != "over 100")
