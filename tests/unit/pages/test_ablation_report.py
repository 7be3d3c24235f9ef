"""The page of an ablation: in both languages, with its plots, whatever rows are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shelfmind.pages.ablation_report import write_ablation_report
from shelfmind.pages.ablation_words import minutes
from shelfmind.pages.row_charts import BarRow, IntervalRow, amount_chart, interval_chart
from shelfmind.pages.words import say

COST = {"seconds": 60.0, "processor_s": 90.0, "memory_mib": 512.0, "cores": [2], "kernels": ["onednn bf16"]}


def row(name: str, verdict: str | None = None, difference: float = 0.0, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "words": {"en": "", "zh": "说明"},
        "against": None if verdict is None else "base",
        "changes": {},
        "lengths": [10.0],
        "seeds": [0, 1],
        "mean": 0.5,
        "spread": 0.01,
        "figures": {
            "top1": 0.5,
            "macro_top1": 0.4,
            "many": None,
            "medium": 0.3,
            "few": 0.2,
            "likelihood": -1,
            "ece": 0.1,
        },
        "cost": COST,
        "failures": [],
        "images_per_second": 100.0,
    }
    if verdict is not None:
        ends = [difference - 0.02, difference + 0.02]
        found["comparison"] = {"difference": difference, "ci95": ends, "by_seed": [difference] * 2, "spread": 0.0}
        found["comparison"] |= {
            "excludes_zero": ends[0] > 0,
            "chance": 0.01,
            "adjusted_chance": 0.02,
            "verdict": verdict,
        }
    return {**found, **more}


def result(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {
        "about": {"en": "What helps?", "zh": "什么有效？"},
        "table": "表",
        "recipe": "默认",
        "base": "",
        "data": "/数据",
        "train_images": 100,
        "images": 50,
        "split": "val",
        "seeds": [0, 1],
        "max_minutes": None,
        "cores": 2,
        "jobs": 1,
        "chosen_by_metric": True,
        "metric": "top1",
        "cells": 9,
        "finished": 8,
        "rows": list(rows),
        "chance": {"comparisons": 2, "level": 0.05, "expected": 0.1, "excluding_zero": 1, "claimed": 1},
    }
    return {**found, **more}


def written(path: Path, made: dict[str, Any]) -> str:
    write_ablation_report(path / "report.html", made)
    return (path / "report.html").read_text(encoding="utf-8")


def test_every_word_has_its_chinese(tmp_path: Path, in_english_only: Callable[[str], set[str]]) -> None:
    failures = [{"row": "坏", "seed": 1, "error": "the process ended with status 1: 错误 (log: 文件)"}]
    rows = (row("基准"), row("好", "better", 0.1), row("平", "none", 0.03), row("坏", cost=None, failures=failures))
    assert in_english_only(written(tmp_path, result(*rows))) <= {"Holm", "MiB"}
    late = row("迟", cost={**COST, "seconds": 400.0}, lengths=[5.0], words={"en": "", "zh": ""}, changes={"x": "改"})
    timed = result(*rows, late, row("差", "worse", -0.2, lengths=[3.0]), max_minutes=5.0, judge="likelihood", seeds=[3])
    page = written(tmp_path, timed)
    assert in_english_only(page) <= {"Holm", "MiB"}
    assert "More than 10% over the time budget (minutes): 迟 (6.7)." in page
    assert "x=改" in page
    assert "Took over" not in written(tmp_path, result(*rows, late))
    together = row("合", "better", 0.1)
    together["comparison"]["by_seed"] = []
    page = written(tmp_path, result(*rows, together))
    assert in_english_only(page) <= {"Holm", "MiB"}
    assert "accounted for in 合: there is just one ensemble" in page
    assert "kernels or precision" not in page
    elsewhere = row("别处", cost={**COST, "kernels": ["mindspore fp32"]})
    page = written(tmp_path, result(*rows, elsewhere))
    assert in_english_only(page) <= {"Holm", "MiB", "mindspore", "onednn", "bf", "fp"}
    assert "differ in kernels or precision (mindspore fp32, onednn bf16)" in page
    assert "just one ensemble of all seeds" not in written(tmp_path, result(*rows))
    nothing = result(row("基准", mean=None, cost=None), chance={**result()["chance"], "comparisons": 0})
    assert in_english_only(written(tmp_path, nothing)) <= {"Holm", "MiB"}


def test_what_verdicts_reckon_with_is_what_there_is(tmp_path: Path, in_english_only: Callable[[str], set[str]]) -> None:
    """Seeds count only where a row has two that can be paired: never with one seed, nor for an ensemble."""

    def told(by_seed: dict[str, int], **more: Any) -> str:
        rows = [row(name, "better", 0.1) for name in by_seed]
        for each, count in zip(rows, by_seed.values(), strict=True):
            each["comparison"]["by_seed"] = [0.1] * count
        page = written(tmp_path, result(row("基准"), *rows, **more))
        assert in_english_only(page) <= {"Holm", "MiB"}
        return page

    several = told({"甲": 2, "乙": 2})
    assert "chance over images and seeds would let about 0.1 of them exclude zero" in several
    assert "（同时考虑图片与种子）" in several
    one = told({"甲": 1, "乙": 0}, seeds=[7])
    assert "chance over images alone would let about 0.1 of them exclude zero" in one
    assert "（只考虑图片）" in one
    assert "With one seed, the variation between training runs is unknown" in one
    assert "so far" not in one
    mixed = told({"甲": 2, "合": 0, "迟": 1})
    assert "chance over images and seeds (over images alone for 合, 迟) would let about 0.1" in mixed
    assert "accounted for in 合: there is just one ensemble" in mixed
    assert "accounted for in 迟: just one seed can be compared so far" in mixed


def test_hostile_names_are_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    changes = {evil: evil}
    failures = [{"row": evil, "seed": None, "error": evil}]
    rows = (row("base"), row(evil, "better", 0.1, words={"en": evil, "zh": evil}, changes=changes, failures=failures))
    page = written(tmp_path, result(*rows, about={"en": evil, "zh": evil}))
    assert "<script>alert" not in page


def test_intervals_lie_around_zero() -> None:
    rows = [
        IntervalRow("c2", say("better"), 2.0, 1.0, 3.0, say("better"), (1.5, 2.5)),
        IntervalRow("c3", say("worse"), -2.0, -3.0, -1.0, say("worse")),
    ]
    drawing = interval_chart(rows, say("Differences"), say("points"))
    assert drawing is not None
    assert drawing.count("<circle") == 4
    assert drawing.count('class="line"') == 2
    assert 'class="diagonal"' in drawing
    assert interval_chart([], say("Differences"), say("points")) is None
    alone = [IntervalRow("c1", say("better"), 0.0, 0.0, 0.0, say("better"))]
    assert interval_chart(alone, say("Differences"), say("points")) is not None


def test_amounts_start_at_zero() -> None:
    drawing = amount_chart(
        [BarRow(say("better"), 10.0, "10"), BarRow(say("worse"), 5.0, "5")], say("Differences"), say("to")
    )
    assert drawing is not None
    assert drawing.count('class="bar"') == 2
    assert amount_chart([BarRow(say("worse"), 0.0, "0")], say("Differences"), say("to")) is None


def test_short_times_keep_two_digits() -> None:
    assert [minutes(each) for each in (None, 0.0, 3.3, 45.0, 60.0, 600.0)] == ["–", "0", "0.055", "0.75", "1.0", "10.0"]
