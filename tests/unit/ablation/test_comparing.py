"""From results in a store to the table: figures, verdicts, cost, failures, and the files that hold them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.ablation.comparing import tabulate
from shelfmind.ablation.expansion import Expansion, Settings
from shelfmind.ablation.files import markdown, write_files
from shelfmind.ablation.processes import Failure
from shelfmind.ablation.store import Cost, Result, Store
from shelfmind.ablation.table import Table
from shelfmind.errors import UserError
from shelfmind.evaluation.outcomes import Outcomes

IMAGES, SEEDS = 200, (0, 1, 2)
ROWS = [
    {"name": "good", "words": "helps", "set": {"train.lr": 0.1}},
    {"name": "same", "set": {"train.lr": 0.2}},
    {"name": "longer", "length": 2, "against": "good"},
    {"name": "broken", "set": {"train.lr": 0.3}},
    {"name": "together", "ensemble": True},
]
RIGHT = {"base": 100, "good": 140, "same": 101, "longer": 90, "together": 130}
"""How many of the images each row has right, the first so many."""


def result(right: int, seed: int, images: str = "x") -> Result:
    labels = np.arange(IMAGES) % 4
    hit = np.arange(IMAGES) < right + seed
    truth = np.where(hit, 0.8, 0.1)
    return Result(images, Outcomes(labels, labels, np.where(hit, 0, 1), np.full(IMAGES, 0.8), truth, 4), 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "results").mkdir()
    return Store(tmp_path, "d" * 64, "test", 2)


@pytest.fixture
def made() -> Expansion:
    return Expansion(Table.model_validate({"about": "What helps?", "rows": ROWS}), "mine", Settings(epochs=10))


@pytest.fixture
def table(store: Store, made: Expansion) -> dict[str, Any]:
    cells = made.cells(SEEDS)
    for cell in cells:
        if cell.row == "broken":
            continue
        result(RIGHT[cell.row], cell.seed or 0).save(store.result(cell.answer))
        for step in cell.answer.all_steps():
            store.place(step).folder.mkdir(parents=True, exist_ok=True)
            store.place(step).keep_cost(Cost(60.0, 90.0, 500.0 + (cell.seed or 0), 2, True, "onednn bf16"))
    failures = [Failure("broken", 1, "no | such thing")]
    found = tabulate(made, store, cells, failures, np.array([200, 50, 10, 5]))
    about = {"about": {"en": "What helps?", "zh": "什么有效？"}, "table": "mine", "recipe": "default", "base": "x: 1\n"}
    more = {"data": "photos", "train_images": 265, "split": "test", "seeds": list(SEEDS), "max_minutes": None}
    return {**about, **more, "cores": 2, "jobs": 1, "chosen_by_metric": False, **found}


def of(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in table["rows"] if row["name"] == name)


def test_figures_and_verdicts(table: dict[str, Any]) -> None:
    base, good, same = of(table, "base"), of(table, "good"), of(table, "same")
    assert base["mean"] == pytest.approx(101 / IMAGES)
    assert base["spread"] == pytest.approx(1 / IMAGES)
    assert base["figures"]["many"] == pytest.approx(0.5, abs=0.02)
    assert "comparison" not in base
    assert good["comparison"]["difference"] == pytest.approx(0.2)
    assert good["comparison"]["by_seed"] == pytest.approx([0.2] * 3)
    assert good["comparison"]["verdict"] == "better"
    assert same["comparison"]["verdict"] == "none"
    assert not same["comparison"]["excludes_zero"]


def test_a_row_may_be_compared_with_another_and_all_seeds_together_with_each(table: dict[str, Any]) -> None:
    assert of(table, "longer")["comparison"]["difference"] == pytest.approx(-0.25)
    assert of(table, "longer")["comparison"]["verdict"] == "worse"
    together = of(table, "together")
    assert together["seeds"] == [None]
    assert together["comparison"]["difference"] == pytest.approx((130 - 101) / IMAGES)
    assert together["comparison"]["by_seed"] == []


def test_what_chance_would_give(table: dict[str, Any]) -> None:
    assert table["chance"] == {
        "comparisons": 4,
        "level": 0.05,
        "expected": pytest.approx(0.2),
        "excluding_zero": 3,
        "claimed": 3,
    }


def test_cost_is_that_of_all_steps_as_if_none_were_shared(table: dict[str, Any]) -> None:
    spent = {"seconds": 60.0, "processor_s": 90.0, "memory_mib": 502.0, "cores": [2], "kernels": ["onednn bf16"]}
    assert of(table, "good")["cost"] == spent
    assert of(table, "together")["cost"]["processor_s"] == 270.0
    assert of(table, "broken")["cost"] is None
    assert of(table, "good")["images_per_second"] == pytest.approx(100)


def test_a_row_that_failed_is_named_with_its_error(table: dict[str, Any]) -> None:
    assert of(table, "broken")["failures"] == [{"row": "broken", "seed": 1, "error": "no | such thing"}]
    said = markdown(table)
    assert "| broken: train.lr=0.3 | – |  |  | failed |" in said
    assert "- broken (seed 1): no | such thing" in said
    assert "Incomplete: 13 of 16 training runs" in said


def test_the_first_line_says_what_is_equal_and_what_is_not(table: dict[str, Any]) -> None:
    first = markdown(table).splitlines()[0]
    assert first == "Compared at equal epochs: 10 epochs per row, except longer (20), together (10 + 10 + 10)."
    minutes = {**table, "max_minutes": 5.0, "rows": [{**row, "lengths": [5.0]} for row in table["rows"]]}
    assert markdown(minutes).splitlines()[0] == "Compared at equal minutes: 5 minutes on 2 cores per row and seed."
    minutes["rows"][1]["lengths"] = [5.0, 2.5]
    assert markdown(minutes).splitlines()[0].endswith("per row and seed, except good (5 + 2.5).")


def test_the_files(table: dict[str, Any], tmp_path: Path) -> None:
    write_files(tmp_path, table)
    assert json.loads((tmp_path / "ablation.json").read_text("utf-8"))["rows"][0]["name"] == "base"
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["base", "good", "same", "longer", "broken", "together"]
    assert float(rows[1]["difference"]) == pytest.approx(0.2)
    assert rows[1]["verdict"] == "better"
    assert rows[4]["error"] == "no | such thing (seed 1)"
    page = (tmp_path / "report.html").read_text("utf-8")
    for said in (
        "What helps?",
        "什么有效？",
        "no difference found",
        "good is better by 20.0 points",
        "no | such thing",
    ):
        assert said in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_result_that_is_not_whole_is_none(store: Store, made: Expansion, tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    result(10, 0).save(path)
    loaded = Result.load(path)
    assert loaded is not None
    assert loaded.outcomes.correct.sum() == 10
    assert loaded.outcomes.classes == 4
    path.write_bytes(path.read_bytes()[:100])
    assert Result.load(path) is None
    assert Result.load(tmp_path / "none.npz") is None


def test_other_images_cannot_be_compared(store: Store, made: Expansion) -> None:
    cells = made.cells((0,))
    result(10, 0).save(store.result(cells[0].answer))
    result(10, 0, images="y").save(store.result(cells[1].answer))
    with pytest.raises(UserError, match="'base' and 'good' were evaluated on different images"):
        tabulate(made, store, cells, [], np.ones(4, np.int64))


def test_before_anything_is_done_the_table_says_so(store: Store, made: Expansion) -> None:
    found = tabulate(made, store, made.cells((0,)), [], np.ones(4, np.int64))
    assert found["finished"] == 0
    assert found["chance"]["comparisons"] == 0


@pytest.mark.parametrize("metric", ["top1", "macro_top1", "likelihood"])
def test_a_row_that_is_never_right_is_worse_than_a_base_that_always_is(store: Store, metric: str) -> None:
    rows = [{"name": "broken", "set": {"train.lr": 9.0}}]
    made = Expansion(
        Table.model_validate({"about": "What helps?", "rows": rows, "metric": metric}), "mine", Settings(epochs=10)
    )
    cells = made.cells((0, 1))
    for cell in cells:
        result(IMAGES if cell.row == "base" else -1, cell.seed or 0).save(store.result(cell.answer))
    found = of(tabulate(made, store, cells, [], np.array([50] * 4)), "broken")["comparison"]
    assert found["ci95"][0] < found["ci95"][1] < 0
    assert found["verdict"] == "worse"
